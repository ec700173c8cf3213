"""What a registration must keep to, wherever it comes from: a row of a file, or a form at the door."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from services.registration.domain import limits
from services.registration.domain.confirming import code
from services.registration.domain.participant import Mentee, Mentor, Participant
from services.registration.domain.texts import mailbox, text_problems
from services.registration.domain.texts.invisible import named
from shared.faults import Problem
from shared.messages import Message, say


@dataclass(frozen=True)
class Frame:
    """What a program asks of its participants; None and empty where that is not known or not asked."""

    sites: tuple[str, ...] = ()
    rounds: int | None = None
    topics: tuple[str, ...] = ()


def problems_of(person: Participant, frame: Frame) -> Iterator[Problem]:
    """Everything that is wrong with ``person``; fields are named as the columns of the files are."""
    yield from _identity(person, frame)
    yield from _choices("languages", person.languages, limits.MOST_LANGUAGES)
    for tag in person.languages:
        if not limits.LANGUAGE.fullmatch(tag):
            yield Problem(
                "languages",
                say("{value} is not a language tag", value=_short(tag)),
                say("write tags such as id, en or zh-Hant"),
            )
    if frame.rounds is not None:
        beyond = [number for number in person.rounds if not 1 <= number <= frame.rounds]
        if beyond:
            yield Problem(
                "rounds",
                say("round {round} does not exist", round=beyond[0]),
                say("give rounds from 1 to {rounds}", rounds=frame.rounds),
            )
    if not 0 <= person.max_meetings <= limits.MOST_MEETINGS:
        yield _number("max_meetings", 0, limits.MOST_MEETINGS)
    yield from _wishes(person)
    if isinstance(person, Mentor):
        yield from _mentor(person, frame)
    if isinstance(person, Mentee):
        yield from _mentee(person, frame)


def questions_problems(questions: Iterable[str]) -> Iterator[Problem]:
    """What is wrong with prepared questions."""
    listed = list(questions)
    if len(listed) > limits.MOST_QUESTIONS:
        yield Problem(
            "questions",
            say("there are {count} questions", count=len(listed)),
            say("keep the best {most}", most=limits.MOST_QUESTIONS),
        )
    for number, question in enumerate(listed, 1):
        yield from text_problems(f"question_{number}", question, limits.QUESTION)


def address_problems(address: str) -> Iterator[Problem]:
    """What is wrong with a mail address."""
    misfits = list(text_problems("email", address, limits.EMAIL))
    yield from misfits
    if misfits:
        return
    reason = mailbox.misfit(address)
    if reason:
        yield Problem("email", *reason)
        return
    mixed = mailbox.mixed(mailbox.canonical(address))
    if mixed:
        letter, looks = mixed
        yield Problem(
            "email",
            say(
                "{value} has the letter {letter}, which only looks like “{looks}”",
                value=_short(address),
                letter=named(letter),
                looks=looks,
            ),
            say("type the address again, or confirm that it is right"),
            confirm=(code("letters", mailbox.canonical(address)),),
        )


def _identity(person: Participant, frame: Frame) -> Iterator[Problem]:
    if not person.name:
        yield empty("name")
    yield from text_problems("name", person.name, limits.NAME, of_name=True)
    if person.ref is not None and not limits.REF.fullmatch(person.ref):
        yield Problem(
            "ref",
            say("{value} cannot be a key", value=_short(person.ref)),
            say("use up to 64 letters from a to z, digits, dots, hyphens and underscores"),
        )
    if person.email:
        yield from address_problems(person.email)
    yield from text_problems("team", person.team, limits.TEAM, of_name=True)
    if frame.sites and person.site_id not in frame.sites:
        yield Problem(
            "site",
            say("there is no site {value}", value=_short(person.site_id)),
            choose_from(person.site_id, frame.sites),
        )


def _wishes(person: Participant) -> Iterator[Problem]:
    for field, ids in (("wants", person.wants), ("avoids", person.avoids)):
        if len(ids) > limits.MOST_WISHES:
            yield Problem(
                field,
                say("there are {count} people in it", count=len(ids)),
                say("keep the {most} that matter most", most=limits.MOST_WISHES),
            )
    if set(person.wants) & set(person.avoids):
        yield Problem(
            "avoids",
            say("somebody is both wanted and to be avoided"),
            say("take the person out of one of the two"),
        )


def _mentor(person: Mentor, frame: Frame) -> Iterator[Problem]:
    names = [topic for topic, _ in person.topics]
    yield from _choices("topics", names, limits.MOST_TOPICS)
    yield from _topics(names, frame)
    for topic, level in person.topics:
        if not 1 <= level <= limits.TOP_LEVEL:
            yield Problem(
                "topics",
                say("{topic} has the level {level}", topic=_short(topic), level=level),
                say("give a level from 1 (some experience) to 5 (deep experience), as in funding:3"),
            )
    yield from _motives("motives", person.motives)
    if not 0 <= person.storytelling <= limits.TOP_LEVEL:
        yield _number("storytelling", 0, limits.TOP_LEVEL)
    if not 1 <= person.seats <= limits.MOST_SEATS:
        yield _number("seats", 1, limits.MOST_SEATS)
    for part in ("situation", "choice", "outcome", "lesson"):
        yield from text_problems(part, getattr(person.story, part), limits.STORY_PART)


def _mentee(person: Mentee, frame: Frame) -> Iterator[Problem]:
    yield from _choices("topics", person.topics, limits.MOST_TOPICS)
    yield from _topics(person.topics, frame)
    yield from _motives("motive", [person.motive])
    yield from questions_problems(person.questions)


def _topics(topics: Iterable[str], frame: Frame) -> Iterator[Problem]:
    for topic in topics:
        if not limits.CODE.fullmatch(topic):
            yield Problem(
                "topics",
                say("{value} is not a topic code", value=_short(topic)),
                say("write lower-case letters from a to z, digits and hyphens, such as career-change"),
            )
        elif frame.topics and topic not in frame.topics:
            yield Problem(
                "topics",
                say("the program has no topic {value}", value=topic),
                choose_from(topic, frame.topics),
            )


def _motives(field: str, motives: Iterable[str]) -> Iterator[Problem]:
    for motive in motives:
        if motive not in limits.MOTIVES:
            yield Problem(
                field,
                say("{value} is not a motive", value=_short(motive)),
                say("choose from {choices}", choices=", ".join(limits.MOTIVES)),
            )


def _choices(field: str, values: Iterable[str], most: int) -> Iterator[Problem]:
    listed = list(values)
    if not listed:
        yield empty(field)
    if len(listed) > most:
        yield Problem(field, say("there are {count} of them", count=len(listed)), say("keep {most}", most=most))
    if len(set(listed)) < len(listed):
        yield Problem(field, say("something is in it twice"), say("name each only once"))


def empty(field: str) -> Problem:
    """The fault of a value that must be there and is not."""
    return Problem(field, say("it is empty"), say("fill it in"))


def choose_from(value: str, choices: Iterable[str]) -> Message:
    """The remedy for a wrong choice: the nearest right one, or some of what there is."""
    listed = list(choices)
    near = get_close_matches(value, listed, n=1)
    if near:
        return say("did you mean {choice}?", choice=near[0])
    shown = ", ".join(listed[:12]) + (", …" if len(listed) > 12 else "")
    return say("choose from {choices}", choices=shown)


def _number(field: str, lowest: int, highest: int) -> Problem:
    return Problem(
        field,
        say("it is not a whole number from {lowest} to {highest}", lowest=lowest, highest=highest),
        say("write digits only, or leave it empty"),
    )


def _short(value: str) -> str:
    """A faulty value as a message may show it."""
    shown = "".join(each if each.isprintable() else "?" for each in value)
    return shown if len(shown) <= 40 else shown[:39] + "…"
