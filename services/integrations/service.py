"""The door of the integrations service: what it can be asked, and what it listens to."""

from typing import Any

from services.integrations import store
from services.integrations.access import scope_for
from services.integrations.accounts import managing
from services.integrations.accounts.extension import Accounts
from services.integrations.accounts.republishing import Republisher
from services.integrations.accounts.schemas import AddIntegrator, OfIntegrator, OfUser, RedeemApiKey, RotateIntegrator
from services.integrations.accounts.storage import scope_of
from services.integrations.background_job import BackgroundJob
from services.integrations.domain.scope import Scope
from services.integrations.handlers import hear
from services.integrations.log import reading
from services.integrations.log.retention import Retention
from services.integrations.replay import commands as replays
from services.integrations.replay.job import Replayer
from services.integrations.replay.schemas import CancelReplay, OfReplay, StartReplay
from services.integrations.replay.schemas import OfIntegrator as OfReceiver
from services.integrations.schemas import ReadEvents, ReadSnapshot
from services.integrations.snapshot import reading as snapshot
from services.integrations.webhooks import managing as webhooks
from services.integrations.webhooks.extension import WebhookSender
from services.integrations.webhooks.schemas import (
    AddWebhook,
    EnableWebhook,
    OfWebhook,
    Redeliver,
    WebhookCommand,
    WebhooksOf,
)
from shared.arguments import load
from shared.events import Event
from shared.extensions import Caller, Health, Work, answers, consumes
from shared.faults import NotFound, Unauthenticated
from shared.messages import say
from shared.security.principal import INTEGRATOR, PARTICIPANTS, Principal
from shared.storage.unit_of_work import Transaction


