"""What the sender of webhooks shows at ``/metrics``."""

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter("speedmentor_webhook_attempts_total", "Requests to receivers of webhooks", ["outcome"])
SECONDS = Histogram(
    "speedmentor_webhook_seconds",
    "Real seconds of a request to a receiver of webhooks",
    buckets=(0.03, 0.1, 0.3, 1, 3, 10, 15),
)
GIVEN_UP = Counter("speedmentor_webhook_given_up_total", "Events given up after all attempts to deliver them")
NOT_KEPT = Counter("speedmentor_webhook_not_kept_total", "Events that were gone from the log before they were sent")
DISABLED = Counter("speedmentor_webhook_disabled_total", "Endpoints that the sender disabled", ["reason"])
ENDPOINTS = Gauge("speedmentor_webhook_endpoints", "Endpoints by state", ["state"])
