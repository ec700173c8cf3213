"""Learning what became of programs before their events were listened to, from those who have decided it.

A queue begins empty. Of a program that an earlier release has published, whatever happened before this one came is
asked for, once: when an organizer looks at it, and in that organizer's name.
"""

from collections.abc import Iterable

import structlog

from services.registration import store
from services.registration.domain import progress
from services.registration.domain.program import Program, State
from services.registration.domain.progress import Progress
from shared.extensions.rpc_client import Services
from shared.extensions.work import TracedWork
from shared.faults import Conflict, Fault
from shared.security.principal import Principal
from shared.storage.unit_of_work import Transaction

log = structlog.get_logger()

TIMEOUT = 2.0
"""Real seconds that another service has for an answer; without one, what was published is shown."""
MOST = 10
"""Programs caught up with in one call; of more, the others follow at the next look."""


def catch_up(
    work: TracedWork, services: Services, principal: Principal, programs: Iterable[Program], known: dict[str, Progress]
) -> dict[str, Progress]:
    """``known`` with what is missing in it, as far as ``principal`` may ask for it and the others answer."""
    found = dict(known)
    behind = [each for each in programs if each.state is State.PUBLISHED and known[each.id].waiting is None]
    for program in [each for each in behind if principal.organizes(each.org, each.id)][:MOST]:
        try:
            found[program.id] = _caught_up(work, services, program)
        except Fault as fault:
            log.info("progress-not-told", program_id=program.id, fault=fault.code)
            break
    return found


def _caught_up(work: TracedWork, services: Services, program: Program) -> Progress:
    sessions = services.call("session_timer", "list_sessions", program_id=program.id)
    closed = _closed_at(services, program.id)

    def keep(transaction: Transaction) -> Progress:
        # Events may have told more meanwhile.
        before = store.progress_of(transaction, [program.id])[program.id]
        after = progress.catch_up(program, before, sessions, closed)
        store.begin_progress(transaction, after)
        return after

    return work.transact(keep)


def _closed_at(services: Services, program_id: str) -> str | None:
    try:
        closed_at: str = services.call("feedback", "get_report", program_id=program_id)["closed_at"]
    except Conflict:
        return None
    return closed_at
