"""What goes out. The services decide what a caller sees; here it is described, and passed on as it is."""

from typing import Any

from marshmallow import INCLUDE, Schema, fields, post_dump

from services.gateway.schemas.problem_document import text
from services.gateway.web.language import language
from services.gateway.web.problems import one_problem
from shared.faults import Problem
from shared.messages import Message
from shared.translation import spoken


def time(means: str) -> fields.String:
    """An instant."""
    return fields.String(allow_none=True, metadata={"description": means, "format": "date-time"})


def whole(means: str) -> fields.Integer:
    """A whole number."""
    return fields.Integer(allow_none=True, metadata={"description": means})


def number(means: str) -> fields.Float:
    """A number."""
    return fields.Float(allow_none=True, metadata={"description": means})


def choice(means: str, *choices: str) -> fields.String:
    """One of a few words."""
    return fields.String(metadata={"description": means, "enum": list(choices)})


def flag(means: str) -> fields.Boolean:
    """Yes or no."""
    return fields.Boolean(metadata={"description": means})


def texts(means: str) -> Any:
    """Some texts."""
    return fields.List(fields.String(), metadata={"description": means})


class Spoken(fields.String):
    """What a service says as a message, or as some that belong together, in the language of the request."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        messages = value if isinstance(value, list) else [value]
        return "; ".join(spoken(Message.from_document(each), language()) for each in messages)


def said(means: str, **more: Any) -> Spoken:
    """A text in the language of the request."""
    return Spoken(dump_only=True, metadata={"description": means}, **more)


def part() -> fields.Raw:
    """A text as a service says it, for readers in other languages."""
    return fields.Raw(metadata={"description": "the same untranslated: a text with fields, and their values"})


def parts() -> Any:
    """Some of them."""
    return fields.List(part(), metadata={"description": "the same untranslated"})


class Noticed(fields.Field[Any]):
    """What a service has read otherwise than it is written, as problems are shown."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return [one_problem(Problem.from_document(each), language()) for each in value or ()]


def noticed() -> Noticed:
    """What has been read otherwise than it is written."""
    described = "what has been read otherwise than it is written, such as a team called N/A; as `problems` are"
    return Noticed(metadata={"description": described, "type": "array", "items": {"type": "object"}})


class View(Schema):
    """An object of a service. What a service says more than is described here, a newer one perhaps, is passed on."""

    class Meta:
        unknown = INCLUDE

    @post_dump(pass_original=True)
    def _pass_on(self, data: dict[str, Any], original: Any, **_: Any) -> Any:
        return {**original, **data} if isinstance(original, dict) else data


class LoggedIn(View):
    """Who one is from now on."""

    token = text("send it as `Authorization: Bearer …`; browsers also get it as a cookie that scripts cannot read")
    role = text("organizer, mentor, mentee or integrator")
    subject = text("the participant's id, or the account")
    program_id = text("the one program of a participant", allow_none=True)
    site_id = text("the one site of a participant", allow_none=True)
    expires_at = time("when to log in again (real time)")
    types = texts("of an integrator: patterns of the types that it may read")
    programs = fields.List(
        fields.String(), allow_none=True, metadata={"description": "of an integrator: the programs; null: of all"}
    )


class Time(View):
    """The time of the event."""

    now = time("the time of the event when the request arrived, to the microsecond")
    speed = number("event seconds in a real second: 1, but more in a rehearsal")


class Site(View):
    """Where a program takes place."""

    site_id = text("the site")
    name = text("its name")
    time_zone = text("IANA name")
    starts_at = time("when the first round begins, or began: as it was published, until the start is moved")
    published_starts_at = time("of a start that was moved: when it was to be by what was published")
    ends_at = time("when the last round ends, or ended; not told before there is a plan, and in a pause")
    state = text("scheduled, running or finished; not told before there is a plan")


class Attention(View):
    """Something in a program that its organizers have to see to."""

    code = text("no-plan: the program is published and has no plan, so that nothing rings at its start")
    when = text("how urgent it is: ahead, soon (within a day) or passed (the start has gone by)")
    starts_at = time("the first start that it is about")
    sites = texts("ids of the sites that it is about")


