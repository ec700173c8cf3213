"""The client of a service's own database."""

from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

Document = dict[str, Any]

#: How long a call may look for a primary before it fails, in milliseconds: longer than an election takes.
SERVER_SELECTION_MS = 10_000


def connect(uri: str, service: str) -> MongoClient[Document]:
    """A client that reads and writes with majority, so that a step-down of the primary takes nothing back."""
    return MongoClient(
        uri,
        appname=f"speedmentor-{service}",
        tz_aware=True,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        retryWrites=True,
        retryReads=True,
        serverSelectionTimeoutMS=SERVER_SELECTION_MS,
        connectTimeoutMS=5_000,
        socketTimeoutMS=60_000,
        maxPoolSize=64,
    )


def own_database(client: MongoClient[Document]) -> Database[Document]:
    """The database named in the URI: the only one the service may touch."""
    return client.get_default_database()


def is_passing(error: BaseException) -> bool:
    """Whether ``error`` tells of the database being away or busy, not of a bad request: try again later."""
    if isinstance(
        error,
        ConnectionFailure | AutoReconnect | ServerSelectionTimeoutError | WTimeoutError | ExecutionTimeout,
    ):
        return True
    if isinstance(error, OperationFailure) and error.code in _PASSING_CODES:
        return True
    return isinstance(error, PyMongoError) and (
        error.has_error_label("TransientTransactionError")
        or error.has_error_label("UnknownTransactionCommitResult")
        or error.has_error_label("RetryableWriteError")
    )


# Step-downs, shut-downs, elections and lost cursors, by the server's own error codes.
_PASSING_CODES = frozenset({6, 7, 43, 89, 91, 112, 189, 237, 262, 280, 9001, 10107, 11600, 11602, 13435, 13436})
