"""A broker that is up and takes nothing: short of memory or disk, hanging, or out of reach; and one to do that to."""

import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local import Infrastructure

#: Something that makes a broker take nothing until it is left.
Trouble = Callable[[Infrastructure], AbstractContextManager[None]]


@contextmanager
def own_broker(folder: Path, mongo_uri: str) -> Iterator[Infrastructure]:
    """A broker in ``folder``, beside a database that is there: an alarm is for the whole broker."""
    before = os.environ.get("MONGO_URI")
    os.environ["MONGO_URI"] = mongo_uri
    made = Infrastructure(folder)
    try:
        yield made.up()
    finally:
        made.down()
        os.environ.pop("MONGO_URI")
        if before is not None:
            os.environ["MONGO_URI"] = before


@contextmanager
def memory_alarm(infrastructure: Infrastructure) -> Iterator[None]:
    """Have the broker find that it uses too much memory: it blocks every connection that publishes."""
    infrastructure.broker.control("set_vm_memory_high_watermark", "absolute", "1000")
    try:
        yield
    finally:
        infrastructure.broker.control("set_vm_memory_high_watermark", "0.4")


@contextmanager
def disk_alarm(infrastructure: Infrastructure) -> Iterator[None]:
    """Have the broker find that the disk is full: it blocks every connection that publishes."""
    infrastructure.broker.control("set_disk_free_limit", "1000000GB")
    try:
        yield
    finally:
        infrastructure.broker.control("set_disk_free_limit", "200MB")


@contextmanager
def hanging(infrastructure: Infrastructure) -> Iterator[None]:
    """Stop the broker's process: its connections stay, and it reads and says nothing."""
    broker = infrastructure.state.daemons["rabbitmq"]
    broker.send(signal.SIGSTOP)
    try:
        yield
    finally:
        broker.send(signal.SIGCONT)


class Cable:
    """Passes TCP connections on to the broker at ``uri``, until it is unplugged: then both ends hear nothing more.

    No connection is ended by that, as none is when a host vanishes or a firewall forgets; new ones get no answer.
    """

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 5672)
        self._door = socket.create_server(("127.0.0.1", 0))
        self._plugged = threading.Event()
        self._plugged.set()
        self._ends: list[socket.socket] = []
        #: The broker as it is reached through here.
        self.uri = parts._replace(
            netloc=parts.netloc.replace(str(parts.port), str(self._door.getsockname()[1]))
        ).geturl()
        threading.Thread(target=self._accept, daemon=True).start()

    def unplug(self) -> None:
        """Pass nothing on any more, on no connection that there is or that comes."""
        self._plugged.clear()

    def plug_in_anew(self) -> None:
        """Pass on what comes over new connections; those that there are stay mute."""
        self._plugged = threading.Event()
        self._plugged.set()

    def close(self) -> None:
        """End all."""
        self._door.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                plugged = self._plugged
                self._ends.append(near)
                if not plugged.is_set():
                    continue
                far = socket.create_connection(self._target)
                self._ends.append(far)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other, plugged), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, plugged: threading.Event) -> None:
        with suppress(OSError):
            while True:
                select.select([one], [], [])
                plugged.wait()
                if not (data := one.recv(65_536)):
                    break
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
