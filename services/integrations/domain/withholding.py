"""What an earlier release still told, and what nobody outside may know by now: it does not come into the log.

While two releases work side by side, the older one publishes fields that the catalogue says are withheld. Who is bound
to the exchange hears them then; who reads later must not.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from shared.events.catalogue import TYPES
from shared.events.composites import event_fields

#: Full type -> its fields that carry nothing any more.
_WITHHELD: Final[Mapping[str, tuple[str, ...]]] = {
    name: fields
    for name, kind in TYPES.items()
    if (fields := tuple(field for field, each in event_fields(kind.data).items() if each.withheld))
}


def without_withheld(event_type: str, body: bytes, data: Mapping[str, Any]) -> tuple[bytes, Mapping[str, Any]]:
    """An event of the full type without what is withheld: its body, and its data.

    Lists and objects are empty then, other values absent. What has nothing of the kind is left as it is, byte for byte.
    """
    told = [name for name in _WITHHELD.get(event_type, ()) if data.get(name)]
    if not told:
        return body, data
    document = orjson.loads(body)
    for name in told:
        value = document["data"].pop(name)
        if isinstance(value, list | dict):
            document["data"][name] = type(value)()
    return orjson.dumps(document), document["data"]
