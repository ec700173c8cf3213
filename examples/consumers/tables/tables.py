"""Keep tables of programs, meetings and connections in SQLite, for a tool that makes charts.

    SPEEDMENTOR_AMQP_URI=amqps://… SPEEDMENTOR_QUEUE=integrator.charts python tables.py charts.sqlite

Listens until it is stopped (`--idle 10`: until nothing has come for ten seconds). An event is acknowledged once its
effect is committed, so a crash, of this or of the broker, has it come again; what has come before is passed over.

`--export` prints the state of the tables as JSON with sorted keys: the same bytes as `speedmentor check --export`.
`--snapshot FILE …` first takes in a snapshot that was read with the HTTP API, page by page.
"""

import argparse
import hashlib
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pika
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker, ChannelWrongStateError, StreamLostError

LOST = (AMQPConnectionError, StreamLostError, ChannelClosedByBroker, ChannelWrongStateError, OSError)

#: Events in one transaction at most, and seconds without one after which a transaction is ended.
BATCH, PAUSE = 500, 0.2

TABLES = """
create table if not exists had (source text, id text, primary key (source, id)) without rowid;
create table if not exists erased (digest text primary key) without rowid;
create table if not exists programs (
    program_id text primary key, org text, title_key text, rounds integer, round_seconds integer,
    is_cancelled integer not null default 0, is_closed integer not null default 0);
create table if not exists participants (
    participant_id text primary key, program_id text not null, role text not null, site_id text,
    is_registered integer not null default 0, is_withdrawn integer not null default 0,
    ordinal integer not null default 0);
create table if not exists presence (
    participant_id text, ordinal integer, from_round integer, primary key (participant_id, ordinal)) without rowid;
create table if not exists meetings (
    meeting_id text primary key, program_id text, site_id text, round integer, seat text, mentor_id text,
    mentee_id text, is_on integer, ordinal integer not null);
create table if not exists sessions (
    session_id text primary key, program_id text, site_id text, starts_at text, ordinal integer not null);
create table if not exists rounds_held (
    program_id text, site_id text, round integer, primary key (program_id, site_id, round)) without rowid;
create table if not exists pairs (
    pair_id text primary key, program_id text, mentor_id text, mentee_id text, is_on integer,
    ordinal integer not null);
create table if not exists connections (
    connection_id text primary key, program_id text, mentor_id text, mentee_id text);
create view if not exists meetings_held as
    select meetings.* from meetings join rounds_held using (program_id, site_id, round) where is_on;
"""

Event = dict[str, Any]


class Tables:
    """The tables, and what each event does to them. What comes late or twice changes nothing."""

    def __init__(self, path: str) -> None:
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute("pragma journal_mode = wal")
        self.database.executescript(TABLES)

    def take(self, events: Iterable[Event]) -> list[Event]:
        """Commit the effect of the events together with what tells that they have been had.

        Returns:
            The events that these tables could not hold; the others are in.
        """
        refused = []
        with closing(self.database.cursor()) as cursor:
            cursor.execute("begin immediate")
            for event in events:
                cursor.execute("savepoint event")
                try:
                    cursor.execute("insert or ignore into had values (?, ?)", (event["source"], event["id"]))
                    if cursor.rowcount:
                        _take_one(cursor, event)
                except (KeyError, TypeError, ValueError, sqlite3.IntegrityError, sqlite3.InterfaceError) as error:
                    print(f"{event.get('type')} {event.get('id')} cannot be taken in: {error!r}", file=sys.stderr)
                    cursor.execute("rollback to event")
                    refused.append(event)
                cursor.execute("release event")
            cursor.execute("commit")
        return refused

    def state(self) -> dict[str, Any]:
        """What the tables tell of every program."""
        return {
            "programs": {
                row[0]: self._program(*row)
                for row in self._rows("select program_id, is_cancelled, is_closed from programs where org is not null")
            }
        }

    def _program(self, program_id: str, is_cancelled: int, is_closed: int) -> dict[str, Any]:
        def rows(query: str) -> list[tuple[Any, ...]]:
            return self._rows(query, program_id)

        people = rows(
            "select participant_id, role, site_id, is_withdrawn from participants"
            " where program_id = ? and is_registered"
        )
        presence: dict[str, list[int | None]] = {}
        for participant_id, from_round in rows(
            "select participant_id, from_round from presence join participants using (participant_id)"
            " where program_id = ? order by presence.ordinal"
        ):
            presence.setdefault(participant_id, []).append(from_round)
        return {
            "state": "cancelled" if is_cancelled else "published",
            "closed": bool(is_closed),
            "participants": {
                one: f"{role}/{site}/{_status(is_withdrawn, presence.get(one, []))}"
                for one, role, site, is_withdrawn in people
            },
            "checked_in": sorted(one for one, *_ in people if None in presence.get(one, [])),
            "starts": dict(rows("select site_id, starts_at from sessions where program_id = ?")),
            "meetings": {
                one: "/".join(map(str, row))
                for one, *row in rows(
                    "select meeting_id, round, seat, mentor_id, mentee_id from meetings where program_id = ? and is_on"
                )
            },
            "rounds_held": dict(
                rows("select site_id, count(*) from rounds_held where program_id = ? group by site_id")
            ),
            "pairs": {
                one: "/".join(row)
                for one, *row in rows("select pair_id, mentor_id, mentee_id from pairs where program_id = ? and is_on")
            },
            # Of somebody who has been erased nobody can be told with whom to stay in touch.
            "connections": {
                one: "/".join(row)
                for one, *row in rows(
                    "select connection_id, mentor_id, mentee_id from connections where program_id = ?"
                )
                if "erased" not in row
            },
        }

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.database.execute(query, values).fetchall()


