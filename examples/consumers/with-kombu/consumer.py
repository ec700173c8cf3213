"""Keep every event in a file, one a line, with kombu.

    SPEEDMENTOR_AMQP_URI=amqps://… SPEEDMENTOR_QUEUE=integrator.NAME python consumer.py events.jsonl

Listens until it is stopped (`--idle 10`: until nothing has come for ten seconds), and declares nothing: the queue is
there.

What makes it safe, whatever you do with the events instead of writing them down:

- The effect and the memory of having had the event are one: here one line in the file, in your system one transaction.
  An event is acknowledged after that. A crash in between has it come again, and it is passed over.
- What cannot be dealt with now is given back: the broker counts, and after 20 deliveries puts it into the queue
  `integrator.NAME.dead`. What can never be dealt with goes there at once.
- A lost connection is made again, with all that was in hand, by kombu's ConsumerMixin.
"""

import argparse
import json
import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

from kombu import Connection, Message, Queue
from kombu.mixins import ConsumerMixin

log = logging.getLogger("consumer")

#: Events in hand at once: a lost connection counts as a delivery for all of them.
PREFETCH = 50


class Kept:
    """The file. It remembers what is in it by source and id; for millions of events let a database do that."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        self._file.seek(0)
        self._had: set[tuple[str, str]] = set()
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            event = json.loads(line)
            self._had.add((event["source"], event["id"]))
            whole += len(line)
        # Half a line is left by a crash: the event was not acknowledged and comes again.
        self._file.truncate(whole)

    def keep(self, event: dict[str, Any]) -> None:
        """Write the event down, once."""
        key = event["source"], event["id"]
        if key in self._had:
            return
        self._file.write(json.dumps(event).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._had.add(key)


class Listener(ConsumerMixin):
    """Takes events from the queue."""

    def __init__(self, connection: Connection, queue: str, kept: Kept, idle: float | None) -> None:
        self.connection = connection
        self._queue, self._kept, self._idle = queue, kept, idle
        self._heard = time.monotonic()

    def get_consumers(self, consumer_class: Any, channel: Any) -> list[Any]:
        # on_message, not callbacks: kombu decodes for those, and does not know our content type.
        queue = Queue(self._queue, no_declare=True)
        return [consumer_class([queue], on_message=self.take, prefetch_count=PREFETCH)]

    def on_iteration(self) -> None:
        if self._idle is not None and time.monotonic() - self._heard > self._idle:
            self.should_stop = True

    def take(self, message: Message) -> None:
        self._heard = time.monotonic()
        try:
            event = json.loads(message.body)
            what = f"{event['source']} {event['id']} {event['type']}"
        except (ValueError, TypeError, KeyError) as error:
            log.error("no event, to the dead letters: %r", error)
            message.reject()
            return
        try:
            handle(event)
            self._kept.keep(event)
        except Exception:
            log.exception("%s could not be handled; it comes again", what)
            message.requeue()
        else:
            message.ack()


def handle(event: dict[str, Any]) -> None:
    """What your system does with an event. Whatever it raises, the event comes again."""
    log.info("%s %s of %s, number %d", event["time"], event["type"], event["subject"], event["ordinal"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--idle", type=float, help="seconds without an event after which it ends")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    kept = Kept(options.file)
    with Connection(os.environ["SPEEDMENTOR_AMQP_URI"], heartbeat=30) as connection:
        listener = Listener(connection, os.environ["SPEEDMENTOR_QUEUE"], kept, options.idle)
        signal.signal(signal.SIGTERM, lambda *_: setattr(listener, "should_stop", True))
        listener.run()


if __name__ == "__main__":
    main()
