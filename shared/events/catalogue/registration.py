"""What registration publishes: programs and the people in them."""

from shared.events.catalogue.common import MOST_ROUNDS, PRIVATE_SINCE, role, round_number
from shared.events.catalogue.kind import EventData, EventType
from shared.events.composites import ListOf, MapOf, Record
from shared.events.fields import Code, Flag, Id, Language, Time, Whole, Zone
from shared.meeting import MEETING_LIMIT_SECONDS


def _languages() -> ListOf:
    return ListOf(Language(), "languages spoken, any of them will do", most=50, example=["id", "en"])


def _rounds() -> ListOf:
    return ListOf(round_number(""), "rounds the person is there for", most=MOST_ROUNDS, example=[1, 2, 3, 4, 5, 6])


def _max_meetings() -> Whole:
    return Whole("meetings wanted at most", highest=100_000, example=6)


def _person() -> Id:
    return Id("the same in every program of the organization, where it is known", optional=True)


def _team(withheld: str | None = None) -> Id:
    means = "the team in this program, the same for colleagues, who never meet; none where none is known"
    return Id(means, optional=True, withheld=withheld)


def _never(withheld: str | None = None) -> ListOf:
    means = "mentees never to be met, such as one's own team"
    return ListOf(Id(), means, most=100_000, optional=True, withheld=withheld)


def _manager(withheld: str | None = None) -> Id:
    means = "the mentor who is the mentee's manager, whom the mentee never meets"
    return Id(means, optional=True, withheld=withheld)


class SiteInProgram(EventData):
    """A site of a program."""

    site_id = Id("the site", example="jkt")
    time_zone = Zone("time zone of the site")
    starts_at = Time("start of the first round")


class ProgramPublished(EventData):
    """A program that is open."""

    program_id = Id("the program")
    title_key = Id("key of the title; the title itself is behind the API", example="open-doors-2026")
    rounds = Whole("number of rounds", lowest=1, highest=MOST_ROUNDS, example=6)
    round_seconds = Whole("length of a meeting, s", lowest=1, highest=MEETING_LIMIT_SECONDS, example=600)
    break_seconds = Whole("time between two rounds, s", highest=86_400, example=120)
    warning_seconds = ListOf(
        Whole(lowest=1, highest=MEETING_LIMIT_SECONDS),
        "bells before the end of a round, s left",
        most=10,
        example=[120, 30],
    )
    sites = ListOf(Record(SiteInProgram), "where it takes place", most=10_000)
    mentors = Whole("mentors registered when it was published", example=24)
    mentees = Whole("mentees registered when it was published", example=72)
    new_pairs_only = Flag("keeps two apart who met in an earlier program of the organization", optional=True)


class ProgramCancelled(EventData):
    """A program that will not take place."""

    program_id = Id("the program")
    reason = Code("why, as a code", example="too-few-mentors")


class MentorData(EventData):
    """What a mentor offers."""

    mentor_id = Id("the mentor")
    program_id = Id("the program")
    site_id = Id("the site; none for somebody who is at no site", example="jkt", optional=True)
    remote = Flag("can meet people of other sites over a screen")
    languages = _languages()
    topics = MapOf(
        Whole(lowest=1, highest=5),
        "experience with each topic, 1 (some) to 5 (deep)",
        example={"career-change": 5, "funding": 3},
    )
    motives = ListOf(Code(example="career"), "motives of mentees welcomed", most=50, example=["career", "network"])
    storytelling = Whole("how well experience is told as a story, 0 (not rated) to 5", highest=5, example=4)
    seats = Whole("mentees at the table at once", lowest=1, highest=1000, example=1)
    rounds = _rounds()
    max_meetings = _max_meetings()
    has_story = Flag("has put down a story to read ahead")
    never = _never(PRIVATE_SINCE)
    person_id = _person()
    team_id = _team(PRIVATE_SINCE)


class MenteeData(EventData):
    """What a mentee looks for."""

    mentee_id = Id("the mentee")
    program_id = Id("the program")
    site_id = Id("the site; none for somebody who is at no site", example="jkt", optional=True)
    remote = Flag("can meet people of other sites over a screen")
    languages = _languages()
    motive = Code("why the mentee comes, such as career, network, problem or perspective", example="problem")
    topics = ListOf(Code(), "topics to talk about, the most wanted first", most=200, example=["funding", "hiring"])
    rounds = _rounds()
    max_meetings = _max_meetings()
    questions = Whole("number of questions prepared; the questions are behind the API", highest=1000)
    person_id = _person()
    team_id = _team(PRIVATE_SINCE)
    manager_id = _manager(PRIVATE_SINCE)


