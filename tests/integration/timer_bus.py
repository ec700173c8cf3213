"""The session timer from outside: what the other services would publish, commands over RPC, and what comes of it."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
from kombu import Connection

from deploy.local.waiting import eventually
from shared.events import CONTENT_TYPE, Event, NewEvent, encode, seal, write_time
from shared.events.catalogue import TYPES
from shared.ids import new_id
from shared.messaging.publisher import ConfirmedPublisher, Outgoing
from shared.messaging.topology import EVENTS
from shared.security.principal import Principal
from shared.security.tokens import sign

ORG = "acme"
ORGANIZER = Principal("rina", "organizer", ORG)


@dataclass
class Program:
    """A program with its plan, as registration and matching would publish them."""

    starts_at: datetime
    rounds: int = 2
    round_seconds: int = 60
    break_seconds: int = 30
    warning_seconds: tuple[int, ...] = ()
    sites: dict[str, str] = field(default_factory=lambda: {"jkt": "Asia/Jakarta"})
    program_id: str = field(default_factory=new_id)
    plan_id: str = field(default_factory=new_id)

    def published(self) -> Event:
        """Registration has published it."""
        starts_at = write_time(self.starts_at)
        return self._event(
            "registration.program-published",
            self.program_id,
            1,
            rounds=self.rounds,
            round_seconds=self.round_seconds,
            break_seconds=self.break_seconds,
            warning_seconds=list(self.warning_seconds),
            sites=[{"site_id": s, "time_zone": zone, "starts_at": starts_at} for s, zone in self.sites.items()],
        )

    def planned(self) -> Event:
        """Matching has published its plan."""
        return self._event("matching.plan-published", self.plan_id, 1, plan_id=self.plan_id, rounds=self.rounds)

    def cancelled(self) -> Event:
        """Registration has cancelled it."""
        return self._event("registration.program-cancelled", self.program_id, 2, reason="too-few-mentors")

    def _event(self, name: str, subject: str, ordinal: int, **data: Any) -> Event:
        whole = {**TYPES[f"speedmentor.{name}.v1"].example(), **data, "program_id": self.program_id}
        new = NewEvent(name, subject, whole, ORG, self.program_id)
        return seal(new, id=new_id(), ordinal=ordinal, time=datetime.now(UTC), correlationid=new_id())


class Bus:
    """RPC to the session timer and all that it publishes, over one connection of an outsider's."""

    def __init__(self, uri: str, private_key: bytes) -> None:
        self._uri, self._private_key = uri, private_key
        parameters = pika.URLParameters(uri)
        # Nobody reads while a test does something else.
        parameters.heartbeat = 0
        self._connection = pika.BlockingConnection(parameters)
        self._channel = self._connection.channel()
        self._reply_to = str(uuid.uuid4())
        self._answers: dict[str, dict[str, Any]] = {}
        #: Every delivery with its wall time, repetitions too.
        self.deliveries: list[tuple[float, dict[str, Any]]] = []
        #: The bodies that have come under each id: of a repetition too.
        self.bodies: dict[str, set[bytes]] = {}
        #: Each event once, by id, in the order of arrival.
        self.heard: dict[str, dict[str, Any]] = {}
        for exchange, key, hear in (
            ("nameko-rpc", self._reply_to, self._hear_answer),
            (EVENTS, "speedmentor.session-timer.#", self._hear_event),
        ):
            self._queue = self._channel.queue_declare("", exclusive=True).method.queue
            self._channel.queue_bind(self._queue, exchange, key)
            self._channel.basic_consume(self._queue, hear, auto_ack=True)

    def stop_hearing(self) -> None:
        """Take in no more events: a test that does not listen for long would be cut off by the broker."""
        self._channel.queue_unbind(self._queue, EVENTS, "speedmentor.session-timer.#")

    def _hear_answer(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        answer = json.loads(body)
        assert answer["error"] is None, answer
        self._answers[properties.correlation_id] = answer["result"]

    def _hear_event(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        event = json.loads(body)
        self.deliveries.append((time.time(), event))
        self.bodies.setdefault(event["id"], set()).add(body)
        self.heard.setdefault(event["id"], event)

    def listen(self, seconds: float = 0.02) -> None:
        """Take in what comes within that time."""
        self._connection.process_data_events(seconds)

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
        """Take in answers and events until ``condition`` is true."""

        def look() -> Any:
            self.listen()
            return condition()

        return eventually(look, seconds, what, pause=0)

    def cast(self, method: str, principal: Principal = ORGANIZER, **arguments: Any) -> str:
        """Send a command without waiting for its answer."""
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
        self._channel.basic_publish("nameko-rpc", f"session_timer.{method}", body, properties)
        return call

    def call(self, method: str, principal: Principal = ORGANIZER, **arguments: Any) -> dict[str, Any]:
        """The answer to a call: ``{"ok": …}`` or ``{"fault": …}``."""
        call = self.cast(method, principal, **arguments)
        self.until(lambda: call in self._answers, f"an answer to {method}")
        return self._answers.pop(call)

    def ok(self, method: str, principal: Principal = ORGANIZER, **arguments: Any) -> Any:
        """What a call gives that is not refused."""
        answer = self.call(method, principal, **arguments)
        assert "ok" in answer, answer
        return answer["ok"]

    def refused(self, method: str, principal: Principal = ORGANIZER, **arguments: Any) -> dict[str, Any]:
        """The fault of a call that is refused."""
        answer = self.call(method, principal, **arguments)
        assert "fault" in answer, answer
        fault: dict[str, Any] = answer["fault"]
        return fault

    def publish(self, *events: Event) -> None:
        """Publish, each confirmed."""
        with Connection(self._uri) as connection:
            connection.connect()
            messages = [
                Outgoing(EVENTS, e.type, encode(e), {"content_type": CONTENT_TYPE, "message_id": e.id, "type": e.type})
                for e in events
            ]
            outcomes = ConfirmedPublisher(connection).publish(messages)
            assert {outcome.value for outcome in outcomes} == {"confirmed"}

    def events(self, session_id: str) -> list[dict[str, Any]]:
        """What has been heard of a session, each event once, by its place among the session's."""
        return sorted((e for e in self.heard.values() if e["subject"] == session_id), key=lambda e: e["ordinal"])

    def names(self, session_id: str) -> list[str]:
        """The same as short names: ``round-started 1``."""
        return [short(event) for event in self.events(session_id)]

    def sessions(self, program: Program) -> dict[str, str]:
        """Schedule a program and wait for it: session ids by site."""
        self.publish(program.published(), program.planned())
        return self.scheduled(program)

    def scheduled(self, program: Program) -> dict[str, str]:
        """The sessions of a program, once all of them are scheduled."""

        def found() -> dict[str, str]:
            return {
                e["site"]: e["subject"]
                for e in self.heard.values()
                if e["type"].endswith("session-scheduled.v1") and e["program"] == program.program_id
            }

        self.until(lambda: found().keys() == program.sites.keys(), "all sessions are scheduled", 60)
        return found()

    def wait_for(self, session_id: str, name: str, seconds: float = 30) -> dict[str, Any]:
        """The first event of that short name."""
        self.until(lambda: name in self.names(session_id), f"{name} of {session_id}", seconds)
        return next(e for e in self.events(session_id) if short(e) == name)

    def close(self) -> None:
        """Close the connection; its queues go with it."""
        self._connection.close()


def short(event: dict[str, Any]) -> str:
    """``round-warned 1`` instead of the whole type."""
    name = event["type"].removeprefix("speedmentor.session-timer.").removesuffix(".v1")
    return f"{name} {event['data']['round']}" if "round" in event["data"] else name


def whole(events: Iterable[dict[str, Any]]) -> None:
    """No event of any subject is missing, none stands twice, and each bell rang once for each revision."""
    events = list(events)
    ordinals: dict[str, list[int]] = {}
    for event in events:
        ordinals.setdefault(event["subject"], []).append(event["ordinal"])
    for subject, found in ordinals.items():
        assert sorted(found) == list(range(1, len(found) + 1)), (subject, sorted(found))
    bells = Counter(bell_of(event) for event in events if "scheduled_at" in event["data"])
    assert not [bell for bell, times in bells.items() if times > 1]


def bell_of(event: dict[str, Any]) -> tuple[Any, ...]:
    """What makes a bell that bell: session, round, kind and revision."""
    data = event["data"]
    return (event["subject"], data["round"], short(event), data.get("seconds_left"), data["revision"])


def soon(seconds: float) -> datetime:
    """An instant so many seconds ahead."""
    return datetime.now(UTC) + timedelta(seconds=seconds)
