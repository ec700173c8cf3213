"""The life of a service's process: ``python -m services.<name>`` ends up here.

Importing this module makes the standard library cooperative (eventlet), so it comes before all other imports.
"""

import eventlet

eventlet.monkey_patch()

import gc  # noqa: E402
import importlib  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import replace  # noqa: E402

import structlog  # noqa: E402
from nameko.containers import ServiceContainer  # noqa: E402

from shared.clock import Clock  # noqa: E402
from shared.config import SettingsError, load  # noqa: E402
from shared.extensions.runtime import SETTINGS  # noqa: E402
from shared.observability import logs  # noqa: E402

log = structlog.get_logger()

#: Seconds from a signal to the end, whatever is still in hand; less than container engines wait before they kill.
GRACE = 7.0
#: Seconds that aborting what is in hand may take after that.
LAST_GRACE = 1.5

#: How many RPC calls and batches one process handles at once.
WORKERS = 64


def run(path: str, clock: Callable[[Clock], Clock] | None = None) -> None:
    """Run the service class at ``path`` (``module:Class``) until SIGTERM or SIGINT; exits the process.

    ``clock`` makes the clock that the service goes by of the one in the settings, where that is another.

    A signal lets calls and batches in hand finish; what is not begun stays on the bus. Exit status 2 means that
    settings are missing or wrong, and standard error names them.
    """
    module, _, name = path.partition(":")
    service_class = getattr(importlib.import_module(module), name)
    try:
        settings = load(service_class.name, os.environ)
    except SettingsError as error:
        print(f"{service_class.name} cannot start:\n{error}", file=sys.stderr)
        sys.exit(2)
    if clock is not None:
        settings = replace(settings, clock=clock(settings.clock))
    logs.configure(settings.service, settings.log_level)
    container = ServiceContainer(
        service_class,
        {
            "AMQP_URI": settings.amqp_uri,
            "max_workers": WORKERS,
            SETTINGS: settings,
        },
    )

    def give_up() -> None:
        # The broker delivers what is in hand to another. Transactions are aborted: left open, they would hold
        # their locks until the database's own limit.
        log.warning("stopping-unfinished", after_seconds=GRACE)
        eventlet.spawn_after(LAST_GRACE, os._exit, 0)
        container.kill()

    def stop(signal_number: int, _frame: object) -> None:
        log.info("stopping", signal=signal.Signals(signal_number).name)
        eventlet.spawn_n(container.stop)
        eventlet.spawn_after(GRACE, give_up)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    container.start()
    # What is there by now stays: looking through all of it again and again would stall everything for tens of
    # milliseconds at a time.
    gc.collect()
    gc.freeze()
    log.info("started", health_port=settings.health_port)
    container.wait()
    log.info("stopped")