def _status(is_withdrawn: int, presence: Iterable[int | None]) -> str:
    """Registered, withdrawn, or absent from the earliest round said since the last arrival."""
    missed = None
    for from_round in presence:
        missed = from_round if None in (from_round, missed) else min(missed, from_round)  # type: ignore[type-var]
    if is_withdrawn:
        return "withdrawn"
    return "registered" if missed is None else f"absent:{missed}"


def _take_one(cursor: sqlite3.Cursor, event: Event) -> None:
    """Tell the kinds of event apart. Types that are not named here have no place in these tables."""
    data, ordinal = event["data"], event["ordinal"]
    _, service, thing, _ = event["type"].split(".")
    program_id = data.get("program_id")
    match f"{service}.{thing}":
        case "registration.program-published":
            cursor.execute(
                "insert into programs (program_id, org, title_key, rounds, round_seconds) values (?, ?, ?, ?, ?)"
                " on conflict do update set org = excluded.org, title_key = excluded.title_key,"
                " rounds = excluded.rounds, round_seconds = excluded.round_seconds",
                (program_id, event["org"], data["title_key"], data["rounds"], data["round_seconds"]),
            )
        case "registration.program-cancelled" | "feedback.program-report-ready" as name:
            flag = "is_cancelled" if name.endswith("cancelled") else "is_closed"
            cursor.execute(
                f"insert into programs (program_id, {flag}) values (?, 1) on conflict do update set {flag} = 1",
                (program_id,),
            )
        case (
            "registration.mentor-registered"
            | "registration.mentor-updated"
            | "registration.mentee-registered"
            | "registration.mentee-updated"
        ):
            role = thing.partition("-")[0]
            if _is_known(cursor, event["subject"], program_id, role):
                cursor.execute(
                    "update participants set site_id = ?, is_registered = 1, ordinal = ?"
                    " where participant_id = ? and ordinal < ?",
                    (data.get("site_id"), ordinal, event["subject"], ordinal),
                )
        case "registration.participant-withdrawn":
            if _is_known(cursor, event["subject"], program_id, data["role"]):
                cursor.execute("update participants set is_withdrawn = 1 where participant_id = ?", (event["subject"],))
        case "registration.participant-checked-in" | "registration.participant-absent":
            if _is_known(cursor, event["subject"], program_id, data["role"]):
                cursor.execute(
                    "insert or ignore into presence values (?, ?, ?)",
                    (event["subject"], ordinal, data.get("from_round")),
                )
        case "registration.participant-erased":
            _erase(cursor, event["subject"])
        case "matching.meeting-assigned" | "matching.meeting-released":
            _newer(
                cursor,
                "meetings",
                event,
                site_id=data.get("site_id"),
                round=data["round"],
                seat=data["table"],
                is_on=thing == "meeting-assigned",
                **_both(cursor, data),
            )
        case "matching.pair-formed" | "matching.pair-dissolved":
            _newer(cursor, "pairs", event, is_on=thing == "pair-formed", **_both(cursor, data))
        case "feedback.connection-formed":
            both = _both(cursor, data)
            cursor.execute(
                "insert or replace into connections values (?, ?, ?, ?)",
                (event["subject"], program_id, both["mentor_id"], both["mentee_id"]),
            )
        case "session-timer.round-ended":
            cursor.execute(
                "insert or ignore into rounds_held values (?, ?, ?)", (program_id, data["site_id"], data["round"])
            )
        case _ if "timetable" in data:
            first = min(data["timetable"], key=lambda each: each["round"])
            _newer(cursor, "sessions", event, site_id=data["site_id"], starts_at=first["starts_at"])


