"""The one place where a service commits: state, inbox, outbox and command memory, all or nothing."""

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import orjson
from pymongo import ReadPreference
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.clock import Clock, wall_clock
from shared.events import Event, NewEvent
from shared.faults import Conflict
from shared.messages import say
from shared.storage.inbox import Inbox, Repeated
from shared.storage.outbox import Outbox
from shared.trace import Trace

Result = TypeVar("Result")

#: How long the answer to a command is kept for those who repeat it.
KEEP_COMMANDS = timedelta(days=7)


class InTransaction:
    """A collection whose every call takes part in the running transaction."""

    def __init__(self, collection: Collection[dict[str, Any]], session: ClientSession) -> None:
        self._collection = collection
        self._session = session

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._collection, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return method(*args, session=self._session, **kwargs)

        return call


class Transaction:
    """What a handler gets to work with: collections, ``now``, and a place for the events that come of it."""

    def __init__(self, database: Database[dict[str, Any]], session: ClientSession, now: datetime) -> None:
        self._database = database
        self.session = session
        self.now = now
        self.published: list[tuple[NewEvent, Event | None]] = []

    def __getitem__(self, collection: str) -> InTransaction:
        return InTransaction(self._database[collection], self.session)

    def publish(self, *events: NewEvent, cause: Event | None = None) -> None:
        """Publish ``events`` if and when this transaction commits; ``cause`` is the event they answer."""
        self.published.extend((event, cause) for event in events)

    def forget_commands(self, org: str | None, subject: str) -> None:
        """Forget which commands somebody gave, and the answers; what they were about stands elsewhere."""
        # Keys of commands begin with who gave them (Principal.scoped).
        self["commands"].delete_many({"_id": {"$regex": f"^{re.escape(f'{org}|{subject}|')}"}})


class UnitOfWork:
    """Runs work on the database of one service in transactions.

    The work may be run more than once (the database asks for that after a write conflict or a step-down), so it
    must have no effect but through its :class:`Transaction`.
    """

    def __init__(
        self,
        database: Database[dict[str, Any]],
        clock: Clock,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self.database = database
        self.outbox = Outbox(database)
        self.inbox = Inbox(database)
        self.clock = clock
        self._committed = committed

    def prepare(self) -> None:
        """Create the indexes of the backbone's own collections; safe to repeat."""
        self.outbox.prepare()
        self.inbox.prepare()
        self.database["commands"].create_index(
            "at", name="forget", expireAfterSeconds=int(KEEP_COMMANDS.total_seconds())
        )

    def transact(self, work: Callable[[Transaction], Result], trace: Trace | None = None) -> Result:
        """Run ``work`` and commit what it wrote and published.

        Raises:
            Fault: whatever ``work`` raises; then nothing is written.
        """
        trace = trace or Trace.start()
        published = False

        def attempt(session: ClientSession) -> Result:
            nonlocal published
            transaction = Transaction(self.database, session, self.clock.now())
            result = work(transaction)
            published = bool(transaction.published)
            if published:
                self.outbox.write(session, transaction.published, trace, transaction.now)
            return result

        with self.database.client.start_session() as session:
            result = session.with_transaction(
                attempt,
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority", j=True),
                read_preference=ReadPreference.PRIMARY,
            )
        if published:
            self._committed()
        return result

    def command(
        self,
        key: str | None,
        request: Any,
        work: Callable[[Transaction], Result],
        trace: Trace | None = None,
    ) -> Result:
        """Like :meth:`transact`, once per ``key``: a repetition gets the first answer and has no effect.

        ``request`` is what was asked (JSON) and the result must be JSON, since it is kept.

        Raises:
            Conflict: the same key was used for another request.
        """
        if key is None:
            return self.transact(work, trace)
        digest = hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest()

        def once(transaction: Transaction) -> Result:
            commands = transaction["commands"]
            before = commands.find_one({"_id": key})
            if before is not None:
                if before["request"] != digest:
                    raise Conflict(
                        say("this Idempotency-Key was used for another request; use a new key for a new request")
                    )
                return orjson.loads(before["result"])
            result = work(transaction)
            commands.insert_one({"_id": key, "request": digest, "result": orjson.dumps(result), "at": wall_clock()})
            return result

        return self.transact(once, trace)

    def consume(
        self,
        queue: str,
        events: Sequence[Event],
        handle: Callable[[list[Event], Transaction], None],
        trace: Trace | None = None,
    ) -> int:
        """Hand the events not had before to ``handle`` in one transaction with the inbox and the outbox.

        Returns:
            How many were new.
        """

        def work(transaction: Transaction, take: Callable[..., list[Event]] = self.inbox.take) -> int:
            fresh = take(transaction.session, queue, events)
            if fresh:
                handle(fresh, transaction)
            return len(fresh)

        try:
            # One question less for the database; repetitions are rare.
            return self.transact(partial(work, take=self.inbox.take_new), trace)
        except Repeated:
            return self.transact(work, trace)