class Program(View):
    """An event."""

    program_id = text("the program")
    title = text("its title")
    title_key = text("a code for it, the same in all events of a series")
    topics = texts("what it is about; empty where anything is")
    state = text(
        "draft, published, running (since its first round at any site), finished (after the last at all sites), "
        "closed (its report is made) or cancelled"
    )
    closed_at = time("when its report was made")
    rounds = whole("number of rounds")
    round_seconds = whole("length of a round, s")
    break_seconds = whole("length of the break between rounds, s")
    warning_seconds = fields.List(fields.Integer(), metadata={"description": "bells before the end of a round, s"})
    sites = fields.List(fields.Nested(Site))
    mentors = whole("how many")
    mentees = whole("how many")
    attention = fields.List(
        fields.Nested(Attention), metadata={"description": "for organizers: what they have to see to; empty if nothing"}
    )


class Imported(View):
    """What an import has made."""

    program_id = text("the new program")
    mentors = whole("how many")
    mentees = whole("how many")
    sites = texts("ids")
    notices = noticed()


class StoryTold(View):
    """What a mentor tells."""

    situation = text("what it was like")
    choice = text("what there was to decide, and how it was")
    outcome = text("what came of it")
    lesson = text("what there is to learn from it")


class Participant(View):
    """A mentor or a mentee, as far as the caller may see."""

    participant_id = text("the participant")
    role = text("mentor or mentee")
    name = text("as to be called")
    site_id = text("where")
    remote = flag("takes part over a screen")
    languages = texts("language tags")
    status = text("registered, absent:<first round missed> or withdrawn")
    checked_in = flag("is there")
    topics = fields.Raw(
        metadata={
            "description": "of a mentor: experience (1 to 5) by topic; of a mentee: topics, the most wanted first",
            "oneOf": [
                {"type": "object", "additionalProperties": {"type": "integer"}},
                {"type": "array", "items": {"type": "string"}},
            ],
        }
    )
    program_id = text("the program")
    motives = texts("what a mentor can help with")
    storytelling = whole("how well a mentor tells stories; 0: not known")
    story = fields.Nested(StoryTold, allow_none=True, metadata={"description": "a mentor's"})
    motive = text("what a mentee comes for")
    questions = texts("a mentee's questions, the most important first")
    notices = noticed()
    ref = text("for organizers and oneself, as all that follows: the key in the organizer's files", allow_none=True)
    email = text("the mail address, or nothing")
    team = text("people of the same team do not meet")
    rounds = fields.List(fields.Integer(), metadata={"description": "when somebody is there"})
    max_meetings = whole("how many at most")
    wants = texts("ids, the dearest first")
    avoids = texts("ids")
    seats = whole("with how many mentees at a time")
    never = texts("a mentor's: whom never to meet, ids")
    manager = text("a mentee's boss, an id", allow_none=True)


class AccessCode(View):
    """What a participant logs in with."""

    participant_id = text("the participant")
    role = text("mentor or mentee")
    name = text("as to be called")
    site_id = text("where")
    access_code = text("the code; it belongs into the invitation and nowhere else")


class Quality(View):
    """How good a plan is."""

    meetings = whole("how many")
    score = number("its value")
    bound = number("no plan as fair is worth more")
    gap = number("(bound - score) / max(1, bound)")
    certified = flag("proved to be the fairest, and of these the best")
    least = whole("meetings of whoever has the fewest")
    most = whole("meetings of whoever has the most")
    seconds = number("planning took so long, s")


class Meeting(View):
    """Who meets whom, when and where."""

    meeting_id = text("the meeting")
    round = whole("from 1")
    table = text("the table")
    site_id = text("the mentor's site, also where the two meet over a screen", allow_none=True)
    mentor_id = text("the mentor")
    mentee_id = text("the mentee")
    score = number("its value")
    because = fields.Dict(
        keys=fields.String(), values=fields.Integer(), metadata={"description": "what speaks for it -> points"}
    )


class Unmet(View):
    """Who meets nobody."""

    mentee = text("the mentee")
    meetings = whole("how many: 0")
    reason = said("why, and what would help", attribute="messages")
    messages = parts()


class Change(View):
    """What a plan changes of the one before."""

    kind = text("released, moved or added")
    round = whole("from 1; of a meeting that has moved, the new one")
    mentee = text("the mentee")
    mentor = text("the mentor")
    why = said("why", attribute="message")
    message = part()


