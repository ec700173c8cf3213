"""Broker and database of one system: given, found or installed; started, watched and stopped together."""

import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from kombu import Connection

from deploy.local.broker import LAUNCHER, Broker
from deploy.local.database import Database
from deploy.local.errors import LaunchError
from deploy.local.machine import ports
from deploy.local.machine.daemon import Daemon
from deploy.local.secrets import Secrets
from deploy.local.space import RUN, Space
from deploy.local.state import State
from shared.messaging import topology

#: What is stopped last, and in this order: services go before it.
PARTS = ("rabbitmq", "epmd", "mongod")


class Infrastructure:
    """RabbitMQ and MongoDB with all state in the folder ``root``; several in different folders run beside each other.

    ``AMQP_URI`` and ``MONGO_URI`` in the environment name ones that are there already: those are used instead, and
    neither restarted nor stopped.
    """

    def __init__(self, root: Path = RUN) -> None:
        self.space = Space(root.resolve())
        self.state = State.read(self.space.state)
        self.secrets = Secrets(self.space.secrets)
        self._bind()

    def _bind(self) -> None:
        self.broker = Broker(self.space, self.secrets, self.state)
        self.database = Database(self.space, self.secrets, self.state)
        self._saving = threading.Lock()

    def up(self, keep: bool = False) -> Self:
        """Start what is not running yet, both at once; returns when both are ready.

        ``keep`` makes it outlive :meth:`release`, as ``make up`` does.

        Raises:
            LaunchError: something is missing or does not start; nothing stays behind that this call has started.
        """
        with self._locked():
            self.secrets.ensure()
            # What has ended by itself, or with the machine, is no more.
            self.state.forget_ended()
            before = dict(self.state.daemons)
            self.state.amqp_uri = os.environ.get("AMQP_URI") or self.state.amqp_uri
            self.state.mongo_uri = os.environ.get("MONGO_URI") or self.state.mongo_uri
            self.state.kept = self.state.kept or keep
            try:
                self._start()
            except BaseException:
                for name in [each for each in self.state.daemons if each not in before]:
                    self.state.daemons.pop(name).stop(grace=5)
                self.save()
                raise
            self.save()
        return self

    def _start(self) -> None:
        waits = []
        if self.state.amqp_uri:
            with Connection(self.state.amqp_uri, connect_timeout=5) as connection:
                topology.declare(connection)
        elif not self.state.is_running("epmd", "rabbitmq"):
            self._choose_ports(*(() if self.state.is_running("epmd") else ("epmd",)), "amqp", "dist", "management")
            self.broker.start()
            waits.append(self.broker.wait)
        if not self.state.mongo_uri and not self.state.is_running("mongod"):
            self._choose_ports("mongod")
            self.database.start()
            waits.append(self.database.wait)
        self.save()
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(wait) for wait in waits]:
                future.result()

    def _choose_ports(self, *names: str) -> None:
        """Ports for the named parts: those they had before, if they are still free."""
        for name in names:
            if not ports.is_free(self.state.ports.get(name, 0)) or name not in self.state.ports:
                self.state.ports.pop(name, None)
                self.state.ports[name] = self.choose_port(name)

    def choose_port(self, name: str) -> int:
        """A free port for ``name`` that nothing else here has."""
        return ports.choose(f"{self.space.root}/{name}", set(self.state.ports.values()))

    def down(self) -> None:
        """Stop all that runs here, services first; the data stay."""
        with self._locked():
            services = [name for name in self.state.daemons if name not in PARTS]
            stop_all([self.state.daemons[name] for name in services], grace=15)
            stop_all([self.state.daemons[name] for name in PARTS[:1] + PARTS[2:] if name in self.state.daemons], 30)
            stop_all([self.state.daemons[name] for name in ("epmd",) if name in self.state.daemons], 2)
            self.state.daemons.clear()
            self.state.amqp_uri = self.state.mongo_uri = None
            self.state.kept = False
            self.save()

    def release(self) -> None:
        """Stop all that runs here, unless somebody asked for it to be kept: then only the services."""
        if not self.state.kept:
            self.down()
            return
        with self._locked():
            services = [name for name in self.state.daemons if name not in PARTS]
            stop_all([self.state.daemons.pop(name) for name in services], grace=15)
            self.save()

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(self, *_: object) -> None:
        self.release()

    def status(self) -> dict[str, str]:
        """What there is, by name: how it does and where it is found. Holds no passwords."""
        found = {}
        for part, uri, port in (("rabbitmq", self.state.amqp_uri, "amqp"), ("mongod", self.state.mongo_uri, "mongod")):
            if uri:
                found[part] = f"given, at {urlsplit(uri).hostname}"
            elif self.state.is_running(part):
                found[part] = f"running, at 127.0.0.1:{self.state.ports[port]}"
            else:
                found[part] = "stopped"
        for name, daemon in self.state.daemons.items():
            if name not in PARTS:
                where = f", health at 127.0.0.1:{self.state.ports[name]}" if name in self.state.ports else ""
                found[name] = f"running{where}" if daemon.is_alive() else "ended"
        return found

    @property
    def is_ours(self) -> bool:
        """Whether both were started here, so that they may be restarted and given accounts and virtual hosts."""
        return self.state.amqp_uri is None and self.state.mongo_uri is None

    def amqp_uri(self, account: str = LAUNCHER, vhost: str = topology.VHOST) -> str:
        """Where ``account`` (a service, ``operator``, or ``launcher`` which may do all) reaches the broker."""
        return self.state.amqp_uri or self.broker.uri(account, vhost)

    def mongo_uri(self, database: str, account: str = LAUNCHER) -> str:
        """Where ``account`` (a service, or ``launcher`` which may do all) reaches ``database``."""
        if self.state.mongo_uri:
            return urlsplit(self.state.mongo_uri)._replace(path=f"/{database}").geturl()
        return self.database.uri(database, account)

    def environment(self, service: str) -> dict[str, str]:
        """The settings (see ``shared.config``) of ``service``, or of the ``operator``; without ports and clock."""
        settings = {
            "AMQP_URI": self.amqp_uri(service),
            "TOKEN_PUBLIC_KEY_FILE": str(self.secrets.token_public_key),
            "HEALTH_HOST": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1",
        }
        if service in topology.SERVICES and service != "gateway":
            settings["MONGO_URI"] = self.mongo_uri(service, service)
        if service == "gateway":
            settings["TOKEN_PRIVATE_KEY_FILE"] = str(self.secrets.token_private_key)
            settings["ORGANIZER_PASSWORD_FILE"] = str(self.secrets.organizer_password)
        if service == "integrations" and self.state.amqp_uri is None:
            settings["BROKER_ADMIN_URI"] = self.broker.management_uri(topology.ACCOUNTS_ADMIN)
        if service == "registration":
            settings["ACCESS_CODE_KEY_FILE"] = str(self.secrets.access_code_key)
        if service == "integrations":
            settings["WEBHOOK_KEY_FILE"] = str(self.secrets.webhook_key)
        return settings

    @property
    def organizer_password(self) -> str:
        """The organizer's password at the gateway."""
        return self.secrets.organizer_password.read_text(encoding="utf-8").strip()

    def add_vhost(self, vhost: str) -> None:
        """Create an empty virtual host with the product's accounts and rights: see :meth:`amqp_uri`."""
        self._ours()
        self.broker.add_vhost(vhost)

    def restart_broker(self, kill: bool = False) -> None:
        """Stop the broker (``kill``: at once) and start it again at the same place; returns when it is ready."""
        self._ours()
        with self._locked(anew=False):
            self.broker.stop(kill)
            self.broker.start()
            self.save()
            self.broker.wait()

    def restart_database(self, kill: bool = False) -> None:
        """Stop the database (``kill``: at once) and start it again at the same place; returns when it is ready."""
        self._ours()
        with self._locked(anew=False):
            self.database.stop(kill)
            self.database.start()
            self.save()
            self.database.wait()

    def step_down_database(self, seconds: int = 1) -> None:
        """Have the primary step down: connections are cut, and for ``seconds`` there is no primary."""
        self._ours()
        self.database.step_down(seconds)

    def _ours(self) -> None:
        if not self.is_ours:
            raise LaunchError("AMQP_URI or MONGO_URI is given: what was not started here is not touched; unset them")

    def save(self) -> None:
        """Write down what runs."""
        with self._saving:
            self.state.write(self.space.state)

    @contextmanager
    def _locked(self, anew: bool = True) -> Iterator[None]:
        """Keep other commands on this folder waiting; with ``anew``, see what they have done."""
        self.space.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.space.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if anew:
                self.state = State.read(self.space.state)
                self._bind()
            yield


def sweep(folder: Path) -> None:
    """End and remove what test runs left in ``folder`` (``test-<their pid>…``) that were killed themselves."""
    for each in folder.glob("test-*"):
        if not Path("/proc", each.name.split("-")[1]).exists():
            Infrastructure(each).down()
            shutil.rmtree(each, ignore_errors=True)


def stop_all(daemons: list[Daemon], grace: float) -> None:
    """Stop several processes at the same time."""
    if daemons:
        with ThreadPoolExecutor(len(daemons)) as pool:
            list(pool.map(lambda each: each.stop(grace), daemons))
