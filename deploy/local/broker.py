"""A private RabbitMQ: own node name, port mapper, ports, data and accounts, on the loopback interface only."""

import base64
import hashlib
import json
import os
import secrets as random
import subprocess
from typing import Any
from urllib.parse import quote

from amqp import Connection
from amqp.exceptions import AMQPError

from deploy.local.errors import LaunchError, tail
from deploy.local.machine import installing
from deploy.local.machine.daemon import Daemon
from deploy.local.secrets import Secrets
from deploy.local.space import Space
from deploy.local.state import State, write_secret
from deploy.local.waiting import eventually
from shared.messaging import topology

NODE = "speedmentor@localhost"

#: The account that may do everything: for the launcher itself and for tests, not for services.
LAUNCHER = "launcher"

#: Accounts with the rights the topology gives them.
ACCOUNTS = (*topology.SERVICES, "operator", topology.ACCOUNTS_ADMIN)

#: Accounts that may make others.
ADMINISTRATORS = (LAUNCHER, topology.ACCOUNTS_ADMIN)

#: Seconds until a broker that does not answer is given up; a slow disk can take long to sync.
PATIENCE = 90

#: Schedulers that wait instead of spinning: on a small machine the services need those cores.
_ERLANG = "+sbwt none +sbwtdcpu none +sbwtdio none"


class Broker:
    """RabbitMQ in the folder of ``space``."""

    def __init__(self, space: Space, secrets: Secrets, state: State) -> None:
        self._space = space
        self._secrets = secrets
        self._state = state

    def uri(self, account: str, vhost: str = topology.VHOST) -> str:
        """Where ``account`` connects to."""
        password = self._secrets.password(account)
        return f"amqp://{account}:{password}@127.0.0.1:{self._state.ports['amqp']}/{quote(vhost, safe='')}"

    def management_uri(self, account: str) -> str:
        """Where ``account`` finds the broker's HTTP API."""
        return f"http://{account}:{self._secrets.password(account)}@127.0.0.1:{self._state.ports['management']}"

    def start(self) -> None:
        """Start port mapper and broker; returns before they answer."""
        server = installing.rabbitmq()
        self._configure()
        if not self._state.is_running("epmd"):
            # In the foreground, so that it is ours to end; a node would start one that outlives it.
            self._state.daemons["epmd"] = Daemon.start(
                [installing.epmd()], self._environ(), self._space.log("epmd"), self._space.broker
            )
        self._state.daemons["rabbitmq"] = Daemon.start(
            [str(server)], self._environ(), self._space.log("rabbitmq"), self._space.broker, fresh_log=True
        )

    def wait(self) -> None:
        """Wait until the broker takes connections, by when all of the topology is there.

        Raises:
            LaunchError: it does not; the text has the end of its log.
        """
        try:
            eventually(self._answers, PATIENCE, "RabbitMQ takes connections")
        except (TimeoutError, AMQPError) as error:
            raise LaunchError(f"RabbitMQ does not start: {error}\n{tail(self._space.log('rabbitmq'))}") from error

    def _answers(self) -> bool:
        if not self._state.is_running("rabbitmq"):
            raise LaunchError(f"RabbitMQ ended while starting:\n{tail(self._space.log('rabbitmq'))}")
        with Connection(
            f"127.0.0.1:{self._state.ports['amqp']}",
            LAUNCHER,
            self._secrets.password(LAUNCHER),
            virtual_host=topology.VHOST,
            connect_timeout=2,
        ):
            return True

    def stop(self, kill: bool = False) -> None:
        """Stop the broker, its port mapper stays; ``kill`` gives it no time to tidy up."""
        daemon = self._state.daemons.get("rabbitmq")
        if daemon is not None:
            daemon.kill() if kill else daemon.stop(grace=30)

    def control(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` on this broker; returns what it prints."""
        command = [str(installing.rabbitmq().with_name("rabbitmqctl")), "-q", *arguments]
        result = subprocess.run(command, env=self._environ(), capture_output=True, text=True, cwd=self._space.broker)
        if result.returncode:
            raise LaunchError(f"rabbitmqctl {arguments[0]} failed:\n{result.stderr or result.stdout}")
        return result.stdout

    def add_vhost(self, vhost: str) -> None:
        """Create an empty virtual host with the same accounts and rights as the product's."""
        name = _erlang(vhost)
        steps = [f"rabbit_vhost:add({name}, {_erlang(LAUNCHER)})"]
        for each in _permissions(vhost):
            user, *rights = (_erlang(each[part]) for part in ("user", "configure", "write", "read"))
            terms = ", ".join([user, name, *rights, _erlang(LAUNCHER)])
            steps.append(f"rabbit_auth_backend_internal:set_permissions({terms})")
        # One call for all: each starts a virtual machine of its own.
        self.control("eval", ", ".join(steps) + ".")

    def _configure(self) -> None:
        folder = self._space.broker
        (folder / "home").mkdir(parents=True, exist_ok=True)
        (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (folder / "advanced.config").write_text("[].\n")
        cookie = folder / "home" / ".erlang.cookie"
        if not cookie.exists():
            write_secret(cookie, random.token_hex(20))
            cookie.chmod(0o400)
        write_secret(folder / "definitions.json", json.dumps(self._definitions(), indent=1))
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self._state.ports['amqp']}\n"
            f"distribution.listener.interface = 127.0.0.1\n"
            f"load_definitions = {folder / 'definitions.json'}\n"
            "management.tcp.ip = 127.0.0.1\n"
            f"management.tcp.port = {self._state.ports['management']}\n"
            # Accounts are made by it; figures are Prometheus' business, and here they would cost memory.
            "management_agent.disable_metrics_collector = true\n"
            "log.console = true\n"
            "log.console.level = warning\n"
            "log.file = false\n"
            "disk_free_limit.absolute = 200MB\n"
            # The default of 512 MB is for servers with large disks.
            "raft.wal_max_size_bytes = 64000000\n"
        )

    def _definitions(self) -> dict[str, Any]:
        document = topology.definitions()
        document["users"] = [
            {
                "name": name,
                "password_hash": _hash(self._secrets.password(name)),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ["administrator"] if name in ADMINISTRATORS else [],
            }
            for name in (*ACCOUNTS, LAUNCHER)
        ]
        document["vhosts"] = [{"name": topology.VHOST}]
        document["permissions"] = _permissions(topology.VHOST)
        document["topic_permissions"] = topology.topic_rights(ACCOUNTS)
        return document

    def _environ(self) -> dict[str, str]:
        folder = self._space.broker
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            # Else those of the system's broker would be read.
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "no-rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self._state.ports["dist"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_ERLANG} -kernel inet_dist_use_interface {{127,0,0,1}}",
            "ERL_EPMD_PORT": str(self._state.ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": str(folder / "crash.dump"),
            # So the script becomes the broker instead of staying beside it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def _permissions(vhost: str) -> list[dict[str, str]]:
    rights = {name: topology.permissions(name) for name in ACCOUNTS} | {LAUNCHER: (".*", ".*", ".*")}
    return [
        {"user": name, "vhost": vhost, "configure": configure, "write": write, "read": read}
        for name, (configure, write, read) in rights.items()
    ]


def _hash(password: str) -> str:
    """RabbitMQ's salted hash of a password: https://www.rabbitmq.com/docs/passwords."""
    salt = random.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _erlang(text: str) -> str:
    """An Erlang binary literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'<<"{escaped}">>'
