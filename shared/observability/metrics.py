"""The figures every service shows at ``/metrics``, in Prometheus' text format."""

from prometheus_client import Counter, Gauge, Histogram

OUTBOX_PUBLISHED = Counter("speedmentor_outbox_published_total", "Events confirmed by the broker")
OUTBOX_UNROUTABLE = Counter("speedmentor_outbox_unroutable_total", "Events nobody had subscribed to")
OUTBOX_PENDING = Gauge("speedmentor_outbox_pending", "Events committed and not yet confirmed by the broker")
EVENTS_HANDLED = Counter("speedmentor_events_handled_total", "Events that had their effect", ["queue"])
EVENTS_REPEATED = Counter("speedmentor_events_repeated_total", "Events that had had their effect before", ["queue"])
EVENTS_RETRIED = Counter("speedmentor_events_retried_total", "Failed attempts that will be repeated", ["queue"])
EVENTS_DEAD = Counter("speedmentor_events_dead_total", "Events moved to the dead letters", ["queue", "reason"])
BATCH_SECONDS = Histogram(
    "speedmentor_batch_seconds",
    "Real seconds from taking a batch to its acknowledgement",
    ["queue"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
RPC_SECONDS = Histogram("speedmentor_rpc_seconds", "Real seconds of an RPC call in the service", ["method", "outcome"])
