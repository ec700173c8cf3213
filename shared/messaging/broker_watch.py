"""Watches the broker for a process: a connection that publishes a probe all the time and hears what becomes of it.

A connection learns that the broker blocks it when it publishes, so without a probe the first to learn it would be
somebody's command, which would then be carried out when nobody waits for it any more. A probe that is not answered
tells as well of a broker that hangs and of a network that is gone without a word.
"""

from threading import Event as Flag
from typing import Any

from amqp import Message

from shared.clock import monotonic
from shared.messaging.broker_state import BROKER, BrokerState
from shared.messaging.connection import LOST, backoff, connect, tend
from shared.messaging.topology import RPC_EXCHANGE

#: Seconds between two probes; as long an alarm can go unseen by who does not publish.
PROBE_SECONDS = 0.25
#: Seconds without an answer after which the connection is given up; and the broker, if a new one fares no better.
SILENCE_SECONDS = 3.0
#: No queue is bound by it, so that the broker drops the probe and confirms that: all may write to this exchange.
PROBE = "probe"


class BrokerWatch:
    """Keeps ``state`` true until stopped."""

    def __init__(self, amqp_uri: str, name: str, state: BrokerState = BROKER) -> None:
        self._amqp_uri = amqp_uri
        self._name = name
        self._state = state
        self._stopping = Flag()

    def stop(self) -> None:
        """Ask :meth:`run` to end."""
        self._stopping.set()

    def run(self) -> None:
        """Watch until stopped, through losses of the broker."""
        waits = backoff(most=1.0)
        failures = 0
        while not self._stopping.is_set():
            try:
                with connect(self._amqp_uri, self._name, SILENCE_SECONDS) as connection:
                    probe = _Probe(connection.connection)
                    while not self._stopping.is_set():
                        if probe.answered(self._stopping):
                            self._state.answered(probe.sent_at)
                            waits, failures = backoff(most=1.0), 0
                        self._stopping.wait(PROBE_SECONDS)
            except LOST as error:
                failures += 1
                # One connection that is lost says nothing of the broker yet; that a new one is not to be had does.
                if failures > 1:
                    self._state.lost(error)
                    self._stopping.wait(next(waits))


class _Probe:
    """Publishes on a confirming channel of ``amqp``, one at a time."""

    def __init__(self, amqp: Any) -> None:
        self._amqp = amqp
        self._channel = amqp.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_answer)
        self._channel.events["basic_nack"].add(self._on_answer)
        self._is_answered = False
        #: When the last one was sent, by the monotonic clock.
        self.sent_at = 0.0

    def answered(self, stopping: Flag) -> bool:
        """Send a probe and wait for its answer, while the broker blocks for as long as it does; false if ``stopping``.

        Raises:
            OSError, amqp.exceptions.AMQPError: there is none, or the connection is lost.
        """
        self._is_answered = False
        self.sent_at = since = monotonic()
        self._channel.basic_publish(Message(b"", delivery_mode=1), RPC_EXCHANGE, PROBE)
        while not self._is_answered:
            if stopping.is_set():
                return False
            tend(self._amqp, PROBE_SECONDS)
            if self._amqp.is_blocked:
                since = monotonic()
            elif monotonic() - since > SILENCE_SECONDS:
                # Nobody is there to agree to the end of the connection.
                self._amqp.abort()
                raise TimeoutError(f"no answer within {SILENCE_SECONDS:g} s")
        return True

    def _on_answer(self, _tag: int, _multiple: bool) -> None:
        self._is_answered = True
