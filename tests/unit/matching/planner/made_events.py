"""Random plan inputs, small and nasty, from a seed."""

import random

TOPICS = ["funding", "hiring", "pricing", "product", "sales", "legal"]
MOTIVES = ["career", "network", "problem", "perspective"]
LANGUAGES = ["id", "en", "jv"]


def made_event(seed, *, mentees=7, mentors=5, rounds=4, breaks=False, sites=2, given=0.25, full=False):
    """A plan input that uses every clause of the contract now and then, up to a size, or ``full`` of that size.

    ``breaks``: people miss rounds.
    """
    dice = random.Random(seed)
    rounds = rounds if full else dice.randint(1, rounds)
    every = list(range(1, rounds + 1))
    names = [f"s{number}" for number in range(dice.randint(1, sites))]

    def person(number, letter):
        who = {"id": f"{letter}{number}", "site": dice.choice(names)}
        if dice.random() < 0.3:
            who["remote"] = dice.random() < 0.6
        if dice.random() < 0.7:
            who["languages"] = dice.sample(LANGUAGES, dice.randint(0, 2))
        if breaks and dice.random() < 0.4:
            who["rounds"] = sorted(dice.sample(every, dice.randint(0, rounds)))
        if dice.random() < 0.25:
            who["max_meetings"] = dice.randint(0, rounds)
        return who

    some = [person(number, "m") for number in range(mentors if full else dice.randint(1, mentors))]
    many = [person(number, "e") for number in range(mentees if full else dice.randint(1, mentees))]
    for mentor in some:
        mentor["topics"] = {topic: dice.randint(0, 5) for topic in dice.sample(TOPICS, dice.randint(0, 4))}
        mentor["motives"] = dice.sample(MOTIVES, dice.randint(0, 3))
        mentor["storytelling"] = dice.randint(0, 5)
        mentor["wants"] = [each["id"] for each in many if dice.random() < 0.15]
        if dice.random() < 0.3:
            mentor["seats"] = dice.randint(1, 3)
            if dice.random() < 0.5:
                mentor["max_meetings"] = dice.randint(0, rounds * mentor["seats"])
    for mentee in many:
        mentee["topics"] = dice.sample(TOPICS, dice.randint(0, 4))
        mentee["wants"] = [each["id"] for each in some if dice.random() < 0.15]
        mentee["avoid"] = [each["id"] for each in some if dice.random() < 0.08]
        if dice.random() < 0.8:
            mentee["motive"] = dice.choice(MOTIVES)
    document = {
        "format": "speedmentor.plan-input/1",
        "rounds": rounds,
        "mentors": some,
        "mentees": many,
        "never": [[e["id"], m["id"]] for e in many for m in some if dice.random() < 0.05],
    }
    if dice.random() < given:
        document["scores"] = [
            [e["id"], m["id"], dice.choice([dice.randint(-5, 40), dice.randint(0, 1000)])]
            for e in many
            for m in some
            if dice.random() < 0.7
        ]
    return document


def tied(document, seed):
    """``document`` with people in both tables, teams, managers and pairs who have met before."""
    dice = random.Random(seed)
    mentors = [dict(each) for each in document["mentors"]]
    mentees = [dict(each) for each in document["mentees"]]
    for each in (*mentors, *mentees):
        if dice.random() < 0.3:
            each["team"] = dice.choice("xy")
        if dice.random() < 0.35:
            each["person"] = f"p{dice.randint(1, 3)}"
    for each in mentees:
        if dice.random() < 0.2:
            each["manager"] = dice.choice(mentors)["id"]
    met = [[e["id"], m["id"]] for e in mentees for m in mentors if dice.random() < 0.15]
    return {**document, "mentors": mentors, "mentees": mentees, "met_before": met}


def made_revision(document, plan, dice):
    """``document`` with ``plan`` announced, maybe some rounds held, and up to two people gone."""
    people = [each["id"] for each in document["mentees"] + document["mentors"]]
    rounds = document["rounds"]
    revision = {
        **document,
        "current": [{key: each[key] for key in ("round", "mentee", "mentor", "table")} for each in plan["meetings"]],
        "frozen_through": dice.choice([0, dice.randint(0, rounds - 1)]),
        "absent": [
            {"id": each, "from_round": dice.randint(1, rounds)} for each in dice.sample(people, dice.randint(0, 2))
        ],
    }
    if dice.random() < 0.8:
        revision["change_cost"] = dice.choice([0, 10, 100, 2000])
    return revision


#: A shares p and q with B and C, who have another way to more meetings each: two for everybody, or 1, 3 and 3.
CONTESTED = {
    "mentors": {"p": [1], "q": [1, 2], "s": [3], "t": [4], "u": [3], "v": [4]},
    "mentees": {"A": [1, 2], "B": [1, 3, 4], "C": [2, 3, 4]},
    "pairs": ["Ap", "Aq", "Bp", "Bs", "Bt", "Cq", "Cu", "Cv"],
}


def made_contested_event(seed):
    """A plan input in which rounds decide who can have how much: ``CONTESTED``, and a few more people in between."""
    dice = random.Random(seed)
    rounds = dice.randint(4, 5)
    every = range(1, rounds + 1)
    more = {f"m{number}": sorted(dice.sample(every, dice.randint(1, 2))) for number in range(dice.randint(0, 3))}
    others = {f"e{number}": sorted(dice.sample(every, dice.randint(2, 3))) for number in range(dice.randint(0, 3))}
    mentors, mentees = {**CONTESTED["mentors"], **more}, {**CONTESTED["mentees"], **others}
    return {
        "format": "speedmentor.plan-input/1",
        "rounds": rounds,
        "mentors": [{"id": each, "rounds": there} for each, there in mentors.items()],
        "mentees": [{"id": each, "rounds": there} for each, there in mentees.items()],
        "scores": [
            [e, m, dice.randint(0, 50)]
            for e in mentees
            for m in mentors
            if e + m in CONTESTED["pairs"] or ((e in others or m in more) and dice.random() < 0.3)
        ],
    }


def made_long_event(seed, *, people=9, rounds=14, missed=4):
    """A plan input of more rounds than people, of which everybody misses some: nearly all pairs meet."""
    dice = random.Random(seed)

    def there():
        return sorted(dice.sample(range(1, rounds + 1), rounds - missed))

    return {
        "format": "speedmentor.plan-input/1",
        "rounds": rounds,
        "mentors": [
            {
                "id": f"m{number}",
                "rounds": there(),
                "topics": {topic: dice.randint(0, 5) for topic in dice.sample(TOPICS, 3)},
            }
            for number in range(people)
        ],
        "mentees": [
            {"id": f"e{number}", "rounds": there(), "topics": dice.sample(TOPICS, 3)} for number in range(people)
        ],
    }
