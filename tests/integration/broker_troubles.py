"""A broker that is up and takes nothing: one that is short of memory, and one that hangs."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local import Infrastructure


@contextmanager
def memory_alarm(infrastructure: Infrastructure) -> Iterator[None]:
    """Have the broker find that it uses too much memory: it blocks every connection that publishes."""
    infrastructure.broker.control("set_vm_memory_high_watermark", "absolute", "1000")
    try:
        yield
    finally:
        infrastructure.broker.control("set_vm_memory_high_watermark", "0.4")


@contextmanager
def hanging(infrastructure: Infrastructure) -> Iterator[None]:
    """Stop the broker's process: its connections stay, and it reads and says nothing."""
    broker = infrastructure.state.daemons["rabbitmq"]
    broker.send(signal.SIGSTOP)
    try:
        yield
    finally:
        broker.send(signal.SIGCONT)
