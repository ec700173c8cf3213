"""Hears the events that screens care for, on a queue of this replica alone."""

import secrets
from collections.abc import Callable
from threading import Event as Flag
from typing import Any

import structlog

from shared.events import BadEvent, Event, decode
from shared.messaging.connection import LOST, backoff, connect, tend
from shared.messaging.topology import EVENTS, LOG_IN_ENDED, PARTICIPANT_ERASED, declare

log = structlog.get_logger()

KEYS = (
    "speedmentor.session-timer.#",
    "speedmentor.matching.plan-published.v1",
    "speedmentor.matching.plan-revised.v1",
    "speedmentor.matching.pairing-published.v1",
    f"speedmentor.{LOG_IN_ENDED}.v1",
    f"speedmentor.{PARTICIPANT_ERASED}.v1",
)
#: Seconds to listen before looking whether to stop and whether the connection lives.
LISTEN = 0.5


class Listener:
    """Feeds ``hear`` with events while connected; ``catch_up`` runs whenever some may have been missed.

    The queue lives as long as the connection: a screen needs what is true now, not what was.
    """

    def __init__(self, amqp_uri: str, name: str, hear: Callable[[Event], None], catch_up: Callable[[], None]) -> None:
        self._amqp_uri = amqp_uri
        self._name = name
        self._hear = hear
        self._catch_up = catch_up
        self._stopping = Flag()
        self.ended = Flag()
        self.listening = False

    def stop(self) -> None:
        """Ask :meth:`run` to end."""
        self._stopping.set()

    def run(self) -> None:
        """Listen until stopped, through losses of the broker."""
        waits = backoff()
        while not self._stopping.is_set():
            try:
                with connect(self._amqp_uri, self._name) as connection:
                    declare(connection)
                    waits = backoff()
                    self._listen(connection)
            except LOST as error:
                pause = next(waits)
                log.warning("listener-interrupted", error=type(error).__name__, detail=str(error)[:300], retry_in=pause)
                self._stopping.wait(pause)
            finally:
                self.listening = False
        self.ended.set()

    def _listen(self, connection: Any) -> None:
        amqp = connection.connection
        channel = amqp.channel()
        queue = f"speedmentor.gateway.live-{secrets.token_hex(8)}"
        channel.queue_declare(queue, exclusive=True, auto_delete=True)
        for key in KEYS:
            channel.queue_bind(queue, EVENTS, key)
        channel.basic_consume(queue, no_ack=True, callback=self._on_message)
        self.listening = True
        self._catch_up()
        while not self._stopping.is_set():
            tend(amqp, LISTEN)
        channel.close()

    def _on_message(self, message: Any) -> None:
        try:
            event = decode(message.body)
        except BadEvent as bad:
            log.warning("event-not-understood", reason=bad.reason_code)
            return
        self._hear(event)
