"""A private MongoDB: a replica set of one with accounts, on the loopback interface only."""

import contextlib
import os
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.errors import LaunchError, tail
from deploy.local.machine import installing
from deploy.local.machine.daemon import Daemon
from deploy.local.secrets import Secrets
from deploy.local.space import Space
from deploy.local.state import State
from deploy.local.waiting import eventually
from shared.messaging.topology import SERVICES

#: The account that may do everything: for the launcher itself and for tests, not for services.
LAUNCHER = "launcher"

REPLICA_SET = "rs0"

#: Seconds until a database that does not answer is given up; a slow disk can take long to sync.
PATIENCE = 90

#: Services that keep something. Each account reaches the database of its own name and no other.
OWNERS = tuple(name for name in SERVICES if name != "gateway")

_AUTHENTICATION_FAILED = 18
_ALREADY_INITIALIZED = 23


class Database:
    """mongod in the folder of ``space``."""

    def __init__(self, space: Space, secrets: Secrets, state: State) -> None:
        self._space = space
        self._secrets = secrets
        self._state = state

    @property
    def _host(self) -> str:
        return f"127.0.0.1:{self._state.ports['mongod']}"

    def uri(self, database: str, account: str = LAUNCHER) -> str:
        """Where ``account`` finds ``database``."""
        password = self._secrets.password(account)
        return f"mongodb://{account}:{password}@{self._host}/{database}?replicaSet={REPLICA_SET}&authSource=admin"

    def start(self) -> None:
        """Start the database; returns before it answers."""
        self._space.database.mkdir(parents=True, exist_ok=True)
        command = [
            installing.mongod(),
            *("--dbpath", str(self._space.database), "--bind_ip", "127.0.0.1"),
            *("--port", str(self._state.ports["mongod"]), "--nounixsocket"),
            *("--replSet", REPLICA_SET, "--keyFile", str(self._secrets.database_key)),
            *("--oplogSize", "256", "--wiredTigerCacheSizeGB", "0.5"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # What a killed process had begun holds its locks so long; the server's own default is a minute.
            *("--setParameter", "transactionLifetimeLimitSeconds=10"),
            # No other member takes over, so there is nothing to wait for.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
            *("--slowms", "500", "--quiet"),
        ]
        environ = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._space.root), "LANG": "C.UTF-8"}
        self._state.daemons["mongod"] = Daemon.start(
            command, environ, self._space.log("mongod"), self._space.root, fresh_log=True
        )

    def wait(self) -> None:
        """Wait until the database takes writes, with its replica set and accounts made if they are missing.

        Raises:
            LaunchError: it does not; the text has the end of its log.
        """
        try:
            with self._client() as anybody:
                eventually(lambda: self._answers(anybody), PATIENCE, "MongoDB takes connections")
                self._found(anybody)
                eventually(lambda: self._is_primary(anybody), PATIENCE, "MongoDB takes writes", pause=0.02)
                self._add_accounts(anybody)
        except (TimeoutError, PyMongoError) as error:
            raise LaunchError(f"MongoDB does not start: {error}\n{tail(self._space.log('mongod'))}") from error

    def stop(self, kill: bool = False) -> None:
        """Stop the database; ``kill`` gives it no time to tidy up."""
        daemon = self._state.daemons.get("mongod")
        if daemon is not None:
            daemon.kill() if kill else daemon.stop(grace=30)

    def step_down(self, seconds: int = 1) -> None:
        """Have the primary step down, so that every connection is cut and no write is taken for ``seconds``."""
        # Connections may be cut before the answer is out.
        with self._client(LAUNCHER) as client, contextlib.suppress(PyMongoError):
            client.admin.command({"replSetStepDown": seconds, "secondaryCatchUpPeriodSecs": 0, "force": True})

    def _client(self, account: str | None = None) -> MongoClient[dict[str, Any]]:
        login: dict[str, Any] = {"username": account, "password": self._secrets.password(account)} if account else {}
        return MongoClient(
            self._host, directConnection=True, serverSelectionTimeoutMS=2_000, connectTimeoutMS=2_000, **login
        )

    def _answers(self, client: MongoClient[dict[str, Any]]) -> bool:
        if not self._state.is_running("mongod"):
            raise LaunchError(f"MongoDB ended while starting:\n{tail(self._space.log('mongod'))}")
        try:
            return bool(client.admin.command("ping")["ok"])
        except PyMongoError:
            return False

    def _found(self, anybody: MongoClient[dict[str, Any]]) -> None:
        """Make the replica set, or tell it that its port is another one now."""
        members = [{"_id": 0, "host": self._host}]
        hello = anybody.admin.command("hello")
        if hello.get("isreplicaset") and not self._has_accounts():
            # Nobody has an account yet: then, and only from the same machine, the server lets anybody do this.
            try:
                anybody.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
            except OperationFailure as error:
                if error.code != _ALREADY_INITIALIZED:
                    raise
        elif hello.get("setName") is None or hello.get("me") != self._host:
            with self._client(LAUNCHER) as launcher:
                document = launcher["local"]["system.replset"].find_one() or {}
                if document.get("members", [{}])[0].get("host") != self._host:
                    document["members"][0]["host"] = self._host
                    document["version"] += 1
                    launcher.admin.command("replSetReconfig", document, force=True)

    def _has_accounts(self) -> bool:
        try:
            with self._client(LAUNCHER) as launcher:
                return bool(launcher.admin.command("ping")["ok"])
        except OperationFailure as error:
            if error.code == _AUTHENTICATION_FAILED:
                return False
            raise

    @staticmethod
    def _is_primary(client: MongoClient[dict[str, Any]]) -> bool:
        return bool(client.admin.command("hello")["isWritablePrimary"])

    def _add_accounts(self, anybody: MongoClient[dict[str, Any]]) -> None:
        if not self._has_accounts():
            self._add_account(anybody, LAUNCHER, "root", "admin")
        with self._client(LAUNCHER) as launcher:
            known = {each["user"] for each in launcher.admin.command("usersInfo")["users"]}
            for name in OWNERS:
                if name not in known:
                    self._add_account(launcher, name, "readWrite", name)

    def _add_account(self, client: MongoClient[dict[str, Any]], name: str, role: str, database: str) -> None:
        client.admin.command(
            "createUser",
            name,
            pwd=self._secrets.password(name),
            roles=[{"role": role, "db": database}],
            mechanisms=["SCRAM-SHA-256"],
        )
