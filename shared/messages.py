"""Text for people, kept apart from its values so that it can be said in any language.

A :class:`Message` is an English template with named fields. Who shows it to a person (the gateway, the
command line) looks the template up with gettext and fills the fields in afterwards; logs and tests use the
English.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Message:
    """A translatable template and the values that go into it."""

    msgid: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.msgid.format(**self.params) if self.params else self.msgid

    def to_document(self) -> dict[str, Any]:
        """The message as JSON, for the way between two processes."""
        return {"msgid": self.msgid, "params": dict(self.params)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Message":
        """The inverse of :meth:`to_document`."""
        return cls(document["msgid"], document.get("params", {}))


def say(msgid: str, /, **params: Any) -> Message:
    """Mark ``msgid`` for translation (the keyword gettext extraction looks for) and hold its values."""
    return Message(msgid, params)
