"""The two replicas that ``bench/events.py`` compares: the same effect of an event, on two backbones.

The effect: a mentee's card is stored and the fact that somebody was seated is published. Both validate the event
they read and the event they write, both keep an inbox, both commit inbox and state in one transaction.
"""

import sys
from typing import Any

from shared.process import log, run  # makes the standard library cooperative: first

from nameko.containers import ServiceContainer  # noqa: E402 isort:skip
from nameko.events import EventDispatcher, event_handler  # noqa: E402 isort:skip
from pymongo import ReplaceOne  # noqa: E402 isort:skip

from shared.events import Event, NewEvent, decode, encode, seal  # noqa: E402 isort:skip
from shared.extensions import Health, Work, consumes  # noqa: E402 isort:skip
from shared.ids import new_id  # noqa: E402 isort:skip
from shared.storage.mongo import connect, own_database  # noqa: E402 isort:skip
from shared.storage.inbox import Inbox  # noqa: E402 isort:skip


def seated(event: Event) -> NewEvent:
    """The event that answers ``event``."""
    data = event.data
    return NewEvent(
        "matching.meeting-assigned",
        data["mentee_id"],
        {
            "meeting_id": data["mentee_id"],
            "plan_id": data["program_id"],
            "program_id": data["program_id"],
            "site_id": data["site_id"],
            "revision": 1,
            "round": 1,
            "table": "jkt-1",
            "mentor_id": data["program_id"],
            "mentee_id": data["mentee_id"],
        },
        org=event.org,
        program=event.program,
        site=event.site,
    )


class Ours:
    """One transaction and one acknowledgement a batch; published by the relay."""

    name = "matching"
    work = Work()
    health = Health()

    @consumes("participants")
    def seat(self, events: list[Event], transaction: Any) -> None:
        """Store and publish."""
        transaction["cards"].bulk_write(
            [ReplaceOne({"_id": e.data["mentee_id"]}, e.data, upsert=True) for e in events], ordered=False
        )
        for event in events:
            transaction.publish(seated(event), cause=event)


class Stock:
    """nameko's own event handler and dispatcher: one transaction and one acknowledgement a message."""

    name = "stock"
    dispatch = EventDispatcher()
    database: Any = None

    @event_handler("bench", "mentee-registered")
    def seat(self, body: str) -> None:
        """Store, commit, then dispatch: a crash between the two loses the event."""
        event = decode(body.encode())
        def store(session: Any) -> bool:
            if not Inbox(self.database).take(session, "bench", [event]):
                return False
            self.database["cards"].replace_one({"_id": event.data["mentee_id"]}, event.data, upsert=True, session=session)
            return True

        with self.database.client.start_session() as session:
            if not session.with_transaction(store):
                return
        out = seal(seated(event), id=new_id(), ordinal=1, time=event.time, causationid=event.id)
        self.dispatch("seated", encode(out).decode())


def run_stock(amqp_uri: str, mongo_uri: str, workers: int) -> None:
    """Run the stock replica until killed."""
    Stock.database = own_database(connect(mongo_uri, "stock"))
    container = ServiceContainer(Stock, {"AMQP_URI": amqp_uri, "max_workers": workers})
    container.start()
    log.info("started")
    container.wait()


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        run("bench.replicas:Ours")
    else:
        run_stock(sys.argv[2], sys.argv[3], int(sys.argv[4]))
