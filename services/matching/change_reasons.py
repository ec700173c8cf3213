"""What is said of a plan's changes both by the planner and, without loading it, by the service."""

from shared.messages import Message, say

RELEASED, MOVED, ADDED = "released", "moved", "added"
NOTHING_AHEAD = say("the mentee had no meeting ahead")


def takes_the_place_of(mentor: str, number: int) -> Message:
    """Why there is a new meeting: for the one with ``mentor`` in round ``number``."""
    return say("takes the place of the meeting with {mentor} in round {round}", mentor=mentor, round=number)
