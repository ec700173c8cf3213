"""Ids: opaque strings that sort by the time they were made."""

import uuid_utils


def new_id() -> str:
    """A fresh UUIDv7 (RFC 9562) as 36 lower-case characters.

    Ids made in one process sort in the order they were made, so an index on them grows at its end.
    """
    return str(uuid_utils.uuid7())
