"""What feedback publishes: ratings, connections and reports."""

from shared.events.catalogue.common import role, round_number
from shared.events.catalogue.kind import EventData, EventType
from shared.events.composites import MapOf
from shared.events.fields import Id, Number, Whole


class FeedbackSubmitted(EventData):
    """What one side says of a meeting, in numbers."""

    meeting_id = Id("the meeting")
    program_id = Id("the program")
    site_id = Id("the site, if any", example="jkt", optional=True)
    round = round_number()
    by_role = role("the side that says so")
    ratings = MapOf(
        Whole(highest=10),
        "rating by question",
        most=50,
        example={"time_well_spent": 6, "would_recommend": 7},
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
        "One side of a meeting has given feedback; what it wrote is behind the API.",
    ),
    EventType("feedback.connection-formed", "connection", ConnectionFormed, "Both chose to stay in touch."),
    EventType("feedback.program-report-ready", "program", ProgramReportReady, "A program's report can be read."),
)
