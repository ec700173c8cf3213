"""What organizers do with integrators: add, list, rotate, remove; and letting one in by its API key.

The answers have secrets in them, so they are not kept for those who repeat a command: the same ``Idempotency-Key``
makes another secret in place of the one whose answer may have got lost.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.integrations.accounts import republishing, storage
from services.integrations.accounts.broker_account import answers_of, queue_of, stream_of, user_of
from services.integrations.accounts.extension import BrokerAccounts
from services.integrations.accounts.secrets import Secret, digest, new_secret
from services.integrations.domain.rights import canonical, check
from services.integrations.webhooks.commands import forget_webhooks
from shared.clock import wall_clock
from shared.events import short_name, write_time
from shared.events.catalogue import TYPES
from shared.extensions.work import TracedWork
from shared.faults import Conflict, Invalid, NotFound, Problem
from shared.ids import new_id
from shared.messages import say
from shared.security.principal import Principal
from shared.storage.unit_of_work import Transaction

NAMES = tuple(sorted(short_name(each) for each in TYPES))


def add(work: TracedWork, accounts: BrokerAccounts, principal: Principal, given: dict[str, Any]) -> dict[str, Any]:
    """Make an integrator and its account at the broker; returns it with its secrets, which are shown only here.

    Raises:
        Invalid: a pattern matches no type.
        Conflict: there is one of this name, or no account can be made.
        NotYet: the broker does not answer; the integrator is there, and repeating the command goes on with it.
    """
    name, by = given["name"], _command(principal, given)
    _refuse_unknown(given["types"])
    types = list(dict.fromkeys(canonical(each) for each in given["types"]))
    accounts.require_free(name)
    secret, now = new_secret(), wall_clock()
    commands = list(dict.fromkeys(given["commands"]))

    def write(transaction: Transaction) -> dict[str, Any]:
        row = storage.find(transaction, name)
        if row is None:
            row = storage.new_row(name, principal.org, types, given["programs"], given["stream"], by, now, commands)
            row = storage.with_secret(row, secret, by, None, now)
            storage.insert(transaction, row)
            if row["programs"] is not None:
                republishing.begin(transaction, name)
            return row
        same = (row["created_by"], row["types"], row["programs"], row["stream"], row.get("commands", [])) == (
            by,
            types,
            given["programs"],
            given["stream"],
            commands,
        )
        if not same:
            raise Conflict(
                say("There is an integrator called {name} already; choose another name, or remove it first.", name=name)
            )
        row = storage.with_secret(row, secret, by, None, now)
        storage.replace(transaction, row)
        return row

    row = work.transact(write)
    accounts.settle(name)
    return {**view(storage.find(work.database, row["_id"]) or row), "secrets": _shown(accounts, row, secret)}


def rotate(work: TracedWork, accounts: BrokerAccounts, principal: Principal, given: dict[str, Any]) -> dict[str, Any]:
    """Give an integrator new secrets; the old ones hold for ``keep_hours`` more, or no longer, and are cut off then.

    Raises:
        NotFound: there is no such integrator.
        NotYet: as :func:`add`.
    """
    accounts.require()
    secret, by, now = new_secret(), _command(principal, given), wall_clock()
    keep_until = now + timedelta(hours=given["keep_hours"]) if given["keep_hours"] else None

    def write(transaction: Transaction) -> dict[str, Any]:
        row = storage.with_secret(_own(transaction, principal, given["name"]), secret, by, keep_until, now)
        storage.replace(transaction, row)
        return row

    row = work.transact(write)
    accounts.settle(given["name"])
    return {**view(storage.find(work.database, row["_id"]) or row), "secrets": _shown(accounts, row, secret)}


def remove(work: TracedWork, accounts: BrokerAccounts, principal: Principal, given: dict[str, Any]) -> dict[str, Any]:
    """Remove an integrator, its users (whose connections end) and its queues with what waits in them.

    Raises:
        NotFound: there is no such integrator.
        NotYet: the broker does not answer; what is there is removed as soon as it does.
    """
    accounts.require()

    def write(transaction: Transaction) -> dict[str, Any]:
        row = _own(transaction, principal, given["name"])
        storage.remove(transaction, given["name"])
        republishing.forget(transaction, given["name"])
        forget_webhooks(transaction, given["name"])
        return view(row)

    removed = work.once(principal, "remove_integrator", given, write)
    accounts.settle(given["name"])
    return removed


def listed(work: TracedWork, principal: Principal) -> list[dict[str, Any]]:
    """All integrators of the caller's organization, without secrets."""
    return [view(row) for row in storage.all_of(work.database, principal.org)]


def redeem(work: TracedWork, api_key: str) -> dict[str, Any]:
    """Whom an API key lets in: ``name``, ``org``, ``types`` and ``programs``.

    Raises:
        NotFound: nobody.
    """
    row = storage.with_key(work.database, digest(api_key), wall_clock())
    if row is None:
        raise NotFound(say("No integrator has this API key; a rotated one holds no longer."))
    return {"name": row["_id"], "org": row["org"], "types": row["types"], "programs": row["programs"]}


def giver(work: TracedWork, user: str) -> dict[str, Any]:
    """Who gives a command as the broker's ``user``, which commands it may give, and where its answers go.

    Raises:
        NotFound: it is no integrator's user, or one that does not hold any more.
    """
    row = storage.with_user(work.database, user, wall_clock())
    if row is None:
        raise NotFound(say("The broker's user is no integrator's."))
    name = row["_id"]
    return {
        "subject": f"integrator-{name}",
        "org": row["org"],
        "programs": row["programs"],
        "commands": row.get("commands", []),
        "answers": answers_of(name),
    }


def view(row: dict[str, Any]) -> dict[str, Any]:
    """An integrator as organizers see it."""
    name = row["_id"]
    return {
        "name": name,
        "types": row["types"],
        "programs": row["programs"],
        "queue": queue_of(name),
        "dead_letters": f"{queue_of(name)}.dead",
        "stream": stream_of(name) if row["stream"] else None,
        "commands": row.get("commands", []),
        "answers": answers_of(name) if row.get("commands") else None,
        "exchange": storage.account(row, row["created_at"]).exchange,
        "created_at": write_time(row["created_at"]),
        "settled": row["settled"] == row["revision"],
        "users": [
            {
                "user": user_of(name, each["number"]),
                "made_at": write_time(each["made_at"]),
                "until": each["until"] and write_time(each["until"]),
            }
            for each in row["secrets"]
        ],
    }


def _shown(accounts: BrokerAccounts, row: dict[str, Any], secret: Secret) -> dict[str, Any]:
    user = user_of(row["_id"], row["secrets"][-1]["number"])
    return {
        "amqp_uri": accounts.uri(user, secret.password),
        "user": user,
        "password": secret.password,
        "api_key": secret.api_key,
    }


def _own(transaction: Transaction, principal: Principal, name: str) -> dict[str, Any]:
    row = storage.find(transaction, name)
    if row is None or row["org"] != principal.org:
        raise NotFound(say("There is no integrator called {name}.", name=name))
    return row


def _command(principal: Principal, given: dict[str, Any]) -> str:
    """What names a command: repeated under the same key it is the same one."""
    return principal.scoped(given["idempotency_key"] or new_id()) or ""


def _refuse_unknown(types: Sequence[str]) -> None:
    unknown = check(types, NAMES)
    if unknown:
        raise Invalid(
            say("The types are not right; every pattern that is wrong is named."),
            [Problem(f"/types/{list(types).index(each.pattern)}", each.reason, each.remedy) for each in unknown],
        )
