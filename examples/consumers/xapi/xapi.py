"""Tell a learning record store of every meeting that was held, as xAPI 1.0.3 statements: one for each of the two.

    SPEEDMENTOR_AMQP_URI=amqps://… SPEEDMENTOR_QUEUE=integrator.learning \
    LRS_ENDPOINT=https://lrs.example/xapi LRS_KEY=… LRS_SECRET=… python xapi.py learning.sqlite

Needs the types `matching.meeting-assigned`, `matching.meeting-released`, `session-timer.round-started`,
`session-timer.round-ended` and `registration.participant-erased`. A meeting is held when its round has ended at its
site. What is to be told is first kept in the file, together with what tells that the event has been had; the id of a
statement follows from the meeting, so that a store to which it is told twice keeps one. For who is erased the
statements are voided.
"""

import argparse
import base64
import hashlib
import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from typing import Any

import pika
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker, ChannelWrongStateError, StreamLostError

LOST = (AMQPConnectionError, StreamLostError, ChannelClosedByBroker, ChannelWrongStateError, OSError)

#: Events in one transaction at most, statements in one request, and seconds without an event that end a transaction.
BATCH, STATEMENTS, PAUSE = 500, 50, 0.2

#: Seconds for one answer of the store, and between two tries.
ANSWER, AGAIN = 30, 5

ATTENDED = {"id": "http://adlnet.gov/expapi/verbs/attended", "display": {"en": "attended", "id": "menghadiri"}}
VOIDED = {"id": "http://adlnet.gov/expapi/verbs/voided", "display": {"en": "voided"}}
MEETING = "http://adlnet.gov/expapi/activities/meeting"
COURSE = "http://adlnet.gov/expapi/activities/course"

#: Names of statements: the same meeting and person have the same, whoever makes it and how often.
NAMES = uuid.UUID("5b8f0f6e-7c1c-5c5e-9f0b-6f0f6f2f6a51")

TABLES = """
create table if not exists had (source text, id text, primary key (source, id)) without rowid;
create table if not exists erased (digest text primary key) without rowid;
create table if not exists meetings (
    meeting_id text primary key, program_id text, site_id text, round integer, mentor_id text, mentee_id text,
    is_on integer, ordinal integer not null, is_told integer not null default 0);
create table if not exists rounds (
    program_id text, site_id text, round integer, started_at text, ended_at text,
    primary key (program_id, site_id, round)) without rowid;
create table if not exists statements (
    number integer primary key, id text unique, participant_id text, body text, is_sent integer not null default 0);
"""

Event = dict[str, Any]