class Plan(View):
    """A plan and how far it is."""

    program_id = text("the program")
    plan_id = text("the plan", allow_none=True)
    state = text("none, planning, planned, cancelled or failed")
    failure = said("of a failed one: what went wrong, for people", allow_none=True)
    begun = fields.Dict(metadata={"description": "site -> rounds that have begun there: these are not planned anew"})
    progress = number("while it is being planned: the share that is done, 0 to 1")
    revision = whole("counted up with every change")
    requested = whole("revisions asked for")
    planned = whole("revisions made")
    quality = fields.Nested(Quality, allow_none=True)
    meetings = fields.List(fields.Nested(Meeting))
    unmet = fields.List(fields.Nested(Unmet))
    changes = fields.List(fields.Nested(Change), metadata={"description": "what the newest revision changed"})


class PlanState(View):
    """What becomes of a plan."""

    program_id = text("the program")
    plan_id = text("the plan")
    state = text("as of a plan")


class OwnMeeting(View):
    """Whom one meets, when and where."""

    meeting_id = text("the meeting")
    round = whole("from 1")
    table = text("the table")
    site_id = text("the mentor's site, also where the two meet over a screen", allow_none=True)
    role_of_other = text("mentor or mentee")
    other_id = text("the participant one meets")


class Agenda(View):
    """A participant's own meetings."""

    participant_id = text("the participant")
    program_id = text("the program")
    plan_id = text("the plan", allow_none=True)
    revision = whole("of the plan")
    state = text("of the plan: none, planning, planned, cancelled or failed")
    meetings = fields.List(fields.Nested(OwnMeeting))
    reason = said("why there are no meetings; null where there are some, or nothing is decided yet", allow_none=True)


class PlannedRound(View):
    """A round of a timetable."""

    round = whole("from 1")
    starts_at = time("its start")
    ends_at = time("its end")


class Session(View):
    """A program at a site: enough to count down without asking again."""

    session_id = text("the session")
    program_id = text("the program")
    site_id = text("the site")
    org = text("the organization", allow_none=True)
    plan_id = text("the plan that is held", allow_none=True)
    time_zone = text("IANA name")
    revision = whole("of the timetable")
    state = choice("where it stands", "scheduled", "round", "break", "paused", "finished", "cancelled")
    round = whole("the one that runs or comes next")
    rounds = whole("how many")
    rounds_held = whole("how many are over")
    timetable = fields.List(fields.Nested(PlannedRound))
    paused_seconds = fields.List(
        fields.Float(), metadata={"description": "of each round in the timetable: between start and end nobody met, s"}
    )
    starts_local = text("the first start by the clock on the wall there")
    ends_local = text("the last end by the clock on the wall there")
    warning_seconds = fields.List(fields.Integer(), metadata={"description": "bells before the end of a round, s"})
    paused_at = time("since when it stands still")
    held = flag("the timer has stopped it after an outage and waits for the organizer")
    cancelled_at = time("since when it is off")
    on_outage = text("catch-up or hold")
    now = time("when this was true")


class Shifted(View):
    """What a shift of the start has moved."""

    sessions = fields.List(fields.Nested(Session))
    left = texts("ids of the sessions that had begun")


class Connection(View):
    """Two who both want to stay in touch."""

    connection_id = text("the connection")
    mentor_id = text("the mentor")
    mentee_id = text("the mentee")
    site_id = text("where they met", allow_none=True)
    formed_at = time("when the second said yes")


class Connections(View):
    """The connections of a program: all for organizers, their own for participants."""

    connections = fields.List(fields.Nested(Connection))


class Ranked(View):
    """A ranking has been taken."""

    program_id = text("the program")
    submitted_at = time("when")


class OwnRanking(View):
    """Whom the caller would go on with."""

    program_id = text("the program")
    submitted = flag("whether the caller has said so yet")
    ranks = texts("ids, the dearest first")
    capacity = whole("a mentor's: with how many mentees; none if the mentor has not said")
    met = texts("ids of those whom the caller has met, by round")


class PairingState(View):
    """What becomes of a pairing."""

    program_id = text("the program")
    pairing_id = text("the pairing")
    state = text("none, pairing, paired or failed")


