"""How soon the plan of a large event is right again when somebody does not come.

10,000 mentees and 2,000 mentors at 50 sites are published as registration would; the real matching service plans them
on a real broker and database. Then mentors are absent, one after the other, each at another site. Measured is at an
outside consumer on the bus: from the publishing of ``participant-absent`` to the arrival of ``plan-revised``, which
comes after all the meetings that change. Every change must be at the site of the absence.

Run it with ``make bench-replanning``; the figures go to ``bench/out/replanning.json``.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pika
from kombu import Connection
from nameko.standalone.rpc import ServiceRpcProxy

from bench.made_event import made_event
from deploy.local import Deployment, Infrastructure
from deploy.local.waiting import eventually
from shared.events import CONTENT_TYPE, Event, NewEvent, encode, seal, write_time
from shared.ids import new_id
from shared.messaging.publisher import ConfirmedPublisher, Outgoing
from shared.messaging.topology import EVENTS, declare
from shared.security.principal import ORGANIZER, Principal
from shared.security.tokens import sign

OUT = Path(__file__).parent / "out" / "replanning.json"
ROUNDS = 6
ORG = "bench"
TARGET_MS = 300
PUBLISHED, REVISED = (f"speedmentor.matching.plan-{each}.v1" for each in ("published", "revised"))


class Registration:
    """Publishes what registration would say of a made event."""

    def __init__(self, amqp_uri: str, event: dict[str, Any]) -> None:
        self._connection = Connection(amqp_uri)
        self._connection.connect()
        self._publisher = ConfirmedPublisher(self._connection)
        self._event = event
        self._ordinals: Counter[str] = Counter()
        self.program_id = new_id()
        self.ids = {each["id"]: new_id() for role in ("mentors", "mentees") for each in event[role]}

    def register(self) -> None:
        """The program and everybody in it."""
        starts_at = write_time(datetime(2027, 1, 9, 2, tzinfo=UTC))
        sites = sorted({each["site"] for each in self._event["mentors"]})
        program = {
            "title_key": "bench",
            "rounds": ROUNDS,
            "round_seconds": 600,
            "break_seconds": 60,
            "warning_seconds": [60],
            "sites": [{"site_id": each, "time_zone": "Asia/Jakarta", "starts_at": starts_at} for each in sites],
            "mentors": len(self._event["mentors"]),
            "mentees": len(self._event["mentees"]),
        }
        events = [self._say("registration.program-published", self.program_id, program)]
        for role in ("mentor", "mentee"):
            events += [self._registered(role, each) for each in self._event[f"{role}s"]]
        self._publish(events)

    def miss(self, mentor: dict[str, Any]) -> None:
        """A mentor does not come at all."""
        who = {"participant_id": self.ids[mentor["id"]], "site_id": mentor["site"], "role": "mentor", "from_round": 1}
        self._publish([self._say("registration.participant-absent", who["participant_id"], who, mentor["site"])])

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _registered(self, role: str, person: dict[str, Any]) -> Event:
        data: dict[str, Any] = {
            f"{role}_id": self.ids[person["id"]],
            "site_id": person["site"],
            "remote": False,
            "languages": person["languages"],
            "rounds": list(range(1, ROUNDS + 1)),
            "max_meetings": ROUNDS,
            "topics": person["topics"],
        }
        if role == "mentor":
            data |= {"motives": person["motives"], "storytelling": person["storytelling"], "seats": 1}
            data |= {"has_story": True, "never": []}
        else:
            data |= {"motive": person["motive"], "questions": 2}
        return self._say(f"registration.{role}-registered", data[f"{role}_id"], data, person["site"])

    def _say(self, name: str, subject: str, data: dict[str, Any], site: str | None = None) -> Event:
        self._ordinals[subject] += 1
        new = NewEvent(name, subject, {"program_id": self.program_id, **data}, ORG, self.program_id, site)
        return seal(new, id=new_id(), ordinal=self._ordinals[subject], time=datetime.now(UTC), correlationid=new_id())

    def _publish(self, events: list[Event]) -> None:
        self._publisher.publish(
            [
                Outgoing(EVENTS, e.type, encode(e), {"content_type": CONTENT_TYPE, "message_id": e.id, "type": e.type})
                for e in events
            ]
        )


class Outside:
    """Another team's consumer: pika, and a queue of its own."""

    def __init__(self, amqp_uri: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(amqp_uri))
        self._channel = self._connection.channel()
        self._queue = self._channel.queue_declare("", exclusive=True).method.queue
        self._channel.queue_bind(self._queue, EVENTS, "speedmentor.matching.#")
        self._heard: list[dict[str, Any]] = []
        self._channel.basic_consume(self._queue, lambda *given: self._heard.append(json.loads(given[3])), auto_ack=True)

    def until(self, event_type: str, seconds: float = 60) -> list[dict[str, Any]]:
        """All events up to the next one of that type.

        Raises:
            TimeoutError: none came.
        """
        deadline = time.monotonic() + seconds
        while not any(each["type"] == event_type for each in self._heard):
            self._connection.process_data_events(0.5)
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {event_type} came")
        found = list(self._heard)
        self._heard.clear()
        return found


