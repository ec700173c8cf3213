"""An outside consumer: hears every event from a queue of its own and checks what the event contract promises.

It dedupes on source and id, as every consumer must; and it notes what must never be: an event that is not valid, an
id that comes again with other content, a gap in the ordinals of a subject.
"""

import threading
import time
from collections import Counter, defaultdict
from types import TracebackType
from typing import Any, Self

from amqp import Message

from shared.events import BadEvent, Event, decode
from shared.ids import new_id
from shared.messaging.connection import LOST, backoff, connect
from shared.messaging.topology import EVENTS

#: Milliseconds after which the broker removes the queue of an observer that was killed.
FORGOTTEN = 600_000

LISTEN = 0.25

#: The type of a message that says: what came before this has all been heard.
MARK = "mark"

#: Seconds after which a mark that is not back is taken to be lost with its broker.
MARK_AGAIN = 2.0


class Observer:
    """Counts events from ``with`` on until its end, also through restarts of the broker.

    ``amqp_uri`` must be of an account that may declare queues of its own.
    """

    def __init__(self, amqp_uri: str) -> None:
        self._amqp_uri = amqp_uri
        self._queue = f"speedmentor.observer.{new_id()}"
        self._stopping = threading.Event()
        self._bound = threading.Event()
        self._marked = threading.Event()
        self._mark = ""
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self._lock = threading.Lock()
        self._bodies: dict[tuple[str, str], bytes] = {}
        self._events: list[Event] = []
        self._faults: list[str] = []
        self.repetitions = 0

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._bound.wait(30):
            raise TimeoutError("the observer's queue could not be bound within 30 s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(10)

    def catch_up(self, seconds: float = 30) -> None:
        """Wait until everything has been heard that the broker had taken before.

        Raises:
            TimeoutError: it has not within ``seconds``.
        """
        self._marked.clear()
        self._mark = new_id()
        deadline = time.monotonic() + seconds
        while not self._marked.wait(MARK_AGAIN if self._set_mark() else LISTEN):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the observer has not heard all within {seconds:g} s")

    def _set_mark(self) -> bool:
        """Put a mark behind all that waits in the queue; whether that could be done."""
        mark = Message(b"", type=MARK, message_id=self._mark, delivery_mode=2)
        try:
            with (
                connect(self._amqp_uri, "speedmentor-observer") as connection,
                connection.connection.channel() as channel,
            ):
                channel.basic_publish(mark, exchange="", routing_key=self._queue)
        except LOST:
            return False
        return True

    def events(self, program_id: str | None = None) -> list[Event]:
        """What has been heard (of one program), each event once, in the order it came."""
        with self._lock:
            return [each for each in self._events if program_id in (None, each.program)]

    def bodies(self, program_id: str | None = None) -> list[bytes]:
        """The same as they came, byte for byte."""
        with self._lock:
            return [self._bodies[each.key] for each in self._events if program_id in (None, each.program)]

    def by_type(self, program_id: str | None = None) -> dict[str, int]:
        """How many of each type, by short name."""
        return dict(sorted(Counter(each.name for each in self.events(program_id)).items()))

    def faults(self, program_id: str | None = None) -> list[str]:
        """What the contract forbids and was seen all the same, in words. Call it when all has come to rest."""
        return self._faults + list(gaps(self.events(program_id)))

    def _run(self) -> None:
        waits = backoff()
        while not self._stopping.is_set():
            try:
                with connect(self._amqp_uri, "speedmentor-observer") as connection:
                    self._listen(connection.connection)
                    waits = backoff()
            except LOST:
                self._stopping.wait(next(waits))

    def _listen(self, amqp: Any) -> None:
        with amqp.channel() as channel:
            channel.queue_declare(
                self._queue,
                durable=True,
                auto_delete=False,
                arguments={"x-queue-type": "quorum", "x-expires": FORGOTTEN},
            )
            channel.queue_bind(self._queue, EVENTS, "speedmentor.#")
            channel.basic_qos(0, 500, False)
            tag = channel.basic_consume(self._queue, callback=lambda message: self._hear(channel, message))
            self._bound.set()
            while not self._stopping.is_set():
                try:
                    amqp.send_heartbeat()
                    amqp.drain_events(timeout=LISTEN)
                except TimeoutError:
                    continue
            channel.basic_cancel(tag)
            channel.queue_delete(self._queue)

    def _hear(self, channel: Any, message: Any) -> None:
        if message.properties.get("type") == MARK:
            channel.basic_ack(message.delivery_tag)
            if message.properties.get("message_id") == self._mark:
                self._marked.set()
            return
        body = message.body.encode() if isinstance(message.body, str) else bytes(message.body)
        with self._lock:
            self._note(body, message.delivery_info["routing_key"])
        channel.basic_ack(message.delivery_tag)

    def _note(self, body: bytes, routing_key: str) -> None:
        try:
            event = decode(body)
        except BadEvent as error:
            self._faults.append(f"not a valid event under {routing_key}: {error.reason_code}, {error.detail}")
            return
        if event.type != routing_key:
            self._faults.append(f"{event.type} came under the routing key {routing_key}")
        known = self._bodies.get((event.source, event.id))
        if known is None:
            self._bodies[event.source, event.id] = body
            self._events.append(event)
        elif known == body:
            self.repetitions += 1
        else:
            self._faults.append(f"{event.type} {event.id} came again with other content")


def gaps(events: list[Event]) -> list[str]:
    """Subjects whose ordinals are not 1, 2, 3 …: an event is missing, or one has come under two ids."""
    ordinals: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        ordinals[event.source, event.subject].append(event.ordinal)
    return [
        f"{source} {subject}: ordinals {sorted(found)}"
        for (source, subject), found in ordinals.items()
        if sorted(found) != list(range(1, len(found) + 1))
    ]
