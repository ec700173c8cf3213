"""What becomes of events and their endpoint once attempts have ended: one transaction for all that ended together."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog

from services.integrations.domain.retrying import Outcome, Standing, Verdict, next_attempt
from services.integrations.webhooks import deliveries, endpoints, figures
from shared.storage.unit_of_work import Transaction

log = structlog.get_logger()


@dataclass(frozen=True)
class Ended:
    """An attempt that has ended at ``at``; without an outcome there was nothing to send any more."""

    row: dict[str, Any]
    outcome: Outcome | None
    at: datetime


@dataclass
class _Tally:
    """An endpoint's fields that change with each attempt."""

    standing: Standing
    state: str
    pending: int
    given_up: int
    changes: dict[str, Any]


class TakenOver(Exception):
    """Another replica sends for this endpoint, or it is gone."""


def settle(
    transaction: Transaction,
    endpoint_id: str,
    token: int,
    ended: Sequence[Ended],
    chance: Callable[[], float],
) -> list[tuple[str, str]]:
    """Write what came of attempts, in the order in which they ended.

    Returns:
        What happened that somebody should hear of: (event of the log, detail).

    Raises:
        TakenOver: nothing is written, since another replica does it.
    """
    endpoint = endpoints.hold(transaction, endpoint_id, token)
    if endpoint is None:
        raise TakenOver
    tally = _Tally(endpoints.standing_of(endpoint), endpoint["state"], endpoint["pending"], endpoint["given_up"], {})
    delivered, told = endpoint["delivered"], []
    for each in ended:
        row = deliveries.find(transaction, each.row["_id"])
        if row is None or row["state"] != deliveries.READY:
            # Given up by hand meanwhile, with all that was pending.
            continue
        if deliveries.is_test(row):
            deliveries.delete(transaction, row["_id"])
            tally.changes["test"] = {"event": row["event"], **_seen(each)}
        elif each.outcome is None:
            _leave(transaction, row, tally, each.at, None)
        elif each.outcome.verdict is Verdict.DELIVERED:
            tally.standing = tally.standing.after(each.outcome, each.at)
            done = {"state": deliveries.DELIVERED, "done_at": each.at, "attempts": row["attempts"] + 1}
            _leave(transaction, row, tally, each.at, {**done, "last": _seen(each)})
            delivered += 1
            tally.changes["delivered_at"] = each.at
        else:
            told += _fail(transaction, row, each, each.outcome, tally, chance)
    endpoints.save(
        transaction,
        endpoint_id,
        {
            **tally.changes,
            "standing": asdict(tally.standing),
            "pending": tally.pending,
            "given_up": tally.given_up,
            "delivered": delivered,
        },
    )
    return told


def _fail(
    transaction: Transaction,
    row: dict[str, Any],
    ended: Ended,
    outcome: Outcome,
    tally: _Tally,
    chance: Callable[[], float],
) -> list[tuple[str, str]]:
    attempts = row["attempts"] + 1
    tally.standing = tally.standing.after(outcome, ended.at)
    tally.changes["failed"] = {"event": row["event"], **_seen(ended)}
    changes: dict[str, Any] = {"attempts": attempts, "last": _seen(ended)}
    told = []
    again = next_attempt(attempts, ended.at, outcome.retry_after, chance)
    failing = tally.standing.disabling(outcome, 0, ended.at)
    if again is None and failing is None:
        # The endpoint takes others, so it is this event that it cannot take.
        tally.given_up += 1
        _leave(transaction, row, tally, ended.at, {**changes, "state": deliveries.GIVEN_UP})
        told.append(("webhook-given-up", row["event"]))
    else:
        # While it is disabled nothing is lost: what could not be delivered waits for it to be enabled.
        deliveries.update(transaction, row["_id"], {**changes, "next_at": again or ended.at})
    reason = tally.standing.disabling(outcome, tally.given_up, ended.at)
    if reason is not None and tally.state == endpoints.ACTIVE:
        tally.state = endpoints.DISABLED
        tally.changes |= endpoints.disabled(reason, ended.at)
        told.append(("webhook-disabled", str(reason)))
    return told


def _leave(
    transaction: Transaction, row: dict[str, Any], tally: _Tally, at: datetime, changes: dict[str, Any] | None
) -> None:
    """The event is done with, and forgotten where there are no ``changes`` to keep: the next of its subject may go."""
    # Not ready any more before the next one is: of a subject there is one at a time.
    if changes is None:
        deliveries.delete(transaction, row["_id"])
    else:
        deliveries.update(transaction, row["_id"], changes)
    tally.pending -= 1
    deliveries.promote(transaction, row["endpoint"], row["subject"], at)


def _seen(ended: Ended) -> dict[str, Any]:
    outcome = ended.outcome or Outcome(None, "not-kept")
    return {"at": ended.at, "status": outcome.status, "failure": outcome.failure, "seconds": outcome.seconds}


def tell(endpoint: dict[str, Any], told: Sequence[tuple[str, str]]) -> None:
    """Say in the log and in the figures what operators should know."""
    who = {"endpoint": endpoint["_id"], "integrator": endpoint["integrator"]}
    for what, detail in told:
        log.warning(what, **who, detail=detail)
        if what == "webhook-disabled":
            figures.DISABLED.labels(detail).inc()
        else:
            figures.GIVEN_UP.inc()
