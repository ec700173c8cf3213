"""What matching publishes: plans and their meetings, and who goes on with whom after the event."""

from shared.events.catalogue.common import MOST_ROUNDS, PRIVATE_SINCE, role, round_number
from shared.events.catalogue.kind import EventData, EventType
from shared.events.composites import MapOf
from shared.events.fields import Code, Flag, Id, Number, OneOf, Whole


class PlanPublished(EventData):
    """A plan and how good it is."""

    plan_id = Id("the plan")
    program_id = Id("the program")
    revision = Whole("revision of the plan, counted up", example=1)
    rounds = Whole("number of rounds", lowest=1, highest=MOST_ROUNDS, example=6)
    mentors = Whole("mentors planned for", example=24)
    mentees = Whole("mentees planned for", example=72)
    meetings = Whole("meetings in the plan", example=144)
    score = Number(
        f"value of the plan: the sum of its meetings' scores, since {PRIVATE_SINCE} without what wishes add to them",
        example=10_944,
    )
    bound = Number("no plan as fair is worth more, reckoned likewise", example=10_944)
    gap = Number("(bound - score) / max(1, bound)", lowest=0, example=0.0)
    certified = Flag("proved to be the fairest, and of these the best")


class PlanRevised(PlanPublished):
    """A plan that takes the place of its earlier revision."""

    cause = Code(
        "why it was revised, as a code; request: organizers asked, or for what is not published", example="absence"
    )
    added = Whole("meetings added", example=2)
    removed = Whole("meetings removed", example=3)
    moved = Whole("meetings of a pair moved to another round or table", example=1)
    kept = Whole("seats of announced meetings kept as they were", example=140)


class MeetingData(EventData):
    """Who meets whom, when and where."""

    meeting_id = Id("the meeting")
    plan_id = Id("the plan")
    program_id = Id("the program")
    site_id = Id("the mentor's site, also where the two meet over a screen", example="jkt", optional=True)
    revision = Whole("revision of the plan that says so", example=1)
    round = round_number()
    table = Id("the table, unique at its site", example="jkt-4")
    mentor_id = Id("the mentor")
    mentee_id = Id("the mentee")


class RankingSubmitted(EventData):
    """That a participant has said whom to go on with. Whom, and how many, is told of nobody."""

    participant_id = Id("the participant")
    program_id = Id("the program")
    site_id = Id("the participant's site, if any", example="jkt", optional=True)
    role = role()


class PairData(EventData):
    """Who goes on with whom."""

    pair_id = Id("the pair")
    pairing_id = Id("the pairing")
    program_id = Id("the program")
    site_id = Id("the mentor's site", example="jkt")
    revision = Whole("revision of the pairing that says so", example=1)
    mentor_id = Id("the mentor")
    mentee_id = Id("the mentee")
    kind = OneOf(
        *("mutual", "one-sided", "ranked", "assigned"),
        means=f"mutual: a top choice of both; assigned: any other (since {PRIVATE_SINCE} it is not told whose choice)",
    )


def _pairs_by_kind(means: str) -> MapOf:
    kinds = {"mutual": 31, "one-sided": 18, "ranked": 5, "assigned": 7}
    return MapOf(Whole(), f"{means}; what would tell of fewer than 5 is left out", most=10, example=kinds)


class PairingPublished(EventData):
    """A pairing in numbers: the one published, and side by side what both methods give."""

    pairing_id = Id("the pairing")
    program_id = Id("the program")
    revision = Whole("revision of the pairing, counted up with every change", example=1)
    method = OneOf("stable", "most-mutual", means="by which the published pairs were formed")
    mentors = Whole("mentors who took part", example=24)
    mentees = Whole("mentees who took part", example=72)
    pairs = Whole("pairs published", example=60)
    stable = _pairs_by_kind("pairs by kind in the stable pairing")
    most_mutual = _pairs_by_kind("pairs by kind in the pairing with the most mutual top choices")
    mentees_left_over = Whole("mentees for whom no mentor had a place", example=12)


PUBLISHED = (
    EventType("matching.plan-published", "plan", PlanPublished, "A program has its first plan."),
    EventType("matching.plan-revised", "plan", PlanRevised, "A plan has changed; the figures are the new plan's."),
    EventType("matching.meeting-assigned", "meeting", MeetingData, "A mentor and a mentee are to meet."),
    EventType("matching.meeting-released", "meeting", MeetingData, "A meeting that was assigned is off."),
    EventType(
        "matching.ranking-submitted",
        "participant",
        RankingSubmitted,
        "A participant has said whom to go on with after the event, or has changed it.",
    ),
    EventType("matching.pair-formed", "pair", PairData, "A mentor and a mentee go on together after the event."),
    EventType("matching.pair-dissolved", "pair", PairData, "A pair that was formed does not hold any more."),
    EventType(
        "matching.pairing-published", "pairing", PairingPublished, "The pairs of a program are formed, or have changed."
    ),
)
