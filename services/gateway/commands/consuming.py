"""The consumer of commands as a nameko extension: several at once, each answered before it is acknowledged."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from threading import Event as Flag
from typing import Any

import structlog
from eventlet.greenpool import GreenPool
from flask import Flask

from services.gateway.commands.carrying_out import Answer, Given, Giver, carry_out, refuse
from services.gateway.door import Calls
from services.gateway.web.problems import STATUS
from shared.clock import monotonic
from shared.faults import Fault, Invalid, NotFound, NotYet, Problem
from shared.messages import say
from shared.messaging.connection import HEARTBEAT, LOST, NOTHING_CAME, backoff, connect
from shared.messaging.heartbeat import Pulse
from shared.messaging.publisher import Outcome, Outgoing
from shared.messaging.publisher_pool import PublisherPool
from shared.messaging.topology import ANSWERS, COMMAND_QUEUE, declare
from shared.security.principal import ORGANIZER, Principal
from shared.trace import Trace

log = structlog.get_logger()

#: Commands that are carried out at the same time.
AT_ONCE = 10
#: Seconds to listen before looking whether to stop and whether the connection lives.
LISTEN = 0.5
#: Seconds for which a command is tried again that a service is not ready for, and the status that says so.
PATIENCE, NOT_YET = 30.0, STATUS[NotYet]
#: Seconds for the broker to take an answer.
ANSWER_SECONDS = 10.0


class CommandConsumer:
    """Carries out what is in the queue of commands until stopped, through losses of the broker.

    ``own_calls(trace)`` calls services in the gateway's own name, and ``sign`` makes the token of an integrator's one.
    A command is acknowledged once its answer is with the broker: after a crash it is carried out again, which its
    ``message_id`` makes harmless, and answered with the same.
    """

    def __init__(
        self,
        amqp_uri: str,
        name: str,
        app: Flask,
        own_calls: Callable[[Trace], Calls],
        sign: Callable[[Principal], str],
        answers: PublisherPool,
    ) -> None:
        self._amqp_uri = amqp_uri
        self._name = name
        self._app = app
        self._own_calls = own_calls
        self._sign = sign
        self._answers = answers
        self._pool = GreenPool(AT_ONCE)
        self._stopping = Flag()
        self._arrived: list[Any] = []
        self.ended = Flag()
        self.consuming = False

    def stop(self) -> None:
        """Ask :meth:`run` to end after what is in hand."""
        self._stopping.set()

    def run(self) -> None:
        """Consume until stopped."""
        waits = backoff()
        while not self._stopping.is_set():
            try:
                with connect(self._amqp_uri, self._name) as connection:
                    declare(connection)
                    waits = backoff()
                    self._consume(connection.connection)
            except LOST as error:
                pause = next(waits)
                log.warning("commands-interrupted", error=type(error).__name__, detail=str(error)[:300], retry_in=pause)
                self._stopping.wait(pause)
            finally:
                self.consuming = False
                # It belongs to a channel that is gone: the broker delivers it again.
                self._arrived.clear()
        self.ended.set()

    def _consume(self, amqp: Any) -> None:
        channel = amqp.channel()
        channel.auto_decode = False
        channel.basic_qos(0, AT_ONCE, False)
        pulse = Pulse(amqp, HEARTBEAT / 4)
        try:
            channel.basic_consume(COMMAND_QUEUE, callback=self._arrived.append)
            self.consuming = True
            while not self._stopping.is_set():
                with suppress(*NOTHING_CAME):
                    amqp.drain_events(timeout=LISTEN)
                    while len(self._arrived) < AT_ONCE:
                        amqp.drain_events(timeout=0.0005)
                amqp.heartbeat_tick()
                batch = self._arrived[:AT_ONCE]
                del self._arrived[:AT_ONCE]
                with pulse.beating():
                    done = list(self._pool.imap(self._settle, batch))
                for message, is_done in zip(batch, done, strict=True):
                    if is_done:
                        channel.basic_ack(message.delivery_tag)
                    elif is_done is not None:
                        channel.basic_reject(message.delivery_tag, requeue=False)
            channel.close()
        finally:
            pulse.close()

    def _settle(self, message: Any) -> bool | None:
        """Carry out one command and send its answer; False if nobody can be answered, None if it was not begun.

        Raises:
            OSError: the broker does not take the answer; the command comes again.
        """
        properties = message.properties
        given = Given(
            message.delivery_info["routing_key"],
            bytes(message.body),
            properties.get("message_id"),
            _text(properties, "accept-language"),
            _text(properties, "traceparent"),
        )
        # The broker checks who a sender says to be, but lets it say nothing.
        user = properties.get("user_id")
        known = self._known(user, given) if user else None
        if known is None:
            return None if self._stopping.is_set() else self._nobody(given)
        reply_to = properties.get("reply_to")
        if reply_to in (None, "", known["answers"]):
            answer = self._carried_out(given, known)
        else:
            problem = Problem(
                "property reply_to",
                say("answers do not go there"),
                say("send {own}, or none where you want no answer", own=known["answers"]),
            )
            detail = say("The request is not valid; every fault is named.")
            answer = refuse(self._app, Invalid(detail, [problem]), given)
        log.info("command", routing_key=given.routing_key, giver=known["subject"], status=answer.status)
        if reply_to:
            self._answer(known["answers"], answer, given, properties.get("correlation_id"))
        return True

    def _known(self, user: str, given: Given) -> dict[str, Any] | None:
        """The integrator whose broker user this is; None for nobody's, and when asked to stop.

        While it cannot be found out, the command is held on to: given back, it would count as delivered once more.
        """
        waits = backoff()
        while not self._stopping.is_set():
            try:
                known: dict[str, Any] = self._own_calls(Trace.start()).call("integrations", "giver", user=user)
                return known
            except NotFound:
                return None
            except Fault as fault:
                pause = next(waits)
                log.warning("command-waits", routing_key=given.routing_key, fault=fault.code, retry_in=pause)
                self._stopping.wait(pause)
        return None

    def _carried_out(self, given: Given, known: dict[str, Any]) -> Answer:
        """The answer to a command; one that a service is not ready for is tried again for :data:`PATIENCE`."""
        principal = Principal(known["subject"], ORGANIZER, known["org"], tuple(known["programs"] or ()))
        giver = Giver(frozenset(known["commands"]), principal)
        deadline, waits = monotonic() + PATIENCE, backoff()
        while True:
            answer = carry_out(self._app, given, giver, self._sign)
            if answer.status != NOT_YET or self._stopping.is_set() or monotonic() > deadline:
                return answer
            self._stopping.wait(next(waits))

    def _nobody(self, given: Given) -> bool:
        # There is no safe place for an answer.
        log.warning("command-of-nobody", routing_key=given.routing_key)
        return False

    def _answer(self, queue: str, answer: Answer, given: Given, correlation_id: str | None) -> None:
        properties = {
            "content_type": answer.content_type,
            "delivery_mode": 2,
            "message_id": secrets.token_hex(16),
            "correlation_id": correlation_id or given.message_id or "",
            "application_headers": {"status": answer.status, "command": given.routing_key},
        }
        outcome = self._answers.publish(Outgoing(ANSWERS, queue, answer.body, properties), ANSWER_SECONDS)
        if outcome is not Outcome.CONFIRMED:
            # Its queue is full or gone: the integrator's own matter, and no reason to carry out the command again.
            log.warning("answer-not-taken", queue=queue, outcome=outcome.value)


def _text(properties: dict[str, Any], name: str) -> str | None:
    value = (properties.get("application_headers") or {}).get(name)
    return value if isinstance(value, str) else None