class Learning:
    """What has been heard, and the statements that come of it."""

    def __init__(self, path: str, home: str) -> None:
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.executescript(TABLES)
        self.home = home.rstrip("/")

    def take(self, events: Iterable[Event]) -> list[Event]:
        """Commit the events with the statements that they make due; returns those that could not be taken in."""
        refused = []
        with closing(self.database.cursor()) as cursor:
            cursor.execute("begin immediate")
            for event in events:
                cursor.execute("savepoint event")
                try:
                    cursor.execute("insert or ignore into had values (?, ?)", (event["source"], event["id"]))
                    if cursor.rowcount:
                        self._take_one(cursor, event)
                except (KeyError, TypeError, ValueError, sqlite3.IntegrityError, sqlite3.InterfaceError) as error:
                    print(f"{event.get('type')} {event.get('id')} cannot be taken in: {error!r}", file=sys.stderr)
                    cursor.execute("rollback to event")
                    refused.append(event)
                cursor.execute("release event")
            self._tell_held(cursor)
            cursor.execute("commit")
        return refused

    def due(self) -> list[tuple[int, dict[str, Any]]]:
        """The next statements to send, in order, by number."""
        rows = self.database.execute(
            "select number, body from statements where not is_sent order by number limit ?", (STATEMENTS,)
        )
        return [(number, json.loads(body)) for number, body in rows]

    def sent(self, numbers: Iterable[int]) -> None:
        """Note that the store has these."""
        self.database.executemany("update statements set is_sent = 1 where number = ?", [(each,) for each in numbers])

    def _take_one(self, cursor: sqlite3.Cursor, event: Event) -> None:
        data = event["data"]
        _, _, thing, _ = event["type"].split(".")
        match thing:
            case "meeting-assigned" | "meeting-released":
                row = (event["subject"], data["program_id"], data.get("site_id"), data["round"])
                people = (self._name(cursor, data["mentor_id"]), self._name(cursor, data["mentee_id"]))
                cursor.execute(
                    "insert into meetings values (?, ?, ?, ?, ?, ?, ?, ?, 0) on conflict do update set"
                    " site_id = excluded.site_id, round = excluded.round, mentor_id = excluded.mentor_id,"
                    " mentee_id = excluded.mentee_id, is_on = excluded.is_on, ordinal = excluded.ordinal"
                    " where ordinal < excluded.ordinal",
                    (*row, *people, thing == "meeting-assigned", event["ordinal"]),
                )
            case "round-started" | "round-ended":
                moment = "started_at" if thing == "round-started" else "ended_at"
                cursor.execute(
                    f"insert into rounds (program_id, site_id, round, {moment}) values (?, ?, ?, ?)"
                    f" on conflict do update set {moment} = excluded.{moment}",
                    (data["program_id"], data["site_id"], data["round"], data["actual_at"]),
                )
            case "participant-erased":
                self._erase(cursor, event["subject"])

    def _tell_held(self, cursor: sqlite3.Cursor) -> None:
        """Make the statements on meetings whose round has ended since."""
        held = cursor.execute(
            "select meeting_id, program_id, site_id, round, mentor_id, mentee_id, started_at, ended_at"
            " from meetings join rounds using (program_id, site_id, round)"
            " where is_on and not is_told and ended_at is not null"
        ).fetchall()
        for row in held:
            for role, person in (("mentor", row[4]), ("mentee", row[5])):
                if person != "erased":
                    _keep(cursor, person, self._statement(row, role, person))
            cursor.execute("update meetings set is_told = 1 where meeting_id = ?", (row[0],))

    def _statement(self, row: tuple[Any, ...], role: str, person: str) -> dict[str, Any]:
        meeting_id, program_id, site_id, number, mentor_id, _, started_at, ended_at = row
        context: dict[str, Any] = {
            "platform": "speedmentor",
            "extensions": {f"{self.home}/xapi/role": role, f"{self.home}/xapi/site": site_id},
            "contextActivities": {
                "grouping": [{"id": f"{self.home}/xapi/programs/{program_id}", "definition": {"type": COURSE}}]
            },
        }
        if role == "mentee" and mentor_id != "erased":
            context["instructor"] = self._agent(mentor_id)
        result: dict[str, Any] = {"completion": True}
        if started_at is not None:
            seconds = (datetime.fromisoformat(ended_at) - datetime.fromisoformat(started_at)).total_seconds()
            result["duration"] = f"PT{max(0.0, seconds):.2f}S"
        return {
            "id": str(uuid.uuid5(NAMES, f"{meeting_id}/{person}")),
            "actor": self._agent(person),
            "verb": ATTENDED,
            "object": {
                "id": f"{self.home}/xapi/meetings/{meeting_id}",
                "definition": {"type": MEETING, "name": {"en": f"Meeting in round {number}"}},
            },
            "result": result,
            "context": context,
            "timestamp": ended_at,
        }

    def _agent(self, participant_id: str) -> dict[str, Any]:
        # An opaque id: who that is only speedmentor's own API tells, to those who may know.
        return {"objectType": "Agent", "account": {"homePage": self.home, "name": participant_id}}

    def _erase(self, cursor: sqlite3.Cursor, participant_id: str) -> None:
        cursor.execute("insert or ignore into erased values (?)", (_digest(participant_id),))
        for side in ("mentor_id", "mentee_id"):
            cursor.execute(f"update meetings set {side} = 'erased' where {side} = ?", (participant_id,))
        about = cursor.execute(
            "select number, id, is_sent from statements where participant_id = ?", (participant_id,)
        ).fetchall()
        for number, statement_id, is_sent in about:
            cursor.execute("delete from statements where number = ?", (number,))
            if is_sent:
                _keep(cursor, None, self._void(statement_id))

    def _void(self, statement_id: str) -> dict[str, Any]:
        return {
            "id": str(uuid.uuid5(NAMES, f"{statement_id}/voided")),
            "actor": self._agent("speedmentor"),
            "verb": VOIDED,
            "object": {"objectType": "StatementRef", "id": statement_id},
        }

    @staticmethod
    def _name(cursor: sqlite3.Cursor, participant_id: str) -> str:
        gone = cursor.execute("select 1 from erased where digest = ?", (_digest(participant_id),)).fetchone()
        return "erased" if gone else participant_id