def _is_known(cursor: sqlite3.Cursor, participant_id: str, program_id: str, role: str) -> bool:
    """Make a row for a participant of whom something is told; not for who is erased."""
    if _is_erased(cursor, participant_id):
        return False
    cursor.execute(
        "insert or ignore into participants (participant_id, program_id, role) values (?, ?, ?)",
        (participant_id, program_id, role),
    )
    return True


def _both(cursor: sqlite3.Cursor, data: dict[str, Any]) -> dict[str, str]:
    """The two of a meeting; who is erased is nobody any more, also where that was told before."""
    sides = ("mentor_id", "mentee_id")
    return {side: "erased" if _is_erased(cursor, data[side]) else data[side] for side in sides}


def _is_erased(cursor: sqlite3.Cursor, participant_id: str) -> bool:
    return cursor.execute("select 1 from erased where digest = ?", (_digest(participant_id),)).fetchone() is not None


def _digest(participant_id: str) -> str:
    """By this an id is known again, and not kept."""
    return hashlib.sha256(participant_id.encode()).hexdigest()


def _newer(cursor: sqlite3.Cursor, table: str, event: Event, **values: Any) -> None:
    """Write the row of the event's subject, unless a later event has written it."""
    row = {"program_id": event["data"]["program_id"], "ordinal": event["ordinal"], **values}
    key = {"meetings": "meeting_id", "pairs": "pair_id", "sessions": "session_id"}[table]
    changes = ", ".join(f"{name} = excluded.{name}" for name in row)
    cursor.execute(
        f"insert into {table} ({key}, {', '.join(row)}) values (?{', ?' * len(row)})"
        f" on conflict do update set {changes} where ordinal < excluded.ordinal",
        (event["subject"], *row.values()),
    )


def _erase(cursor: sqlite3.Cursor, participant_id: str) -> None:
    """Drop what is about a person, and put `erased` where the person is named elsewhere."""
    cursor.execute("insert or ignore into erased values (?)", (_digest(participant_id),))
    for table in ("participants", "presence"):
        cursor.execute(f"delete from {table} where participant_id = ?", (participant_id,))
    for table in ("meetings", "pairs", "connections"):
        for side in ("mentor_id", "mentee_id"):
            cursor.execute(f"update {table} set {side} = 'erased' where {side} = ?", (participant_id,))


def listen(tables: Tables, uri: str, queue: str, idle: float | None) -> None:
    """Take in what is in the queue and what comes, also after the broker was away; until it has been idle."""
    quiet_since = time.monotonic()
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
                        refused = tables.take(batch.values())
                        for tag, event in batch.items():
                            if event in refused:
                                # The queue's dead letters keep it until somebody has looked.
                                channel.basic_reject(tag, requeue=False)
                        channel.basic_ack(max(batch), multiple=True)
                        batch = {}
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
    parser.add_argument("--snapshot", metavar="FILE", nargs="+", default=(), help="first take in a snapshot")
    parser.add_argument("--idle", type=float, metavar="SECONDS", help="stop when nothing has come for so long")
    parser.add_argument("--export", action="store_true", help="print the state of the tables, and do nothing else")
    given = parser.parse_args()
    tables = Tables(given.database)
    if given.export:
        json.dump(tables.state(), sys.stdout, sort_keys=True, indent=1, ensure_ascii=False)
        print()
        return
    for page in given.snapshot:
        if tables.take(json.loads(Path(page).read_text(encoding="utf-8"))["events"]):
            sys.exit(f"{page} could not be taken in whole")
    listen(tables, os.environ["SPEEDMENTOR_AMQP_URI"], os.environ["SPEEDMENTOR_QUEUE"], given.idle)


if __name__ == "__main__":
    main()
