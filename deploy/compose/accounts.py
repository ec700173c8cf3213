"""Who may log in to broker and database, and what each may do there: rows for the definitions and for MongoDB."""

import base64
import hashlib
import secrets as random
from collections.abc import Callable
from typing import Any

from shared.messaging import topology

#: May do everything, for setting up and for trouble; no service has its password.
ADMINISTRATOR = "administrator"

#: Broker users with the rights that the topology gives them.
BROKER_USERS = (*topology.SERVICES, "operator", topology.ACCOUNTS_ADMIN)

#: Those of them that may make others; see docs/decisions/0094.
ADMINISTRATORS = (ADMINISTRATOR, topology.ACCOUNTS_ADMIN)

#: Services that keep something: each has the database of its own name.
DATABASE_USERS = tuple(name for name in topology.SERVICES if name != "gateway")


def definitions(password: Callable[[str], str]) -> dict[str, Any]:
    """RabbitMQ's definitions: the topology, the users with their passwords' hashes, and their rights."""
    document = topology.definitions()
    document["users"] = [
        {
            "name": name,
            "password_hash": hashed(password(name)),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": ["administrator"] if name in ADMINISTRATORS else [],
        }
        for name in (*BROKER_USERS, ADMINISTRATOR)
    ]
    document["vhosts"] = [{"name": topology.VHOST}]
    rights = {name: topology.permissions(name) for name in BROKER_USERS} | {ADMINISTRATOR: (".*", ".*", ".*")}
    document["permissions"] = [
        {"user": name, "vhost": topology.VHOST, "configure": configure, "write": write, "read": read}
        for name, (configure, write, read) in rights.items()
    ]
    document["topic_permissions"] = topology.topic_rights(BROKER_USERS)
    return document


def hashed(password: str) -> str:
    """RabbitMQ's salted hash of a password: https://www.rabbitmq.com/docs/passwords."""
    salt = random.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
