"""A job that one replica has in hand: kept by a lease as long as it lives, and watched for being called off."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread

import structlog
from pymongo.errors import PyMongoError

from services.matching.solver.parent import Stopped
from shared.storage.lease import Lease
from shared.storage.mongo import is_passing

log = structlog.get_logger()

#: Seconds for which a program is left to a replica that took it and does not prolong its lease: it may be dead, and
#: an organizer waits for the plan.
LEASE_SECONDS = 5.0
#: Seconds between two looks whether the work is still wanted.
LOOK_SECONDS = 0.25


@contextmanager
def keeping_lease(lease: Lease, is_wanted: Callable[[], bool], call_off: Callable[[], None]) -> Iterator[None]:
    """Keep ``lease`` for as long as its holder lives and works, and give it up at the end.

    Once the work is not wanted any more it is called off; that may happen more than once until the work ends.
    """
    over = Flag()

    def keep() -> None:
        looks = 0
        while not over.wait(LOOK_SECONDS):
            looks += 1
            try:
                if looks * LOOK_SECONDS >= LEASE_SECONDS / 4:
                    looks = 0
                    lease.acquire()
                if not is_wanted():
                    call_off()
            except PyMongoError as error:
                # At worst another replica does the same: one of the two results is thrown away.
                log.warning("lease-not-prolonged", lease=lease.name, error=type(error).__name__)

    thread = Thread(target=keep, name="keeping a lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        lease.release()


@contextmanager
def failing_alone(duty: str, program_id: str, give_up: Callable[[str], object]) -> Iterator[None]:
    """Have what goes wrong with one program stop no other: it is logged and given up, unless it passes by itself."""
    try:
        yield
    except Stopped:
        raise
    except Exception as error:
        if is_passing(error):
            raise
        log.exception(f"{duty}-error", program=program_id)
        give_up(program_id)
