"""``python -m deploy.compose.database MEMBER …``: found the replica set, and give every service its account.

Runs once in a container that shares the network of the first member, before the services start: while a database
has no account, it lets callers from its own machine, and nobody else, make the first one. What is there stays;
passwords are set to those given, so that changed secrets take effect.

Settings: ``REPLICA_SET``, ``DATABASE_PASSWORDS_FILE`` (JSON, by account) and, with TLS, ``DATABASE_OPTIONS`` for the
URI. Members are ``host:port``; there may be one, or an odd number.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.compose.accounts import ADMINISTRATOR, DATABASE_USERS

#: Seconds until the database must take writes, on a slow machine.
PATIENCE = 180.0

_AUTHENTICATION_FAILED, _ALREADY_INITIALIZED = 18, 23

Client = MongoClient[dict[str, Any]]


class SetUp:
    """Brings one replica set to where the services find it."""

    def __init__(self, members: Sequence[str], name: str, passwords: dict[str, str], options: str = "") -> None:
        self._members = members
        self._name = name
        self._passwords = passwords
        self._options = options
        self._deadline = time.monotonic() + PATIENCE

    def run(self) -> None:
        """Do all of it.

        Raises:
            TimeoutError: the database does not get there in time.
            OperationFailure: it refuses; the wrong secrets, mostly.
        """
        with self._nearest() as nobody:
            self._until(lambda: nobody.admin.command("ping")["ok"], "the database answers")
            if not self._may_log_in():
                self._found(nobody)
                self._until(lambda: nobody.admin.command("hello")["isWritablePrimary"], "the first member is primary")
                self._create(nobody, ADMINISTRATOR, [{"role": "root", "db": "admin"}])
        with self._all() as administrator:
            self._until(lambda: administrator.admin.command("ping")["ok"], "the replica set has a primary")
            self._add_members(administrator)
            known = {each["user"] for each in administrator.admin.command("usersInfo")["users"]}
            for name in DATABASE_USERS:
                roles = [{"role": "readWrite", "db": name}]
                if name in known:
                    administrator.admin.command("updateUser", name, pwd=self._passwords[name], roles=roles)
                else:
                    self._create(administrator, name, roles)

    def _nearest(self, account: str | None = None) -> Client:
        login: dict[str, Any] = {"username": account, "password": self._passwords[account]} if account else {}
        uri = f"mongodb://127.0.0.1:27017/?directConnection=true{self._options}"
        return MongoClient(uri, serverSelectionTimeoutMS=2_000, connectTimeoutMS=2_000, **login)

    def _all(self) -> Client:
        # Members that are not in the set yet say so, and are left out by the driver.
        uri = f"mongodb://{','.join(self._members)}/?replicaSet={self._name}{self._options}"
        return MongoClient(
            uri, username=ADMINISTRATOR, password=self._passwords[ADMINISTRATOR], serverSelectionTimeoutMS=2_000
        )

    def _found(self, nobody: Client) -> None:
        """A set of the first member alone: accounts can be made where it, and no other, is primary."""
        document = {"_id": self._name, "members": [{"_id": 0, "host": self._members[0]}]}

        def initiate() -> bool:
            try:
                nobody.admin.command("replSetInitiate", document)
            except OperationFailure as error:
                return error.code == _ALREADY_INITIALIZED
            return True

        self._until(initiate, "the replica set is founded")

    def _add_members(self, administrator: Client) -> None:
        """Add the other members, one by one, as the database wants it, and wait until all have the data."""
        for host in self._members:

            def is_in(host: str = host) -> bool:
                document = administrator.admin.command("replSetGetConfig")["config"]
                if any(each["host"] == host for each in document["members"]):
                    return True
                number = max(each["_id"] for each in document["members"]) + 1
                document["members"].append({"_id": number, "host": host})
                document["version"] += 1
                administrator.admin.command("replSetReconfig", document)
                return True

            self._until(is_in, f"{host} is a member")

        def are_well() -> bool:
            states = [each["stateStr"] for each in administrator.admin.command("replSetGetStatus")["members"]]
            return states.count("PRIMARY") == 1 and states.count("SECONDARY") == len(self._members) - 1

        self._until(are_well, "all members have the data")

    def _may_log_in(self) -> bool:
        try:
            with self._nearest(ADMINISTRATOR) as administrator:
                return bool(administrator.admin.command("ping")["ok"])
        except OperationFailure as error:
            if error.code == _AUTHENTICATION_FAILED:
                return False
            raise

    def _create(self, client: Client, name: str, roles: list[dict[str, str]]) -> None:
        client.admin.command("createUser", name, pwd=self._passwords[name], roles=roles)

    def _until(self, condition: Any, what: str) -> None:
        seen: object = None
        while time.monotonic() < self._deadline:
            try:
                if condition():
                    return
            except PyMongoError as error:
                seen = error
            time.sleep(0.3)
        raise TimeoutError(f"not within {PATIENCE:g} s: {what}; last seen: {seen}")


def main(members: Sequence[str]) -> int:
    """Set up and return the exit status."""
    passwords = json.loads(Path(os.environ["DATABASE_PASSWORDS_FILE"]).read_text(encoding="utf-8"))
    options = os.environ.get("DATABASE_OPTIONS", "")
    try:
        SetUp(members, os.environ.get("REPLICA_SET", "rs0"), passwords, f"&{options}" if options else "").run()
    except (TimeoutError, PyMongoError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"the replica set of {', '.join(members)} is ready, with an account for each service")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
