"""Log-ins that were ended before their tokens: what a service refuses although it is signed.

Registration, where log-ins end, writes here itself; the other services write what its events tell them. So each looks
in its own database, and what one replica has heard all of them know. A row is kept until the token would have ended,
under a mark of the id: of who is erased nobody keeps the id itself.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.database import Database

from shared.clock import wall_clock
from shared.events import Event
from shared.events.times import read_time
from shared.messaging.topology import LOG_IN_ENDED, PARTICIPANT_ERASED
from shared.security.tokens import LIFETIME, mark_of
from shared.storage.unit_of_work import Transaction

COLLECTION = "ended_log_ins"


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the index that forgets; safe to repeat."""
    database[COLLECTION].create_index("until", name="forget", expireAfterSeconds=0)


def end(transaction: Transaction, ended_id: str, until: datetime) -> None:
    """Have a log-in refused, or all of a participant, by its id; no token that it is about holds after ``until``."""
    transaction[COLLECTION].update_one({"_id": mark_of(ended_id)}, {"$max": {"until": until}}, upsert=True)


def end_all_of(transaction: Transaction, participant_id: str) -> None:
    """Have all log-ins of a participant refused who cannot log in again."""
    # By real time, as tokens end: the event may be at another.
    end(transaction, participant_id, wall_clock() + LIFETIME)


def is_ended(database: Database[dict[str, Any]], ended_by: Sequence[str]) -> bool:
    """Whether a log-in has ended that any of these marks (``LogIn.ended_by``) ends."""
    return bool(ended_by) and database[COLLECTION].find_one({"_id": {"$in": list(ended_by)}}, {"_id": 1}) is not None


def newest(database: Database[dict[str, Any]], most: int) -> list[tuple[str, datetime]]:
    """Marks of what is refused and until when, at most so many; those that must be remembered longest first."""
    rows = database[COLLECTION].find(sort=[("until", DESCENDING)], limit=most, batch_size=most)
    return [(row["_id"], row["until"]) for row in rows]


def hear(events: Iterable[Event], transaction: Transaction) -> None:
    """Write down what events tell of the end of log-ins; others are passed over."""
    for event in events:
        if event.name == LOG_IN_ENDED:
            end(transaction, event.data["log_in_id"], read_time(event.data["expires_at"]))
        elif event.name == PARTICIPANT_ERASED:
            end_all_of(transaction, event.data["participant_id"])