def measure(infrastructure: Infrastructure, absences: int) -> dict[str, Any]:
    """Plan the event, have mentors miss it, and say how long the plan was wrong."""
    amqp_uri = infrastructure.amqp_uri()
    with Connection(amqp_uri) as connection:
        declare(connection)
    event = made_event(10_000, 2_000, ROUNDS, 50)
    deployment = Deployment(infrastructure, {"LOG_LEVEL": "WARNING"})
    registration = Registration(amqp_uri, event)
    try:
        deployment.wait_ready(*deployment.start("matching", 1))
        token = sign(Principal("bench", ORGANIZER, ORG), infrastructure.secrets.token_private_key.read_bytes())
        with ServiceRpcProxy("matching", {"AMQP_URI": amqp_uri}, context_data={"token": token}, timeout=60) as matching:
            outside = Outside(amqp_uri)
            registration.register()
            given = {"program_id": registration.program_id}
            eventually(lambda: "ok" in matching.request_plan(**given), 120, "the whole roster", 0.2)
            outside.until(PUBLISHED)
            plan = matching.get_plan(**given)["ok"]
            took, changed, sites = [], [], []
            for number in range(absences):
                # Mentor n is at site n mod 50: another site each time.
                mentor = event["mentors"][number]
                started = time.monotonic()
                registration.miss(mentor)
                events = outside.until(REVISED)
                took.append((time.monotonic() - started) * 1000)
                changed.append(len(events) - 1)
                sites.append({each["data"]["site_id"] for each in events[:-1]})
                if elsewhere := sites[-1] - {mentor["site"]}:
                    raise RuntimeError(f"meetings changed at {len(elsewhere)} sites beside {mentor['site']}")
            last = matching.get_plan(**given)["ok"]
    finally:
        registration.close()
        deployment.stop_all()
    return {
        "what": "milliseconds from the absence's event to the revised plan's, at an outside consumer",
        "meetings": len(plan["meetings"]),
        "first_plan_seconds": round(plan["quality"]["seconds"], 3),
        "absences": absences,
        "median_ms": round(statistics.median(took), 1),
        "p95_ms": round(sorted(took)[int(0.95 * len(took))], 1),
        "most_ms": round(max(took), 1),
        "target_ms": TARGET_MS,
        "met": max(took) < TARGET_MS,
        "mean_meeting_events": round(statistics.mean(changed), 1),
        "sites_changed_each": max(map(len, sites)),
        "certified": last["quality"]["certified"],
    }


def main() -> None:
    """Measure and write ``bench/out/replanning.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--absences", type=int, default=30, help="mentors who do not come, at most 2,000")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    load_before = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="speedmentor-bench-") as folder:
        infrastructure = Infrastructure(Path(folder))
        infrastructure.up()
        try:
            found = measure(infrastructure, given.absences)
        finally:
            infrastructure.down()
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    load = {"before": load_before, "after": os.getloadavg()}
    report = {"measured_at": write_time(datetime.now(UTC)), "machine": machine, "load_average": load, **found}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
