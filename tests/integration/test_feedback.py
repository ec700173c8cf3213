"""Feedback as a process on the real broker and database: meetings come in as events, answers over RPC."""

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
import pytest
from kombu import Connection
from pymongo import MongoClient

from deploy.local import Deployment, Infrastructure
from deploy.local.waiting import eventually
from shared.events import CONTENT_TYPE, Event, NewEvent, encode, seal, write_time
from shared.events.catalogue import TYPES
from shared.ids import new_id
from shared.messaging.publisher import ConfirmedPublisher, Outgoing
from shared.messaging.topology import EVENTS, declare
from shared.security.principal import Principal
from shared.security.tokens import sign

pytestmark = pytest.mark.integration

ORG = "acme"
RATINGS = {"mentor": {"time_well_spent": 6, "prepared": 4}, "mentee": {"time_well_spent": 7, "story": 5}}


class Bus:
    """RPC to the service and what it publishes, over one connection of an outsider's; many calls may be under way."""

    def __init__(self, uri: str, private_key: bytes) -> None:
        self._uri, self._private_key = uri, private_key
        self._connection = pika.BlockingConnection(pika.URLParameters(uri))
        self._channel = self._connection.channel()
        self._reply_to = str(uuid.uuid4())
        self.answers: dict[str, dict[str, Any]] = {}
        self.heard: dict[str, dict[str, Any]] = {}
        for exchange, key, hear in (
            ("nameko-rpc", self._reply_to, self._hear_answer),
            (EVENTS, "speedmentor.feedback.#", self._hear_event),
        ):
            queue = self._channel.queue_declare("", exclusive=True).method.queue
            self._channel.queue_bind(queue, exchange, key)
            self._channel.basic_consume(queue, hear, auto_ack=True)

    def _hear_answer(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        answer = json.loads(body)
        assert answer["error"] is None, answer
        self.answers[properties.correlation_id] = answer["result"]

    def _hear_event(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        event = json.loads(body)
        before = self.heard.setdefault(event["id"], event)
        assert before == event

    def send(self, principal: Principal, method: str, **arguments: Any) -> str:
        """Send a request; its answer comes under the id returned."""
        call = str(uuid.uuid4())
        properties = pika.BasicProperties(
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
            reply_to=self._reply_to,
            correlation_id=call,
            headers={"nameko.token": sign(principal, self._private_key)},
        )
        body = json.dumps({"args": [], "kwargs": arguments})
        self._channel.basic_publish("nameko-rpc", f"feedback.{method}", body, properties)
        return call

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """Take in answers and events until ``condition`` is true."""

        def look() -> Any:
            self._connection.process_data_events(0.02)
            return condition()

        return eventually(look, seconds, what, pause=0)

    def wait(self, *calls: str) -> list[dict[str, Any]]:
        self.until(lambda: all(call in self.answers for call in calls), f"{len(calls)} answers")
        return [self.answers[call] for call in calls]

    def events(self, name: str, program_id: str) -> list[dict[str, Any]]:
        """What has been heard of a program, each event once."""
        wanted = f"speedmentor.feedback.{name}.v1"
        return [e for e in self.heard.values() if e["type"] == wanted and e["program"] == program_id]

    def publish(self, events: list[Event]) -> None:
        with Connection(self._uri) as connection:
            connection.connect()
            messages = [
                Outgoing(EVENTS, e.type, encode(e), {"content_type": CONTENT_TYPE, "message_id": e.id, "type": e.type})
                for e in events
            ]
            outcomes = ConfirmedPublisher(connection).publish(messages)
            assert {outcome.value for outcome in outcomes} == {"confirmed"}

    def close(self) -> None:
        self._connection.close()


class World:
    """A program with meetings at two sites, and the events that the other services would publish of it."""

    def __init__(self, bus: Bus, pairs: int = 3) -> None:
        self.bus = bus
        self.program_id = new_id()
        self.sites = ["jkt", "upg"]
        self.begin = datetime.now(UTC) - timedelta(hours=2)
        self._ordinals: Counter[str] = Counter()
        #: meeting id -> (site, round, mentor, mentee)
        self.meetings = {new_id(): (site, 1, new_id(), new_id()) for site in self.sites for _ in range(pairs)}
        self.organizer = Principal("rina", "organizer", ORG)

    def event(self, name: str, subject: str, minutes: float, site: str | None = None, **data: Any) -> Event:
        self._ordinals[subject] += 1
        new = NewEvent(name, subject, {"program_id": self.program_id, **data}, ORG, self.program_id, site)
        at = self.begin + timedelta(minutes=minutes)
        return seal(new, id=new_id(), ordinal=self._ordinals[subject], time=at, correlationid=new_id())

    def published(self) -> Event:
        site = {"time_zone": "Asia/Jakarta", "starts_at": write_time(self.begin)}
        return self.event(
            "registration.program-published",
            self.program_id,
            -60,
            title_key="trial",
            rounds=2,
            round_seconds=600,
            break_seconds=60,
            warning_seconds=[60],
            sites=[{"site_id": each, **site} for each in self.sites],
            mentors=len(self.meetings),
            mentees=len(self.meetings),
        )

    def told(self, what: str, meeting_id: str, minutes: float = -30, round_: int | None = None) -> Event:
        site, number, mentor, mentee = self.meetings[meeting_id]
        return self.event(
            f"matching.meeting-{what}",
            meeting_id,
            minutes,
            site,
            meeting_id=meeting_id,
            plan_id=f"plan-{self.program_id}",
            site_id=site,
            revision=1,
            round=round_ or number,
            table=f"{site}-1",
            mentor_id=mentor,
            mentee_id=mentee,
        )

    def ended(self, site: str, number: int = 1) -> Event:
        at = write_time(self.begin + timedelta(minutes=10 * number))
        session = f"session-{site}-{self.program_id}"
        times = {"scheduled_at": at, "actual_at": at, "ends_at": at}
        return self.event(
            "session-timer.round-ended",
            session,
            10 * number,
            site,
            session_id=session,
            site_id=site,
            revision=1,
            round=number,
            late=False,
            **times,
        )

    def erased(self, participant_id: str, role: str) -> Event:
        return self.event(
            "registration.participant-erased", participant_id, 90, participant_id=participant_id, role=role
        )

    def hold(self) -> None:
        """Have everything published, and wait until the first round is known to have been held everywhere."""
        meetings = [self.told("assigned", each) for each in self.meetings]
        self.bus.publish([self.published(), *meetings, *(self.ended(site) for site in self.sites)])
        self.wait_for_ledger(held=len(self.meetings))

    def side(self, meeting_id: str, role: str) -> Principal:
        site, _, mentor, mentee = self.meetings[meeting_id]
        subject = mentor if role == "mentor" else mentee
        return Principal(subject, role, ORG, (self.program_id,), (site,))

    def give(self, meeting_id: str, role: str, key: str | None = None, stay: bool = True, **other: Any) -> str:
        arguments = {"meeting_id": meeting_id, "ratings": RATINGS[role], "stay_in_touch": stay, "takeaway": None}
        given = {**arguments, **other, "idempotency_key": key}
        return self.bus.send(self.side(meeting_id, role), "submit_feedback", **given)

    def given(self, *calls: str) -> list[dict[str, Any]]:
        answers = self.bus.wait(*calls)
        assert all("ok" in each for each in answers), [each["fault"] for each in answers if "fault" in each]
        return [answer["ok"] for answer in answers]

    def ask(self, method: str, principal: Principal | None = None, **arguments: Any) -> dict[str, Any]:
        call = self.bus.send(principal or self.organizer, method, program_id=self.program_id, **arguments)
        return self.bus.wait(call)[0]

    def fault(self, *calls: str) -> str:
        (answer,) = self.bus.wait(*calls)
        return str(answer["fault"]["code"])

    def wait_for_ledger(self, **wanted: Any) -> dict[str, Any]:
        def look() -> Any:
            ledger = self.ask("ledger").get("ok") or {}
            return ledger if all(ledger.get(k.replace("_", "-")) == v for k, v in wanted.items()) else None

        found: dict[str, Any] = self.bus.until(look, f"ledger with {wanted}")
        return found

    def wait_for_events(self, name: str, count: int) -> list[dict[str, Any]]:
        """Wait until the outbox is empty and this many are heard; more are an error."""
        self.bus.until(lambda: len(self.bus.events(name, self.program_id)) >= count, f"{count} {name}")
        self.wait_for_ledger(outbox_pending=0)
        found = self.bus.events(name, self.program_id)
        assert len(found) == count
        return found


@pytest.fixture(scope="module")
def deployment(
    infrastructure: Infrastructure, amqp_uri: Callable[..., str], mongo_uri: Callable[..., str]
) -> Iterator[Deployment]:
    with Connection(amqp_uri()) as connection:
        declare(connection)
    made = Deployment(infrastructure, {"AMQP_URI": amqp_uri("feedback"), "MONGO_URI": mongo_uri("feedback")})
    made.wait_ready(*made.start("feedback"))
    yield made
    made.stop_all()


@pytest.fixture(scope="module")
def bus(deployment: Deployment, infrastructure: Infrastructure, amqp_uri: Callable[..., str]) -> Iterator[Bus]:
    opened = Bus(amqp_uri(), infrastructure.secrets.token_private_key.read_bytes())
    yield opened
    opened.close()


@pytest.fixture
def world(bus: Bus) -> World:
    return World(bus)


def test_feedback_is_taken_from_the_two_who_met_once_their_round_is_over(world: World) -> None:
    meeting_id = next(iter(world.meetings))
    stranger = Principal(new_id(), "mentee", ORG, (world.program_id,), ("jkt",))
    assert world.ask("ledger")["fault"]["code"] == "not-yet"
    assert world.fault(world.give(meeting_id, "mentee")) == "not-found"

    world.bus.publish([world.published(), world.told("assigned", meeting_id)])
    world.bus.until(lambda: world.ask("ledger").get("ok", {}).get("meetings"), "the meeting is known")
    early = world.bus.wait(world.give(meeting_id, "mentee"))[0]["fault"]
    assert early["code"] == "conflict"
    assert "when it has ended" in early["detail"]["msgid"]

    world.bus.publish([world.ended("jkt")])
    world.wait_for_ledger(held=1)
    arguments = {"meeting_id": meeting_id, "ratings": {}, "stay_in_touch": True}
    assert world.fault(world.bus.send(stranger, "submit_feedback", **arguments)) == "forbidden"
    assert world.fault(world.bus.send(world.organizer, "submit_feedback", **arguments)) == "forbidden"
    abroad = Principal(world.side(meeting_id, "mentee").subject, "mentee", "another", (world.program_id,), ("jkt",))
    assert world.fault(world.bus.send(abroad, "submit_feedback", **arguments)) == "not-found"
    bad = world.bus.wait(world.give(meeting_id, "mentee", ratings={"prepared": 3, "time_well_spent": 8}))[0]["fault"]
    assert bad["code"] == "invalid"
    assert [problem["field"] for problem in bad["problems"]] == ["/ratings/prepared", "/ratings/time_well_spent"]
    vague = world.bus.wait(world.give(meeting_id, "mentee", stay=1))[0]["fault"]  # type: ignore[arg-type]
    assert [problem["field"] for problem in vague["problems"]] == ["/stay_in_touch"]

    secret = "Ask for the budget first: Ibu Sari says so"
    (mine,) = world.given(world.give(meeting_id, "mentee", takeaway=f"  {secret} "))
    assert mine["connection_id"] is None
    assert world.ask("get_connections")["ok"] == {"connections": []}
    (other,) = world.given(world.give(meeting_id, "mentor"))
    assert other["connection_id"] is not None
    (formed,) = world.wait_for_events("connection-formed", 1)
    _, _, mentor, mentee = world.meetings[meeting_id]
    ids = {"connection_id": other["connection_id"], "mentor_id": mentor, "mentee_id": mentee}
    assert formed["data"] == {"program_id": world.program_id, **ids}
    for who in (world.organizer, world.side(meeting_id, "mentor"), world.side(meeting_id, "mentee")):
        (seen,) = world.ask("get_connections", who)["ok"]["connections"]
        assert {name: seen[name] for name in ids} == ids
    assert world.ask("get_connections", stranger)["ok"] == {"connections": []}
    elsewhere = Principal("sam", "organizer", ORG, (), ("upg",))
    assert world.ask("get_connections", elsewhere)["ok"] == {"connections": []}

    written = world.ask("get_submitted", world.side(meeting_id, "mentee"))["ok"]
    assert written["meeting_ids"] == [meeting_id]
    assert written["feedback"][0]["takeaway"] == secret
    assert secret not in json.dumps(world.ask("get_submitted", world.side(meeting_id, "mentor")))
    submitted = world.wait_for_events("feedback-submitted", 2)
    assert {e["data"]["by_role"]: e["data"]["ratings"] for e in submitted} == {"mentor": {}, "mentee": {}}
    assert "Sari" not in json.dumps(list(world.bus.heard.values()))

    # A connection stays, whatever is chosen later.
    (after,) = world.given(world.give(meeting_id, "mentee", stay=False))
    assert after["connection_id"] == other["connection_id"]
    assert len(world.ask("get_connections")["ok"]["connections"]) == 1


def test_a_choice_taken_back_before_the_other_side_chose_connects_nobody(world: World) -> None:
    world.hold()
    meeting_id = next(iter(world.meetings))
    world.given(world.give(meeting_id, "mentee"))
    world.given(world.give(meeting_id, "mentee", stay=False))
    (other,) = world.given(world.give(meeting_id, "mentor"))
    assert other["connection_id"] is None
    world.wait_for_events("feedback-submitted", 3)
    world.wait_for_events("connection-formed", 0)


def test_a_cancelled_program_is_known_as_such_even_if_that_is_heard_first(world: World) -> None:
    cancelled = world.event("registration.program-cancelled", world.program_id, -50, reason="too-few-mentors")
    world.bus.publish([cancelled, world.published()])
    world.wait_for_ledger(programs={world.program_id: "cancelled"})


@pytest.mark.parametrize("seed", range(3))
def test_events_five_times_and_in_any_order_have_the_effect_of_once(world: World, seed: int) -> None:
    held, moved, again, off, late, ahead = world.meetings
    world.meetings = {each: ("jkt", 1, new_id(), new_id()) for each in world.meetings}
    events = [world.published(), world.ended("jkt")]
    events += [world.told("assigned", each) for each in (held, moved, again, off, late)]
    events += [world.told("released", moved, -20), world.told("assigned", moved, -20, round_=2)]
    events += [world.told("released", again, -20), world.told("assigned", again, -10)]
    events += [world.told("released", off, -20)]
    events += [world.told("released", late, 30)]
    events += [world.told("assigned", ahead, round_=2)]
    delivered = events * 5
    random.Random(seed).shuffle(delivered)
    world.bus.publish(delivered)

    def line(meeting_id: str, number: int) -> str:
        _, _, mentor, mentee = world.meetings[meeting_id]
        return f"{number}/jkt-1/{mentor}/{mentee}"

    lines = {each: line(each, 1) for each in (held, again, late)} | {each: line(each, 2) for each in (moved, ahead)}
    ledger = world.wait_for_ledger(held=3, rounds_held={"jkt": 1, "upg": 0}, meetings=lines)
    assert ledger["programs"] == {world.program_id: "published"}
    assert world.fault(world.give(off, "mentee")) == "conflict"
    assert world.fault(world.give(moved, "mentee")) == "conflict"
    assert world.given(world.give(late, "mentee"))


def test_the_same_feedback_five_times_has_one_effect_and_other_feedback_replaces_it(world: World) -> None:
    world.hold()
    meeting_id = next(iter(world.meetings))
    keyed = world.given(*(world.give(meeting_id, "mentee", "key-1") for _ in range(5)))
    plain = world.given(*(world.give(meeting_id, "mentor") for _ in range(5)))
    assert all(each == keyed[0] for each in keyed)
    assert all(each["submitted_at"] == plain[0]["submitted_at"] for each in plain)
    world.wait_for_events("feedback-submitted", 2)
    world.wait_for_events("connection-formed", 1)
    world.given(world.give(meeting_id, "mentee", "key-2", ratings={"time_well_spent": 1}))
    events = world.wait_for_events("feedback-submitted", 3)
    assert sorted(event["ordinal"] for event in events) == [1, 2, 3]
    assert world.ask("ledger")["ok"]["feedback"] == 2
    assert world.fault(world.give(meeting_id, "mentee", "key-2", ratings={})) == "conflict"


def test_both_sides_at_the_same_instant_are_connected_once(bus: Bus) -> None:
    world = World(bus, pairs=50)
    world.hold()
    calls = [world.give(each, role, new_id()) for each in world.meetings for role in ("mentor", "mentee")]
    answers = world.given(*calls)
    pairs = [{each["connection_id"] for each in answers[at : at + 2]} - {None} for at in range(0, len(answers), 2)]
    assert all(len(ids) == 1 for ids in pairs)
    formed = world.wait_for_events("connection-formed", 100)
    assert {event["subject"] for event in formed} == set().union(*pairs)
    world.wait_for_events("feedback-submitted", 200)
    assert world.ask("ledger")["ok"]["connections"] == 100


def test_killed_in_the_middle_nothing_is_lost_or_doubled(bus: Bus, deployment: Deployment) -> None:
    world = World(bus, pairs=60)
    world.hold()
    calls = {
        world.give(each, role, key := new_id()): (each, role, key)
        for each in world.meetings
        for role in ("mentor", "mentee")
    }
    for share in (0.15, 0.5):
        enough = int(len(calls) * share)
        bus.until(lambda enough=enough: sum(call in bus.answers for call in calls) >= enough, f"{enough} answers")
        deployment.kill("feedback-1")
        deployment.restart("feedback-1", wait=False)
    deployment.wait_ready("feedback-1")
    # An answer may be lost with the process that sent it: whoever misses one asks again with the same key.
    answers = world.given(*(world.give(*asked) for asked in calls.values()))
    assert {(each["meeting_id"], each["by_role"]) for each in answers} == {each[:2] for each in calls.values()}
    submitted = world.wait_for_events("feedback-submitted", 240)
    assert len({(event["subject"], event["ordinal"]) for event in submitted}) == 240
    assert {event["ordinal"] for event in submitted} == {1, 2}
    world.wait_for_events("connection-formed", 120)
    ledger = world.ask("ledger")["ok"]
    assert (ledger["feedback"], ledger["connections"], ledger["held"]) == (240, 120, 120)


def test_a_program_is_closed_once_and_its_report_tells_on_nobody(world: World) -> None:
    world.meetings = {new_id(): ("jkt" if at < 8 else "upg", 1, new_id(), new_id()) for at in range(10)}
    world.bus.publish([world.published()])
    eventually(lambda: "ok" in world.ask("ledger"), 20, "the program is known")
    assert world.ask("close_program")["fault"]["code"] == "conflict"
    world.hold()
    calls = [world.give(each, "mentee", new_id(), stay=at % 2 == 0) for at, each in enumerate(world.meetings)]
    calls += [world.give(each, "mentor", new_id(), takeaway="mine") for each in list(world.meetings)[:4]]
    world.given(*calls)
    assert world.ask("get_report")["fault"]["code"] == "conflict"
    mentee = world.side(next(iter(world.meetings)), "mentee")
    for method in ("close_program", "get_report", "ledger"):
        assert world.ask(method, mentee)["fault"]["code"] == "forbidden"
        assert world.ask(method, Principal("sam", "organizer", "another"))["fault"]["code"] == "not-found"

    closing = [world.bus.send(world.organizer, "close_program", program_id=world.program_id) for _ in range(4)]
    reports = world.given(*closing)
    assert all(each == reports[0] for each in reports)
    made = reports[0]
    assert world.ask("close_program", idempotency_key=new_id())["ok"] == made
    assert world.ask("get_report")["ok"] == {**made, "pairing": None}
    assert (made["k"], made["held"], made["answers"]) == (5, 10, 14)
    spent = made["questions"]["time_well_spent"]
    assert spent["all"] == {"answers": 14, "mean": round((10 * 7 + 4 * 6) / 14, 4), "distribution": {"6": 4, "7": 10}}
    # Four mentors answered: their figure is hidden, and the mentees' with it. At upg two did: likewise.
    nothing = {"answers": None, "mean": None, "distribution": None}
    assert spent["by_role"] == {"mentor": nothing, "mentee": nothing}
    assert spent["by_site"] == {"jkt": nothing, "upg": nothing}
    assert made["questions"]["prepared"]["all"] == nothing
    assert made["questions"]["story"]["all"]["mean"] == 5
    assert made["questions"]["stay_in_touch"]["all"]["distribution"] == {"0": 5, "1": 9}
    assert made["questions"]["connections"]["all"] == nothing
    (ready,) = world.wait_for_events("program-report-ready", 1)
    assert ready["data"]["answers"] == 14
    # All mentees gave the story a 5, and who chose what is told by connections alone.
    untold = ("story", "stay_in_touch", "prepared", "connections")
    assert not {name for name in ready["data"]["figures"] if name.startswith(untold)}
    assert ready["data"]["figures"]["time_well_spent_answers"] == 14
    # The report hides both sites, so that of no round anything is told.
    world.wait_for_events("round-rated", 0)
    (closed,) = world.wait_for_events("program-closed", 1)
    assert closed["data"] == {"program_id": world.program_id}
    assert world.fault(world.give(next(iter(world.meetings)), "mentor", ratings={})) == "conflict"

    # The pairs are formed after that; what comes late of an earlier revision changes nothing.
    # As a release before 0.2.0 publishes them: today's leaves out what would tell of a few.
    told = {"mutual": 31, "one-sided": 18, "ranked": 4, "assigned": 7}
    figures = TYPES["speedmentor.matching.pairing-published.v1"].example() | {"stable": told}
    for revision in (2, 1):
        data = {**figures, "revision": revision}
        del data["program_id"]
        world.bus.publish([world.event("matching.pairing-published", figures["pairing_id"], 90, **data)])
    world.bus.publish([world.ended("upg", 2)])
    world.bus.until(lambda: world.ask("ledger")["ok"]["rounds-held"]["upg"] == 2, "what came before that is heard")
    assert world.ask("get_report")["ok"]["pairing"]["revision"] == 2
    hidden = {"ranked": None, "assigned": None}
    assert world.ask("get_report")["ok"]["pairing"]["stable"] == told | hidden, "4 are too few, and 7 would tell the 4"
    assert world.ask("ledger")["ok"]["pairings"] == {world.program_id: 2}


def test_what_was_taken_while_the_program_was_being_closed_is_in_the_report(bus: Bus) -> None:
    world = World(bus, pairs=60)
    world.hold()
    calls = [world.give(each, "mentee", new_id()) for each in world.meetings]
    closing = bus.send(world.organizer, "close_program", program_id=world.program_id)

    def refused() -> bool:
        """Everybody goes on giving feedback until somebody is told that the program is closed."""
        calls.extend(world.give(each, "mentor", new_id()) for each in world.meetings)
        return any("fault" in answer for answer in bus.wait(*calls))

    eventually(refused, 60, "feedback is refused", pause=0)
    answers = bus.wait(*calls)
    taken = {(answer["ok"]["meeting_id"], answer["ok"]["by_role"]) for answer in answers if "ok" in answer}
    assert {answer["fault"]["code"] for answer in answers if "fault" in answer} == {"conflict"}
    (made,) = bus.wait(closing)
    assert made["ok"]["answers"] == len(taken) == world.ask("ledger")["ok"]["feedback"]
    world.wait_for_events("feedback-submitted", len(taken))


def test_who_is_erased_is_forgotten_and_the_numbers_stay(
    world: World, mongo_uri: Callable[..., str], deployment: Deployment
) -> None:
    world.hold()
    one, two, *_ = world.meetings
    site, _, _, mentee = world.meetings[one]
    world.given(world.give(one, "mentee", "key-1", takeaway="private thoughts"), world.give(one, "mentor", "key-2"))
    world.wait_for_events("connection-formed", 1)
    late = new_id()
    world.meetings[late] = (site, 1, world.meetings[two][2], mentee)
    world.bus.publish([world.erased(mentee, "mentee")])

    def gone() -> bool:
        return world.ask("get_connections")["ok"] == {"connections": []}

    eventually(gone, 20, "the mentee is forgotten")
    # An older event that comes late does not bring the id back.
    world.bus.publish([world.told("assigned", late)])
    ledger = world.wait_for_ledger(held=7)
    assert ledger["meetings"][late].endswith("/erased")
    assert (ledger["feedback"], ledger["connections"]) == (2, 1)
    with MongoClient(mongo_uri("feedback")) as client:
        database = client.get_default_database()
        for name in database.list_collection_names():
            # What was published is history, and holds opaque ids only.
            if name not in ("outbox", "ordinals"):
                held = [row for row in database[name].find() if mentee in str(row) or "private thoughts" in str(row)]
                assert held == [], name
    assert world.fault(world.give(one, "mentee", ratings={})) == "unauthenticated", "no token is this one's any more"
    (other,) = world.given(world.give(late, "mentor"))
    assert other["connection_id"] is None
    world.wait_for_events("connection-formed", 1)


def test_of_a_round_aggregates_are_told_once_when_the_program_is_closed(bus: Bus) -> None:
    world = World(bus, pairs=4)
    world.hold()
    for number, meeting_id in enumerate(world.meetings):
        value = 5 + number % 2
        world.given(
            world.give(meeting_id, "mentor", ratings={"time_well_spent": value}),
            world.give(meeting_id, "mentee", ratings={"time_well_spent": value + 1, "story": 4}),
        )
    world.wait_for_events("round-rated", 0)
    for _ in range(2):
        assert "ok" in world.ask("close_program", idempotency_key=new_id())
    told = world.wait_for_events("round-rated", 2)
    assert {each["site"]: (each["data"]["round"], each["data"]["figures"]) for each in told} == {
        site: (1, {"time_well_spent_mean": 6.0, "time_well_spent_answers": 8}) for site in world.sites
    }
    assert {each["ordinal"] for each in told} == {1}