class Integrations:
    """Keeps every published event, for other systems to read from any moment on. It publishes none itself."""

    name = "integrations"

    work = Work(store.prepare)
    caller = Caller(integrators=True)
    retention = Retention()
    replaying = BackgroundJob(Replayer, "replays")
    health = Health()
    accounts = Accounts()
    republishing = BackgroundJob(Republisher, "republisher")
    webhooks_of = WebhookSender()

    @consumes("log")
    def hear(self, events: list[Event], transaction: Transaction) -> None:
        """Keep every event as it was published."""
        hear(events, transaction)

    @answers
    def giver(self, **arguments: Any) -> dict[str, Any]:
        """Who gives a command as a broker user, for the gateway: raises as :func:`managing.giver`."""
        given = load(OfUser, arguments)
        self.caller().require_operator()
        return managing.giver(self.work, given["user"])

    @answers
    def snapshot(self, **arguments: Any) -> dict[str, Any]:
        """The events from which a program's state comes out, as many as the caller may read.

        Returns:
            ``events`` (each the text that was published), the ``cursor`` at which they are true and from which the log
            goes on, and the ``next`` page (None after the last).
        """
        given = load(ReadSnapshot, arguments)
        principal = self.caller()
        if principal.role in PARTICIPANTS and given["program_id"] not in principal.programs:
            # To them other programs are as if there were none; that there is theirs they know.
            raise NotFound(say("There is no such program."))
        scope = self._readable().narrowed(given["types"])
        part = snapshot.read(self.work.database, scope, given["program_id"], given["page"], given["limit"])
        return {"events": [row["body"].decode() for row in part.rows], "cursor": part.cursor, "next": part.next}

    @answers
    def events(self, **arguments: Any) -> dict[str, Any]:
        """Events that the caller may read, after a cursor, in the order of the log.

        Returns:
            ``events`` (each the text that was published), ``cursor`` to go on from, and whether there is ``more``.
        """
        given = load(ReadEvents, arguments)
        scope = self._readable().narrowed(given["types"], [given["program"]] if given["program"] else [])
        page = reading.read(self.work.database, scope, given["after"], given["limit"])
        return {"events": [row["body"].decode() for row in page.rows], "cursor": page.cursor, "more": page.more}

    def _readable(self) -> Scope:
        """What the caller may read; of an integrator as it is now, whatever its token says."""
        principal = self.caller()
        if principal.role != INTEGRATOR:
            return scope_for(principal)
        scope = scope_of(self.work.database, principal.subject)
        if scope is None:
            raise Unauthenticated(say("this integrator has been removed; ask an organizer for another account"))
        return scope

    # Replays

    @answers
    def start_replay(self, **arguments: Any) -> dict[str, Any]:
        """Send an integrator once more what is in the log from a cursor or time on, within its scope; once per key."""
        given = load(StartReplay, arguments)
        return replays.start(self.work, self._organizer(), given)

    @answers
    def list_replays(self, **arguments: Any) -> dict[str, Any]:
        """The last replays to an integrator, under ``replays``, the latest first."""
        given = load(OfReceiver, arguments)
        return {"replays": replays.listed(self.work, self._organizer(), given["name"])}

    @answers
    def get_replay(self, **arguments: Any) -> dict[str, Any]:
        """How far a replay is."""
        given = load(OfReplay, arguments)
        return replays.get(self.work, self._organizer(), given["replay_id"])

    @answers
    def cancel_replay(self, **arguments: Any) -> dict[str, Any]:
        """Call a replay off; what has been sent stays sent."""
        given = load(CancelReplay, arguments)
        return replays.cancel(self.work, self._organizer(), given)

    # Integrators

    @answers
    def add_integrator(self, **arguments: Any) -> dict[str, Any]:
        """Give another system an account; answers when the broker has it, with its secrets, which are shown once."""
        given = load(AddIntegrator, arguments)
        return managing.add(self.work, self.accounts, self._organizer(), given)

    @answers
    def rotate_integrator(self, **arguments: Any) -> dict[str, Any]:
        """Give an integrator new secrets, shown once; the old ones hold for ``keep_hours`` more, or end at once."""
        given = load(RotateIntegrator, arguments)
        return managing.rotate(self.work, self.accounts, self._organizer(), given)

    @answers
    def remove_integrator(self, **arguments: Any) -> dict[str, Any]:
        """Remove an integrator with its queues; its connections end, its tokens are refused."""
        given = load(OfIntegrator, arguments)
        return managing.remove(self.work, self.accounts, self._organizer(), given)

    @answers
    def list_integrators(self) -> dict[str, Any]:
        """All integrators, without secrets, under ``integrators``."""
        return {"integrators": managing.listed(self.work, self._organizer())}

    @answers
    def redeem_api_key(self, **arguments: Any) -> dict[str, Any]:
        """Whom an API key lets in; needs no log-in, since it is one."""
        return managing.redeem(self.work, load(RedeemApiKey, arguments)["api_key"])

    # Webhooks

    @answers
    def add_webhook(self, **arguments: Any) -> dict[str, Any]:
        """Have an integrator's events sent to an address; answers with the secret of the signatures, shown once."""
        return webhooks.add(self.work, self.webhooks_of, self._organizer(), load(AddWebhook, arguments))

    @answers
    def list_webhooks(self, **arguments: Any) -> dict[str, Any]:
        """All webhooks, or those of an integrator, without secrets, under ``webhooks``."""
        given = load(WebhooksOf, arguments)
        return {"webhooks": webhooks.listed(self.work, self.webhooks_of, self._organizer(), given)}

    @answers
    def get_webhook(self, **arguments: Any) -> dict[str, Any]:
        """One webhook, with ``deliveries``: what fails, what was given up, and what it has had last."""
        return webhooks.shown(self.work, self.webhooks_of, self._organizer(), load(OfWebhook, arguments))

    @answers
    def remove_webhook(self, **arguments: Any) -> dict[str, Any]:
        """Send nothing more there, and forget it."""
        return webhooks.remove(self.work, self.webhooks_of, self._organizer(), load(WebhookCommand, arguments))

    @answers
    def rotate_webhook(self, **arguments: Any) -> dict[str, Any]:
        """Give a webhook a new secret, shown once; the one before signs beside it for a day."""
        return webhooks.rotate(self.work, self.webhooks_of, self._organizer(), load(WebhookCommand, arguments))

    @answers
    def enable_webhook(self, **arguments: Any) -> dict[str, Any]:
        """Send there again: from where it stood, or ``from_now`` on."""
        return webhooks.enable(self.work, self.webhooks_of, self._organizer(), load(EnableWebhook, arguments))

    @answers
    def disable_webhook(self, **arguments: Any) -> dict[str, Any]:
        """Send nothing there until it is enabled."""
        return webhooks.disable(self.work, self.webhooks_of, self._organizer(), load(WebhookCommand, arguments))

    @answers
    def test_webhook(self, **arguments: Any) -> dict[str, Any]:
        """Send a test event; returns its ``event_id``, by which the webhook's ``test`` tells what became of it."""
        return webhooks.test(self.work, self.webhooks_of, self._organizer(), load(WebhookCommand, arguments))

    @answers
    def redeliver_webhook(self, **arguments: Any) -> dict[str, Any]:
        """Send an event once more, or those given up since a time; returns how many ``events``."""
        return webhooks.redeliver(self.work, self.webhooks_of, self._organizer(), load(Redeliver, arguments))

    def _organizer(self) -> Principal:
        """Who may give accounts away: whoever organizes all of the organization."""
        principal = self.caller()
        principal.require_operator()
        return principal
