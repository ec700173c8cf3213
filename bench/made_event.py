"""Events to plan, as large as asked for, with the spread of wishes and languages of real ones; from a seed."""

import random
from typing import Any

TOPICS = tuple(f"topic-{number:02}" for number in range(40))
MOTIVES = ("career", "network", "problem", "perspective")
LANGUAGES = (("id",), ("id", "en"), ("en",), ("id", "jv"), ("id", "en", "zh"), ())


def made_event(
    mentees: int, mentors: int, rounds: int, sites: int = 1, seed: int = 1, missing: float = 0.0, remote: float = 0.0
) -> dict[str, Any]:
    """A plan input of ``mentees`` and ``mentors`` over ``sites``.

    A share ``missing`` of the people misses one or two rounds, a share ``remote`` may meet across sites.
    """
    dice = random.Random(seed)
    # Some topics are asked for, and known, far more often than others.
    weights = [1 / (rank + 2) for rank in range(len(TOPICS))]
    every = list(range(1, rounds + 1))

    def topics(count: int) -> list[str]:
        return list(dict.fromkeys(dice.choices(TOPICS, weights, k=count)))

    def person(number: int, letter: str) -> dict[str, Any]:
        who: dict[str, Any] = {
            "id": f"{letter}{number}",
            "site": f"site-{number % sites}",
            "languages": list(dice.choices(LANGUAGES, (50, 25, 5, 10, 5, 5))[0]),
        }
        if dice.random() < remote:
            who["remote"] = True
        if dice.random() < missing:
            away = dice.sample(every, min(rounds - 1, dice.randint(1, 2)))
            who["rounds"] = [each for each in every if each not in away]
        return who

    some = [
        {
            **person(number, "m"),
            "topics": {topic: dice.randint(1, 5) for topic in topics(6)},
            "motives": dice.sample(MOTIVES, dice.randint(1, 4)),
            "storytelling": dice.randint(0, 5),
        }
        for number in range(mentors)
    ]
    many = [{**person(number, "e"), "topics": topics(4), "motive": dice.choice(MOTIVES)} for number in range(mentees)]
    for number, mentee in enumerate(many):
        if dice.random() < 0.2:
            mentee["wants"] = sorted({f"m{_near(dice, number, sites, mentors)}" for _ in range(2)})
        if dice.random() < 0.03:
            mentee["avoid"] = [f"m{_near(dice, number, sites, mentors)}"]
    for number, mentor in enumerate(some):
        if dice.random() < 0.3:
            mentor["wants"] = sorted({f"e{_near(dice, number, sites, mentees)}" for _ in range(3)})
    return {
        "format": "speedmentor.plan-input/1",
        "rounds": rounds,
        "mentors": some,
        "mentees": many,
        "never": [[f"e{at}", f"m{_near(dice, at, sites, mentors)}"] for at in range(0, mentees, 25)],
    }


def _near(dice: random.Random, number: int, sites: int, others: int) -> int:
    """Somebody of the other role at the site of ``number``."""
    site = number % sites
    return site + sites * dice.randrange(max(1, (others - site + sites - 1) // sites)) if site < others else 0
