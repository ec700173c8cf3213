"""Kinds of value that several services publish."""

from shared.events.catalogue.kind import EventData
from shared.events.fields import OneOf, Time, Whole

MOST_ROUNDS = 100

#: The release that stopped to publish what tells who said what of whom, and who is kept apart.
PRIVATE_SINCE = "0.2.0 (2026-11-28)"


def round_number(means: str = "the round, counted from 1") -> Whole:
    """The number of a round."""
    return Whole(means, lowest=1, highest=MOST_ROUNDS, example=2)


def role(means: str = "mentor or mentee") -> OneOf:
    """A participant's role."""
    return OneOf("mentor", "mentee", means=means)


class PlannedRound(EventData):
    """One line of a timetable."""

    round = round_number()
    starts_at = Time("planned start")
    ends_at = Time("planned end")
