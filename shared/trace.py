"""Where a change came from: the request that began it, carried through every message."""

import secrets
from dataclasses import dataclass

from shared.ids import new_id


def next_traceparent(traceparent: str) -> str:
    """A new parent id under the same trace id."""
    version, trace_id, _, flags = traceparent.split("-", 3)
    return f"{version}-{trace_id}-{secrets.token_hex(8)}-{flags}"


@dataclass(frozen=True, slots=True)
class Trace:
    """The correlation id of the first request and the W3C ``traceparent`` of the step at hand."""

    correlationid: str
    traceparent: str

    @classmethod
    def start(cls) -> "Trace":
        """A new trace, for a request nobody sent us a trace with."""
        return cls(new_id(), f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01")

    def child(self) -> "Trace":
        """The same trace one step further: a new parent id under the same trace id."""
        return Trace(self.correlationid, next_traceparent(self.traceparent))
