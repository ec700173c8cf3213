"""What organizers ask about webhooks: each command once for its key, and answered with the webhook as it is then.

A secret is in the answer that tells of a new one and nowhere else: what is kept for repeated commands has none.
"""

from collections.abc import Callable
from typing import Any

from services.integrations.domain.scope import Scope
from services.integrations.log import reading
from services.integrations.webhooks import deliveries
from services.integrations.webhooks.commands import SHOWN, Webhooks, delivery_view, the_endpoint, view
from services.integrations.webhooks.endpoints import of
from shared.extensions.work import TracedWork
from shared.faults import Invalid
from shared.messages import say
from shared.security.principal import Principal
from shared.storage.unit_of_work import Transaction

#: What an endpoint has had last, of which so many are shown.
LATEST = 20

CommandsFor = Callable[[str], Webhooks]
Given = dict[str, Any]


def add(work: TracedWork, commands_for: CommandsFor, principal: Principal, given: Given) -> dict[str, Any]:
    """Make a webhook; returns it with its secret."""
    webhooks = commands_for(principal.org)
    if given["after"] is not None:
        # Whether it is a cursor, and what comes after it is still kept.
        _require_cursor(work, given["after"])
    made = work.once(
        principal, "add_webhook", given, lambda transaction: {"webhook_id": webhooks.add(transaction, given)}
    )
    return _with_secret(work, webhooks, made["webhook_id"])


def rotate(work: TracedWork, commands_for: CommandsFor, principal: Principal, given: Given) -> dict[str, Any]:
    """Give a webhook a new secret; returns it with that."""
    webhooks = commands_for(principal.org)
    _once(work, principal, "rotate_webhook", given, lambda each: webhooks.rotate(each, given["webhook_id"]))
    return _with_secret(work, webhooks, given["webhook_id"])


def enable(work: TracedWork, commands_for: CommandsFor, principal: Principal, given: Given) -> dict[str, Any]:
    """Send to a webhook again."""
    webhooks = commands_for(principal.org)

    def do(transaction: Transaction) -> None:
        webhooks.enable(transaction, given["webhook_id"], given["from_now"])

    _once(work, principal, "enable_webhook", given, do)
    return _shown(work, webhooks, given["webhook_id"])


def disable(work: TracedWork, commands_for: CommandsFor, principal: Principal, given: Given) -> dict[str, Any]:
    """Send nothing more to a webhook."""
    webhooks = commands_for(principal.org)
    _once(work, principal, "disable_webhook", given, lambda each: webhooks.disable(each, given["webhook_id"]))
    return _shown(work, webhooks, given["webhook_id"])


def remove(work: TracedWork, commands_for: CommandsFor, principal: Principal, given: Given) -> dict[str, Any]:
    """Forget a webhook."""
    webhooks = commands_for(principal.org)
    _once(work, principal, "remove_webhook", given, lambda each: webhooks.remove(each, given["webhook_id"]))
    return {}


def test(work: TracedWork, commands_for: CommandsFor, principal: Principal, given: Given) -> dict[str, Any]:
    """Send a test event; what became of it is in the webhook's ``test`` as soon as it has ended."""
    webhooks = commands_for(principal.org)
    return work.once(
        principal, "test_webhook", given, lambda each: {"event_id": webhooks.test(each, given["webhook_id"])}
    )


def redeliver(work: TracedWork, commands_for: CommandsFor, principal: Principal, given: Given) -> dict[str, Any]:
    """Send one event once more, or those given up since a time."""
    webhooks = commands_for(principal.org)
    since = given["given_up_since"]
    return work.once(
        principal,
        "redeliver_webhook",
        {**given, "given_up_since": since and since.isoformat()},
        lambda each: {"events": webhooks.redeliver(each, given["webhook_id"], given["event_id"], since)},
    )


def listed(work: TracedWork, commands_for: CommandsFor, principal: Principal, given: Given) -> list[dict[str, Any]]:
    """The webhooks of the organization, or of one integrator."""
    webhooks = commands_for(principal.org)
    return [view(row, webhooks.seal, webhooks.now) for row in of(work.database, principal.org, given["integrator"])]


def shown(work: TracedWork, commands_for: CommandsFor, principal: Principal, given: Given) -> dict[str, Any]:
    """One webhook, with the events that fail, that were given up, and that it has had last."""
    webhooks, database = commands_for(principal.org), work.database
    found = _shown(work, webhooks, given["webhook_id"])
    rows = [
        *deliveries.failing(database, given["webhook_id"], SHOWN),
        *deliveries.in_state(database, given["webhook_id"], deliveries.GIVEN_UP, SHOWN),
        *deliveries.latest_delivered(database, given["webhook_id"], LATEST),
    ]
    return {**found, "deliveries": [delivery_view(row) for row in rows if not deliveries.is_test(row)]}


def _require_cursor(work: TracedWork, after: str) -> None:
    try:
        reading.read(work.database, Scope(), after, 1)
    except Invalid as fault:
        raise Invalid(say("The command cannot be carried out as it is."), fault.problems) from None


def _once(work: TracedWork, principal: Principal, name: str, given: Given, do: Callable[[Transaction], None]) -> None:
    def once(transaction: Transaction) -> dict[str, Any]:
        do(transaction)
        return {}

    work.once(principal, name, given, once)


def _shown(work: TracedWork, webhooks: Webhooks, webhook_id: str) -> dict[str, Any]:
    return view(the_endpoint(work.database, webhooks.org, webhook_id), webhooks.seal, webhooks.now)


def _with_secret(work: TracedWork, webhooks: Webhooks, webhook_id: str) -> dict[str, Any]:
    row = the_endpoint(work.database, webhooks.org, webhook_id)
    return {**view(row, webhooks.seal, webhooks.now), "secret": webhooks.secret(row)}