class FormedPair(View):
    """Two who go on together."""

    pair_id = text("the pair")
    mentor_id = text("the mentor")
    mentee_id = text("the mentee")
    site_id = text("the mentor's site")
    kind = text(
        "for organizers: mutual (a top choice of both), one-sided (of one), ranked (lower) or assigned (of neither)"
    )


class Pairing(PairingState):
    """Who goes on with whom; participants see the state, the revision and their own pairs, and no figures."""

    failure = said("of a failed one: what went wrong, for people", allow_none=True)

    revision = whole("counted up whenever the pairs change")
    terms = fields.Dict(allow_none=True, metadata={"description": "method, top and capacity it was formed by"})
    rankings = fields.Dict(metadata={"description": "role -> how many have ranked"})
    counts = fields.Dict(allow_none=True, metadata={"description": "stable and most_mutual -> kind -> pairs"})
    pairs = fields.List(fields.Nested(FormedPair))
    left_over = fields.Dict(allow_none=True, metadata={"description": "mentees and mentors (ids) without a pair"})


class Ledgers(View):
    """What each service holds of a program, in the same words, to compare."""

    registration = fields.Dict()
    matching = fields.Dict()
    session_timer = fields.Dict()
    feedback = fields.Dict()


class Events(View):
    """Events of the log, from a cursor on."""

    events = fields.List(
        fields.Dict(),
        metadata={"description": "CloudEvents 1.0 in JSON, each as it was published but for who has been erased since"},
    )
    cursor = text("send it as `after` to go on; an opaque text")
    more = flag("whether there is more already; if not, ask again later")


class Snapshot(View):
    """The events of a program from which its state comes out."""

    events = fields.List(
        fields.Dict(), metadata={"description": "CloudEvents 1.0 in JSON, each as it was published, the oldest first"}
    )
    cursor = text("the cursor at which these events are true; the log goes on after it")
    next = text("send it as `page` for what follows; null after the last page", allow_none=True)


class Submitted(View):
    """Feedback has been taken."""

    meeting_id = text("the meeting")
    by_role = choice("whose it is", "mentor", "mentee")
    submitted_at = time("when")
    connection_id = text("the connection, once both want to stay in touch", allow_none=True)


class OwnAnswer(View):
    """What the caller has said of a meeting."""

    meeting_id = text("the meeting")
    ratings = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "what is rated -> a number"},
    )
    stay_in_touch = flag("whether to stay in touch")
    takeaway = text("own words", allow_none=True)
    submitted_at = time("when")


class OwnAnswers(View):
    """What the caller has said of all meetings."""

    meeting_ids = texts("the meetings")
    feedback = fields.List(fields.Nested(OwnAnswer))


class Figure(View):
    """Answers to a question; all is null where too few have answered to tell."""

    answers = whole("how many")
    mean = number("their mean")
    distribution = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        allow_none=True,
        metadata={"description": "value -> how often"},
    )


class Question(View):
    """A question's figures; what would tell who has answered what is left out."""

    all = fields.Nested(Figure)
    by_role = fields.Dict(keys=fields.String(), values=fields.Nested(Figure))
    by_site = fields.Dict(keys=fields.String(), values=fields.Nested(Figure))


def _by_kind(means: str) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        values=fields.Integer(allow_none=True),
        allow_none=True,
        metadata={"description": means},
    )


class PairingFigures(View):
    """Who goes on with whom, in numbers."""

    revision = whole("of the pairing")
    method = text("stable or most-mutual")
    mentors = whole("how many took part")
    mentees = whole("how many took part")
    pairs = whole("how many; null where too few")
    mentees_left_over = whole("how many; null where too few")
    stable = _by_kind("kind -> pairs of the stable pairing")
    most_mutual = _by_kind("kind -> pairs of the most mutual one")


class Report(View):
    """What came of a program, in numbers that name nobody."""

    program_id = text("the program")
    closed_at = time("when it was closed")
    k = whole("answers that a figure needs to be shown")
    held = whole("meetings that took place")
    answers = whole("sides of meetings that said something")
    questions = fields.Dict(
        keys=fields.String(), values=fields.Nested(Question), metadata={"description": "question -> figures"}
    )
    pairing = fields.Nested(PairingFigures, allow_none=True)
