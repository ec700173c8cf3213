"""The session timer as a process on the real broker and database: events come in, bells and answers go out."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from kombu import Connection
from pymongo import MongoClient

from deploy.local import Deployment, Infrastructure
from services.session_timer.store import shard_name, shard_of
from shared.events import decode
from shared.ids import new_id
from shared.messaging.topology import declare
from shared.security.principal import Principal
from tests.integration.broker_troubles import hanging, memory_alarm
from tests.integration.timer_bus import ORG, ORGANIZER, Bus, Program, short, soon, whole

pytestmark = pytest.mark.integration

NOTICED = 2.0
"""Seconds within which the session timer notices that the broker takes nothing."""
ON_TIME = 1.0
"""Seconds by which a bell may be late without saying so."""

SITES = {"jkt": "Asia/Jakarta", "ber": "Europe/Berlin"}


@pytest.fixture(scope="module")
def database_uri(mongo_uri: Callable[..., str]) -> str:
    return mongo_uri("session_timer")


@pytest.fixture(scope="module")
def deployment(infrastructure: Infrastructure, amqp_uri: Callable[..., str], database_uri: str) -> Iterator[Deployment]:
    with Connection(amqp_uri()) as connection:
        declare(connection)
    made = Deployment(infrastructure)
    timer = {"AMQP_URI": amqp_uri("session_timer"), "MONGO_URI": database_uri}
    made.wait_ready(*made.start("session_timer", 2, timer))
    yield made
    made.stop_all()


@pytest.fixture
def bus(deployment: Deployment, infrastructure: Infrastructure, amqp_uri: Callable[..., str]) -> Iterator[Bus]:
    made = Bus(amqp_uri(), infrastructure.secrets.token_private_key.read_bytes())
    yield made
    made.close()


@pytest.fixture
def running(bus: Bus) -> str:
    """A session in its first round."""
    session_id = bus.sessions(Program(soon(1.5)))["jkt"]
    bus.wait_for(session_id, "round-started 1")
    return session_id


@pytest.mark.parametrize("plan_first", [False, True], ids=["program-first", "plan-first"])
def test_both_events_in_either_order_schedule_every_site_once(bus: Bus, plan_first: bool) -> None:
    program = Program(soon(3600), rounds=3, sites=SITES)
    told = [program.published(), program.planned()]
    for event in reversed(told) if plan_first else told:
        bus.publish(event)
    ids = bus.scheduled(program)
    # Told again, as the broker may do, and told anew under other ids: nothing comes of it.
    bus.publish(*told, program.published(), program.planned())
    marker = Program(soon(3600))
    bus.sessions(marker)
    assert [short(e) for e in bus.heard.values() if e["program"] == program.program_id] == ["session-scheduled"] * 2
    views = bus.ok("list_sessions", program_id=program.program_id)
    assert {view["site_id"]: view["session_id"] for view in views} == ids
    assert {(view["state"], view["revision"], len(view["timetable"])) for view in views} == {("scheduled", 1, 3)}
    berlin = next(view for view in views if view["site_id"] == "ber")
    assert berlin["timetable"] == bus.events(ids["ber"])[0]["data"]["timetable"]
    start = datetime.fromisoformat(berlin["timetable"][0]["starts_at"])
    in_berlin = start.astimezone(ZoneInfo("Europe/Berlin")).utcoffset()
    assert datetime.fromisoformat(berlin["starts_local"]).utcoffset() == in_berlin


def test_a_session_rings_from_start_to_end_on_time_and_none_early(bus: Bus) -> None:
    program = Program(soon(8), 2, 2, 1, (1,), SITES)
    ids = bus.sessions(program)
    for session_id in ids.values():
        bus.wait_for(session_id, "session-finished")
        assert bus.names(session_id) == [
            "session-scheduled",
            *(f"{name} {number}" for number in (1, 2) for name in ("round-started", "round-warned", "round-ended")),
            "session-finished",
        ]
    mine = [(at, e) for at, e in bus.deliveries if e["program"] == program.program_id]
    whole({e["id"]: e for _, e in mine}.values())
    # How late the bells are is measured by the benchmark; here only that none is early, and none is forgotten for long.
    late = [at - datetime.fromisoformat(e["data"]["scheduled_at"]).timestamp() for at, e in mine if "late" in e["data"]]
    assert len(late) >= 12
    assert min(late) >= 0
    assert max(late) < 20

    def settled() -> bool:
        ledger = bus.ok("ledger", program_id=program.program_id)
        return bool(ledger["outbox-pending"] == 0) and ledger["sessions"] == dict.fromkeys(ids.values(), "finished/2")

    bus.until(settled, "the ledger says that both are finished")
    assert bus.ok("ledger", program_id=program.program_id)["rounds-held"] == {"jkt": 2, "ber": 2}


def test_the_outbox_holds_every_bell_that_was_sent(bus: Bus, database_uri: str) -> None:
    session_id = bus.sessions(Program(soon(1.5), 1, 1))["jkt"]
    bus.wait_for(session_id, "session-finished")
    database: Any = MongoClient(database_uri, tz_aware=True).get_default_database()
    ids = {event["id"] for event in bus.events(session_id)}
    bus.until(lambda: database["outbox"].count_documents({"_id": {"$in": list(ids)}}) == len(ids), "all are recorded")
    for row in database["outbox"].find({"_id": {"$in": list(ids)}}):
        # Readable by the catalogue, and to the letter what was sent.
        assert decode(row["body"]).id == row["_id"]
        assert json.loads(row["body"]) == bus.heard[row["_id"]]
    bus.until(lambda: not any(row["claims"] for row in database["shards"].find()), "all claims are settled")


def test_a_command_repeated_with_its_key_has_one_effect_and_the_same_answer(bus: Bus, running: str) -> None:
    key = new_id()
    first = bus.ok("pause", session_id=running, revision=1, idempotency_key=key)
    assert (first["state"], first["revision"], first["round"]) == ("paused", 2, 1)
    assert bus.ok("pause", session_id=running, revision=1, idempotency_key=key) == first
    bus.ok("resume", session_id=running, revision=2)
    bus.wait_for(running, "session-resumed 1")
    assert bus.names(running) == ["session-scheduled", "round-started 1", "session-paused 1", "session-resumed 1"]
    assert bus.refused("extend", session_id=running, seconds=5, idempotency_key=key)["code"] == "conflict"


def test_a_command_on_an_older_timetable_gets_the_one_that_holds(bus: Bus, running: str) -> None:
    extended = bus.ok("extend", session_id=running, revision=1, seconds=60)
    for name, more in (("pause", {}), ("end_round", {}), ("choose_policy", {"on_outage": "hold"})):
        fault = bus.refused(name, session_id=running, revision=1, **more)
        assert fault["code"] == "stale"
        assert fault["current"]["revision"] == 2
        assert fault["current"]["timetable"] == extended["timetable"]
    assert bus.ok("get_session", session_id=running)["on_outage"] == "catch-up"


def test_every_command_moves_the_timetable_for_all(bus: Bus, running: str) -> None:
    def revision() -> int:
        return int(bus.ok("get_session", session_id=running)["revision"])

    bus.ok("restart_round", session_id=running, revision=1)
    bus.ok("extend", session_id=running, revision=2, seconds=30)
    fault = bus.refused("extend", session_id=running, revision=3, seconds=900)
    assert (fault["code"], fault["problems"][0]["field"]) == ("invalid", "seconds")
    bus.ok("end_round", session_id=running, revision=3)
    skipped = bus.ok("skip_break", session_id=running, revision=4)
    assert (skipped["state"], skipped["revision"], revision()) == ("round", 5, 5)
    bus.ok("end_round", session_id=running, revision=5)
    bus.wait_for(running, "session-finished")
    whole(bus.events(running))
    assert bus.names(running) == [
        "session-scheduled",
        "round-started 1",
        "session-rescheduled",
        "round-extended 1",
        "session-rescheduled",
        "round-ended 1",
        "session-rescheduled",
        "round-started 2",
        "session-rescheduled",
        "round-ended 2",
        "session-finished",
    ]
    revisions = [event["data"]["revision"] for event in bus.events(running)]
    assert revisions == sorted(revisions)
    assert bus.refused("pause", session_id=running)["code"] == "conflict"


@pytest.mark.parametrize(
    ("principal", "code"),
    [
        (Principal("p-1", "mentee", ORG), "forbidden"),
        (Principal("siti", "organizer", ORG, sites=("ber",)), "forbidden"),
        (Principal("siti", "organizer", ORG, programs=("another",)), "not-found"),
        (Principal("eve", "organizer", "evil"), "not-found"),
        (Principal("ops", "operator", "platform"), "forbidden"),
    ],
    ids=["mentee", "other-site", "other-program", "other-org", "operator"],
)
def test_who_does_not_organize_the_site_commands_nothing(
    bus: Bus, running: str, principal: Principal, code: str
) -> None:
    before = bus.ok("get_session", session_id=running)
    assert bus.refused("pause", principal, session_id=running)["code"] == code
    after = bus.ok("get_session", session_id=running)
    assert {**after, "now": None} == {**before, "now": None}


def test_a_site_organizer_commands_that_site_and_not_the_whole_program(bus: Bus) -> None:
    program = Program(soon(3600), sites=SITES)
    ids = bus.sessions(program)
    berlin = Principal("uwe", "organizer", ORG, (program.program_id,), ("ber",))
    one = {"program_id": program.program_id, "session_id": ids["ber"], "by_seconds": 60, "revision": 1}
    assert bus.ok("shift_start", berlin, **one)["sessions"][0]["revision"] == 2
    refused = bus.refused("shift_start", berlin, program_id=program.program_id, by_seconds=60)
    assert refused["code"] == "forbidden"
    moved = bus.ok("shift_start", program_id=program.program_id, by_seconds=-60, idempotency_key=new_id())
    assert {view["session_id"]: view["revision"] for view in moved["sessions"]} == {ids["ber"]: 3, ids["jkt"]: 2}
    assert moved["left"] == []


def test_all_sites_that_have_not_begun_are_shifted(bus: Bus) -> None:
    program = Program(soon(600), sites=SITES)
    ids = bus.sessions(program)
    bus.ok("shift_start", program_id=program.program_id, session_id=ids["ber"], by_seconds=600)
    begin = bus.ok("get_session", session_id=ids["jkt"])["timetable"][0]["starts_at"]
    near = int((datetime.fromisoformat(begin) - soon(5)).total_seconds())
    bus.ok("shift_start", program_id=program.program_id, session_id=ids["jkt"], by_seconds=-near)
    bus.wait_for(ids["jkt"], "round-started 1")
    moved = bus.ok("shift_start", program_id=program.program_id, by_seconds=60)
    assert ([view["site_id"] for view in moved["sessions"]], moved["left"]) == (["ber"], [ids["jkt"]])


def test_a_revision_that_cannot_be_looked_at_is_refused_and_not_passed_over(bus: Bus) -> None:
    program = Program(soon(3600), sites=SITES)
    ids = bus.sessions(program)
    one, all_ = {"session_id": ids["ber"]}, dict.fromkeys(ids.values(), 1)
    for given, field in (
        ({"revision": 1}, "/revision"),
        ({**one, "revisions": all_}, "/revisions"),
        ({"revisions": {**all_, "stranger": 1}}, "/revisions/stranger"),
    ):
        fault = bus.refused("shift_start", program_id=program.program_id, by_seconds=60, **given)
        assert [each["field"] for each in fault["problems"]] == [field]
    views = bus.ok("list_sessions", program_id=program.program_id)
    assert {view["revision"] for view in views} == {1}


def test_no_start_is_moved_where_one_timetable_is_newer_than_the_one_seen(bus: Bus, database_uri: str) -> None:
    program = Program(soon(3600), sites=SITES)
    ids = bus.sessions(program)
    seen = dict.fromkeys(ids.values(), 1)
    bus.ok("shift_start", program_id=program.program_id, session_id=ids["ber"], by_seconds=60, revision=1)
    fault = bus.refused("shift_start", program_id=program.program_id, by_seconds=600, revisions=seen)
    assert (fault["code"], fault["current"]["session_id"], fault["current"]["revision"]) == ("stale", ids["ber"], 2)
    views = bus.ok("list_sessions", program_id=program.program_id)
    assert {view["session_id"]: view["revision"] for view in views} == {ids["ber"]: 2, ids["jkt"]: 1}
    moved = bus.ok("shift_start", program_id=program.program_id, by_seconds=600, revisions={**seen, ids["ber"]: 2})
    assert {view["session_id"]: view["revision"] for view in moved["sessions"]} == {ids["ber"]: 3, ids["jkt"]: 2}
    database: Any = MongoClient(database_uri, tz_aware=True).get_default_database()
    kept = {
        row["session_id"]: row["given"]
        for row in database["audit"].find({"session_id": {"$in": list(seen)}}).sort("at")
    }
    assert {each: given["revision"] for each, given in kept.items()} == {ids["ber"]: 2, ids["jkt"]: 1}
    assert not any("revisions" in given for given in kept.values())


def test_a_command_meant_for_another_round_changes_nothing(bus: Bus, running: str) -> None:
    bus.ok("end_round", session_id=running, revision=1, round=1)
    bus.ok("skip_break", session_id=running, revision=2, round=1)
    fault = bus.refused("end_round", session_id=running, round=1)
    assert (fault["code"], fault["current"]["round"], fault["current"]["state"]) == ("stale", 2, "round")
    assert bus.ok("get_session", session_id=running)["revision"] == 3


def test_a_program_of_very_many_sites_is_shifted_and_cancelled_as_one(bus: Bus) -> None:
    program = Program(soon(3600), sites={f"s{number}": "Asia/Jakarta" for number in range(150)})
    ids = bus.sessions(program)
    moved = bus.ok("shift_start", program_id=program.program_id, by_seconds=60, idempotency_key=new_id())
    assert {view["session_id"] for view in moved["sessions"]} == set(ids.values())
    bus.publish(program.cancelled())
    for session_id in ids.values():
        bus.until(lambda heard=session_id: len(bus.events(heard)) == 3, "scheduled, shifted, cancelled")
        whole(bus.events(session_id))
    views = bus.ok("list_sessions", program_id=program.program_id)
    assert {(view["state"], view["revision"]) for view in views} == {("cancelled", 3)}


def test_every_command_is_in_the_audit_and_no_refused_one(bus: Bus, running: str, database_uri: str) -> None:
    bus.ok("pause", session_id=running, revision=1, idempotency_key=new_id())
    bus.refused("pause", session_id=running, revision=2)
    bus.ok("resume", Principal("siti", "organizer", ORG), session_id=running, revision=2)
    database: Any = MongoClient(database_uri, tz_aware=True).get_default_database()
    rows = list(database["audit"].find({"session_id": running}).sort("at", 1))
    assert [(row["who"], row["what"], row["revision"]) for row in rows] == [
        (ORGANIZER.subject, "pause", 2),
        ("siti", "resume", 3),
    ]
    assert rows[0]["given"]["revision"] == 1


def test_a_command_just_before_a_bell_comes_after_it_and_the_bell_is_on_time(bus: Bus, database_uri: str) -> None:
    session_id = bus.sessions(Program(soon(1.5), 2, 3, 60))["jkt"]
    ends_at = bus.wait_for(session_id, "round-started 1")["data"]["ends_at"]
    ends = datetime.fromisoformat(ends_at).timestamp()
    database: Any = MongoClient(database_uri, tz_aware=True).get_default_database()
    shard = {"_id": shard_name(shard_of(session_id))}

    def is_claimed() -> bool:
        claims = database["shards"].find_one(shard)["claims"]
        return time.time() > ends or any(each["through"].timestamp() >= ends for each in claims)

    # ``until`` keeps the connection alive meanwhile.
    bus.until(is_claimed, "the moment of the bell is claimed, a little before it")
    paused = bus.ok("pause", session_id=session_id)
    assert datetime.fromisoformat(paused["paused_at"]).timestamp() >= ends
    bus.wait_for(session_id, "session-paused 1")
    assert bus.names(session_id)[-2:] == ["round-ended 1", "session-paused 1"]
    ended = next(at for at, e in bus.deliveries if e["subject"] == session_id and short(e) == "round-ended 1")
    assert ended >= ends
    whole(bus.events(session_id))


def test_a_plan_that_comes_after_the_start_rings_late_and_moves_no_later_round(bus: Bus) -> None:
    program = Program(soon(-90), rounds=3, round_seconds=60, break_seconds=20)
    session_id = bus.sessions(program)["jkt"]
    bus.wait_for(session_id, "round-started 2")
    events = bus.events(session_id)[1:]
    assert [(short(e), e["data"]["late"]) for e in events] == [
        ("round-started 1", True),
        ("round-ended 1", True),
        ("round-started 2", True),
    ]
    assert events[2]["data"]["ends_at"] == bus.ok("get_session", session_id=session_id)["timetable"][1]["ends_at"]


def test_a_cancelled_program_rings_no_more(bus: Bus) -> None:
    program = Program(soon(1.5), sites=SITES)
    ids = bus.sessions(program)
    for session_id in ids.values():
        bus.wait_for(session_id, "round-started 1")
    bus.publish(program.cancelled())
    for session_id in ids.values():
        bus.wait_for(session_id, "session-rescheduled")
    views = bus.ok("list_sessions", program_id=program.program_id)
    assert {view["state"] for view in views} == {"cancelled"}
    assert bus.refused("resume", session_id=ids["jkt"])["code"] == "conflict"


@pytest.mark.parametrize("trouble", [memory_alarm, hanging])
def test_bells_that_the_broker_takes_late_say_so_and_come_once_with_one_content(
    bus: Bus, infrastructure: Infrastructure, trouble: Callable[[Infrastructure], AbstractContextManager[None]]
) -> None:
    program = Program(soon(1.5), 99, 1, 1, sites={f"s-{number}": "Asia/Jakarta" for number in range(12)})
    ids = bus.sessions(program).values()

    def bells() -> list[tuple[float, str, bool]]:
        """When each was due, of which session it is, and whether it says that it is late."""
        mine = [e for e in bus.heard.values() if e["subject"] in ids and "late" in e["data"]]
        return [
            (datetime.fromisoformat(e["data"]["scheduled_at"]).timestamp(), e["subject"], e["data"]["late"])
            for e in mine
        ]

    for session_id in ids:
        bus.wait_for(session_id, "round-started 1")
    before = time.time()
    with trouble(infrastructure):
        begun = time.time()
        bus.until(lambda: time.time() > begun + 4.5, "bells come due meanwhile")
        over = time.time()
    again = time.time()
    bus.until(
        lambda: {who for at, who, late in bells() if at > again and not late} == set(ids), "all ring on time again"
    )
    bus.publish(program.cancelled())
    for session_id in ids:
        bus.wait_for(session_id, "session-rescheduled")
        events = bus.events(session_id)
        whole(events)
        rung = [short(e) for e in events if "late" in e["data"]]
        assert rung == [f"{('round-started', 'round-ended')[n % 2]} {n // 2 + 1}" for n in range(len(rung))]
    assert all(len(bus.bodies[event["id"]]) == 1 for session_id in ids for event in bus.events(session_id))
    # What was written in the moment before the trouble was noticed cannot say how late it is taken.
    assert {late for at, _, late in bells() if begun + NOTICED < at < over - ON_TIME} == {True}
    assert not any(late for at, _, late in bells() if at < before - ON_TIME)
