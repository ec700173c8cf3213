"""What feedback publishes: ratings, connections and reports."""

from shared.events.catalogue.common import PRIVATE_SINCE, role, round_number
from shared.events.catalogue.kind import EventData, EventType
from shared.events.composites import MapOf
from shared.events.fields import Id, Number, Whole


class FeedbackSubmitted(EventData):
    """That one side has said something of a meeting. What it said stays in feedback."""

    meeting_id = Id("the meeting")
    program_id = Id("the program")
    site_id = Id("the site, if any", example="jkt", optional=True)
    round = round_number()
    by_role = role("the side that says so")
    ratings = MapOf(
        Whole(highest=10),
        "rating by question",
        most=50,
        withheld=PRIVATE_SINCE,
    )


class ConnectionFormed(EventData):
    """Two who both chose to stay in touch."""

    connection_id = Id("the connection")
    program_id = Id("the program")
    mentor_id = Id("the mentor")
    mentee_id = Id("the mentee")


def _figures() -> MapOf:
    means = (
        "figure by name, each over at least k answers that are not all the same; what would tell of fewer by "
        "subtraction is left out"
    )
    return MapOf(Number(), means, example={"time_well_spent_mean": 5.8, "time_well_spent_answers": 21})


def _k() -> Whole:
    return Whole("answers that a figure needs to be shown", lowest=1, example=5)


class ProgramClosed(EventData):
    """A program that takes no more feedback."""

    program_id = Id("the program")


class RoundRated(EventData):
    """Figures of what was said of the meetings of a round at a site."""

    round_id = Id("the round at this site")
    program_id = Id("the program")
    site_id = Id("the site", example="jkt")
    round = round_number()
    figures = _figures()
    k = _k()


class ProgramReportReady(EventData):
    """The figures of a program."""

    program_id = Id("the program")
    figures = _figures()
    k = _k()
    answers = Whole("answers in all", example=128)


PUBLISHED = (
    EventType(
        "feedback.feedback-submitted",
        "meeting",
        FeedbackSubmitted,
        "One side of a meeting has given feedback, or has changed it. What it said is told of nobody.",
    ),
    EventType("feedback.connection-formed", "connection", ConnectionFormed, "Both chose to stay in touch."),
    EventType(
        "feedback.program-closed", "program", ProgramClosed, "No more feedback is taken; the program is at its end."
    ),
    EventType(
        "feedback.round-rated",
        "round",
        RoundRated,
        "How the meetings of a round at a site were rated, told once, when the program is closed. Of rounds of which "
        "nothing can be told without telling on somebody there is none.",
    ),
    EventType("feedback.program-report-ready", "program", ProgramReportReady, "A program's report can be read."),
)