class QuestionsChanged(EventData):
    """How many questions a mentee has prepared."""

    participant_id = Id("the mentee")
    program_id = Id("the program")
    site_id = Id("the mentee's site, if any", example="jkt", optional=True)
    questions = Whole("number of questions prepared now; the questions are behind the API", highest=1000)


class ProgramFinished(EventData):
    """A program whose sessions are all over."""

    program_id = Id("the program")
    sites = Whole("sites at which it has been held", lowest=1, highest=10_000, example=3)


class PreferenceStated(EventData):
    """How many a participant wants to meet."""

    participant_id = Id("the participant")
    program_id = Id("the program")
    role = role("the participant's role; those wanted have the other one")
    wants = ListOf(Id(), "participants wanted, the most wanted first", withheld=PRIVATE_SINCE)
    avoids = ListOf(Id(), "participants to avoid", withheld=PRIVATE_SINCE)
    wanted = Whole(f"how many are wanted; told since {PRIVATE_SINCE}", example=2, optional=True)


class RelationsStated(EventData):
    """All that matching has to know of a participant's relations to others, and nobody else may."""

    participant_id = Id("the participant")
    program_id = Id("the program")
    role = role("the participant's role; all others here but colleagues have the other one")
    wants = ListOf(Id(), "participants wanted, the most wanted first")
    avoids = ListOf(Id(), "participants to avoid; the reasons are never published")
    never = _never()
    team_id = _team()
    manager_id = _manager()


class ParticipantWithdrawn(EventData):
    """A participant who will not come."""

    participant_id = Id("the participant")
    program_id = Id("the program")
    site_id = Id("the participant's site, if any", example="jkt", optional=True)
    role = role()


class ParticipantCheckedIn(EventData):
    """A participant who has arrived."""

    participant_id = Id("the participant")
    program_id = Id("the program")
    site_id = Id("the participant's site, if any", example="jkt", optional=True)
    role = role()
    at = Time("when")


class ParticipantAbsent(EventData):
    """A participant who has not come in time."""

    participant_id = Id("the participant")
    program_id = Id("the program")
    site_id = Id("the participant's site, if any", example="jkt", optional=True)
    role = role()
    from_round = round_number("the first round missed, counted from 1")


class ParticipantErased(EventData):
    """A participant whose data are to be forgotten everywhere."""

    participant_id = Id("the participant")
    program_id = Id("the program")
    role = role()


class LogInEnded(EventData):
    """A log-in that was ended before its token."""

    log_in_id = Id("the log-in, as its token names it (`jti`)")
    expires_at = Time("when the token ends by itself; from then on nobody needs to remember this")


PUBLISHED = (
    EventType("registration.program-published", "program", ProgramPublished, "A program is open."),
    EventType("registration.program-cancelled", "program", ProgramCancelled, "A program will not take place."),
    EventType(
        "registration.program-finished",
        "program",
        ProgramFinished,
        "The last round is over at every site. Feedback is taken until the program is closed.",
    ),
    EventType("registration.mentor-registered", "mentor", MentorData, "A mentor takes part."),
    EventType(
        "registration.mentor-updated", "mentor", MentorData, "What a mentor offers has changed; this is all of it."
    ),
    EventType("registration.mentee-registered", "mentee", MenteeData, "A mentee takes part."),
    EventType(
        "registration.mentee-updated",
        "mentee",
        MenteeData,
        "What a mentee looks for has changed; this is all of it.",
    ),
    EventType(
        "registration.questions-changed",
        "participant",
        QuestionsChanged,
        "A mentee has changed the questions prepared, maybe without a change of their number.",
    ),
    EventType(
        "registration.preference-stated",
        "participant",
        PreferenceStated,
        "A participant has changed whom to meet. Whom that is, and whom a participant avoids, is told of nobody.",
    ),
    EventType(
        "registration.relations-stated",
        "participant",
        RelationsStated,
        "Whom a participant wants to meet and whom not, and the participant's team and manager; it replaces what was "
        "stated before.",
        internal=True,
    ),
    EventType(
        "registration.participant-withdrawn", "participant", ParticipantWithdrawn, "A participant will not come."
    ),
    EventType("registration.participant-checked-in", "participant", ParticipantCheckedIn, "A participant has arrived."),
    EventType(
        "registration.participant-absent",
        "participant",
        ParticipantAbsent,
        "A participant has not come in time and is missed from a round on.",
    ),
    EventType(
        "registration.participant-erased",
        "participant",
        ParticipantErased,
        "A participant is erased: every consumer forgets what it holds on this id, and no log-in of this id holds.",
    ),
    EventType("registration.log-in-ended", "log_in", LogInEnded, "A log-in is ended: nobody takes its token any more."),
)
