"""The replicas of benchmarks: two with the same effect of an event, on two backbones, and one that replays.

The effect: a mentee's card is stored and the fact that somebody was seated is published. Both validate the event
they read and the event they write, both keep an inbox, both commit inbox and state in one transaction.
"""

from typing import Any

from nameko.events import EventDispatcher, event_handler
from pymongo import ReplaceOne

from services.integrations.background_job import BackgroundJob
from services.integrations.replay.job import Replayer
from shared.events import Event, NewEvent, decode, encode, seal
from shared.extensions import Health, Work, consumes
from shared.ids import new_id
from shared.storage.inbox import Inbox


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


class Replaying:
    """What the integrations service does when it replays, and nothing else of it."""

    name = "integrations"
    work = Work()
    replays = BackgroundJob(Replayer, "replays")
    health = Health()


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
            self.database["cards"].replace_one(
                {"_id": event.data["mentee_id"]}, event.data, upsert=True, session=session
            )
            return True

        with self.database.client.start_session() as session:
            if not session.with_transaction(store):
                return
        out = seal(seated(event), id=new_id(), ordinal=1, time=event.time, causationid=event.id)
        self.dispatch("seated", encode(out).decode())
