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


class ProgramReportReady(EventData):
    """The figures of a program."""

    program_id = Id("the program")
    figures = MapOf(Number(), "figure by name, each over at least k answers", example={"time_well_spent_mean": 5.8})
    k = Whole("answers that a figure needs to be shown", lowest=1, example=5)
    answers = Whole("answers in all", example=128)


PUBLISHED = (
    EventType(
        "feedback.feedback-submitted",
        "meeting",
        FeedbackSubmitted,
        "One side of a meeting has given feedback, or has changed it. What it said is told of nobody.",
    ),
    EventType("feedback.connection-formed", "connection", ConnectionFormed, "Both chose to stay in touch."),
    EventType("feedback.program-report-ready", "program", ProgramReportReady, "A program's report can be read."),
)
