"""Keep every event in a file, one a line, with FastStream.

    SPEEDMENTOR_AMQP_URI=amqps://… SPEEDMENTOR_QUEUE=integrator.NAME python consumer.py events.jsonl

Listens until it is stopped (`--idle 10`: until nothing has come for ten seconds), and declares nothing: the queue is
there.

Three settings of FastStream are not what one expects, and each of them loses events:

- It decodes `application/json` and passes any other body on as bytes, a CloudEvent among them: `decoder` says how.
- By default a message whose handler raises is rejected, and is gone or dead. `NACK_ON_ERROR` gives it back: the broker
  counts, and after 20 deliveries puts it into the queue `integrator.NAME.dead`. `RejectMessage` sends it there at once.
- It declares the queue unless it is told not to, with arguments of its own.

The effect and the memory of having had the event are one: here one line in the file, in your system one transaction. An
event is acknowledged after that. A crash in between has it come again, and it is passed over.
"""

import argparse
import asyncio
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from faststream import AckPolicy, FastStream
from faststream.exceptions import RejectMessage
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue

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


async def decode(message: RabbitMessage) -> Any:
    """The event, or None for what is none: an error here would have it come again."""
    try:
        event = json.loads(message.body)
        return event if {"source", "id", "type"} <= event.keys() else None
    except (ValueError, AttributeError):
        return None


def handle(event: dict[str, Any]) -> None:
    """What your system does with an event. Whatever it raises, the event comes again."""
    log.info("%s %s of %s, number %d", event["time"], event["type"], event["subject"], event["ordinal"])


def application(kept: Kept, idle: float | None) -> FastStream:
    broker = RabbitBroker(
        os.environ["SPEEDMENTOR_AMQP_URI"], default_channel=Channel(prefetch_count=PREFETCH), logger=None
    )
    app = FastStream(broker, logger=None)
    heard = time.monotonic()

    @broker.subscriber(
        RabbitQueue(os.environ["SPEEDMENTOR_QUEUE"], declare=False),
        decoder=decode,
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    async def take(event: Any) -> None:
        nonlocal heard
        heard = time.monotonic()
        if event is None:
            log.error("no event, to the dead letters")
            raise RejectMessage
        try:
            handle(event)
            kept.keep(event)
        except Exception:
            log.exception("%s %s could not be handled; it comes again", event["source"], event["id"])
            raise

    async def end_when_idle() -> None:
        while idle is not None and time.monotonic() - heard <= idle:
            await asyncio.sleep(0.1)
        if idle is not None:
            app.exit()

    @app.after_startup
    async def watch() -> None:
        app.context.set_global("watching", asyncio.create_task(end_when_idle()))

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--idle", type=float, help="seconds without an event after which it ends")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(application(Kept(options.file), options.idle).run())


if __name__ == "__main__":
    main()
