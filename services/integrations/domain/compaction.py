"""Which events still matter: of a program's whole history, those from which the same state comes out.

It is what others call log compaction: of the events about one fact the last one stands for all. A consumer that
begins with a snapshot reads these as if they had just come, and needs no second way to read a state.
"""

from typing import Final

from shared.events import Event

#: Types of which the later takes the place of the earlier, whichever of the two it is -> what the fact is called.
_ONE_FACT: Final = {
    "registration.mentor-registered": "registration.mentor",
    "registration.mentor-updated": "registration.mentor",
    "registration.mentee-registered": "registration.mentee",
    "registration.mentee-updated": "registration.mentee",
    "matching.meeting-assigned": "matching.meeting",
    "matching.meeting-released": "matching.meeting",
    "matching.pair-formed": "matching.pair",
    "matching.pair-dissolved": "matching.pair",
}

#: After these there is nothing that a reader of the state would know of.
_ENDS: Final = frozenset({"matching.meeting-released", "matching.pair-dissolved"})

#: What passes and leaves no state.
_PASSING: Final = frozenset({"session-timer.round-warned", "registration.log-in-ended"})

#: Fields of the data that tell apart several facts of one type about one subject.
_PARTS: Final = ("round", "from_round", "by_role")

#: Types whose round is where the subject is now, and not what tells one fact of it from another.
_WITHOUT_PARTS: Final = frozenset(
    {
        "matching.meeting-assigned",
        "matching.meeting-released",
        "session-timer.session-paused",
        "session-timer.session-resumed",
    }
)


def fact_of(event: Event) -> str | None:
    """The key of the fact that ``event`` tells; of several with one key the one with the highest ordinal holds.

    None for an event that leaves no state. A type that this does not know is a fact of its own for each subject, and
    for each round, side or first round missed that its data name.
    """
    if event.name in _PASSING:
        return None
    parts = () if event.name in _WITHOUT_PARTS else _PARTS
    return "|".join(
        (
            _ONE_FACT.get(event.name, event.name),
            event.subject,
            *(f"{part}={event.data[part]}" for part in parts if event.data.get(part) is not None),
        )
    )


def is_over(event: Event) -> bool:
    """Whether nothing is left of the fact after ``event``: it need not be told to who begins now."""
    return event.name in _ENDS
