"""Why a plan gives somebody no meeting, in the words in which that person is told."""

from services.matching.domain.roster import MENTEE, Card
from shared.messages import Message, say

_PLAIN = {
    "wants no meetings": say("you wished for no meetings"),
    "is available in no round": say("you can come to none of the rounds"),
    "every round in which the mentee is available is over": say("the rounds to which you can come are over"),
    "is absent": say("you are marked as absent"),
    "no mentor is at the site": say("no mentor is at your site"),
    "no mentor is at the site, and none meets over a screen": say(
        "no mentor is at your site, and none meets over a screen"
    ),
    "no mentor shares a language": say("no mentor speaks a language of yours"),
    "no mentor is available in the same round": say("no mentor is there in the rounds to which you can come"),
    "the only mentor who shares a language is the mentee in person": say(
        "you are the only mentor who speaks a language of yours"
    ),
    "every mentor who shares a language is of the same team": say(
        "every mentor who speaks a language of yours is of your team"
    ),
    "the only mentor who shares a language is the mentee's manager": say(
        "the only mentor who speaks a language of yours is your manager"
    ),
    "the mentee avoids every mentor who shares a language": say(
        "you would rather not meet any mentor who speaks a language of yours"
    ),
    "the mentee has already met every mentor who shares a language": say(
        "you have already met every mentor who speaks a language of yours"
    ),
    "is at a table as a mentor, and in the other rounds every mentor is taken or not available": say(
        "you are at a table as a mentor, and in the other rounds no place was left"
    ),
}
_NO_MENTOR_LEFT = say("no place with a mentor who fits was left")
_NO_MENTEE_LEFT = say("no mentee who fits was left")


def told_reason(reason: str, role: str = MENTEE) -> Message:
    """What somebody is told whom the planner gives no meeting for ``reason`` (English, as the planner says it).

    A participant is told what is known to the participant anyway. Who is kept apart by others is not: all reasons that
    depend on it are told in the same words as that all places are taken.
    """
    return _PLAIN.get(reason, _NO_MENTOR_LEFT if role == MENTEE else _NO_MENTEE_LEFT)


def reason_for(card: Card, reason: str = "") -> Message:
    """What the participant of ``card`` is told, who has no meeting; ``reason`` is the planner's, if it has one."""
    if card.withdrawn:
        return say("you have withdrawn")
    if card.absent_from == 1:
        return told_reason("is absent")
    return told_reason(reason, card.role)