def _keep(cursor: sqlite3.Cursor, person: str | None, statement: dict[str, Any]) -> None:
    cursor.execute(
        "insert or ignore into statements (id, participant_id, body) values (?, ?, ?)",
        (statement["id"], person, json.dumps(statement)),
    )


def _digest(participant_id: str) -> str:
    """By this an id is known again, and not kept."""
    return hashlib.sha256(participant_id.encode()).hexdigest()


class Store:
    """A learning record store."""

    def __init__(self, endpoint: str, key: str, secret: str) -> None:
        self._url = f"{endpoint.rstrip('/')}/statements"
        token = base64.b64encode(f"{key}:{secret}".encode()).decode()
        self._headers = {
            "Authorization": f"Basic {token}",
            "Content-Type": "application/json",
            "X-Experience-API-Version": "1.0.3",
        }

    def send(self, statements: list[dict[str, Any]]) -> bool:
        """Send the statements; whether the store has them now. What it will never take ends the program."""
        body = json.dumps(statements).encode()
        request = urllib.request.Request(self._url, body, self._headers, method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=ANSWER):  # noqa: S310
                return True
        except urllib.error.HTTPError as error:
            if error.code == 409 and len(statements) > 1:
                # One of them is there with other words, and none was stored: one by one the others are.
                return all(self.send([each]) for each in statements)
            if error.code == 409:
                return True
            print(f"the store answers {error.code}: {error.read(300)!r}", file=sys.stderr)
            if error.code in (400, 401, 403, 404, 413):
                raise SystemExit("the store will not take this; mend the settings and start again") from error
            return False
        except OSError as error:
            print(f"the store cannot be reached: {error}", file=sys.stderr)
            return False


def work(learning: Learning, store: Store, uri: str, queue: str, idle: float | None) -> None:
    """Listen and tell, also after the broker or the store was away; until both have been idle."""
    quiet_since, try_at = time.monotonic(), 0.0
    while True:
        try:
            with pika.BlockingConnection(pika.URLParameters(uri)) as connection:
                channel = connection.channel()
                channel.basic_qos(prefetch_count=2 * BATCH)
                batch: dict[int, Event] = {}
                for method, _, body in channel.consume(queue, inactivity_timeout=PAUSE):
                    if method is not None:
                        batch[method.delivery_tag] = json.loads(body)
                        quiet_since = time.monotonic()
                    if batch and (method is None or len(batch) == BATCH):
                        refused = learning.take(batch.values())
                        for tag, event in batch.items():
                            if event in refused:
                                channel.basic_reject(tag, requeue=False)
                        channel.basic_ack(max(batch), multiple=True)
                        batch = {}
                    # The store may be away for days: the events are taken in all the same.
                    if time.monotonic() >= try_at and (due := learning.due()):
                        quiet_since = time.monotonic()
                        if store.send([statement for _, statement in due]):
                            learning.sent(number for number, _ in due)
                        else:
                            try_at = time.monotonic() + AGAIN
                    if idle is not None and time.monotonic() - quiet_since > idle:
                        channel.cancel()
                        return
        except LOST as error:
            print(f"the broker is away ({error!r}); trying again", file=sys.stderr)
            time.sleep(1)


def main() -> None:
    """Read the arguments and do what they say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database")
    parser.add_argument("--idle", type=float, metavar="SECONDS", help="stop when nothing has been to do for so long")
    parser.add_argument(
        "--home",
        default=os.environ.get("SPEEDMENTOR_URL", "https://speedmentor.example"),
        help="where people have accounts",
    )
    given = parser.parse_args()
    learning = Learning(given.database, given.home)
    store = Store(os.environ["LRS_ENDPOINT"], os.environ["LRS_KEY"], os.environ["LRS_SECRET"])
    work(learning, store, os.environ["SPEEDMENTOR_AMQP_URI"], os.environ["SPEEDMENTOR_QUEUE"], given.idle)


if __name__ == "__main__":
    main()
