"""The gateway as a nameko service: an HTTP server, a listener for the live channel, and no entry points of RPC."""

from services.gateway.runtime import GatewayHealth
from services.gateway.web.server import HttpServer


class Gateway:
    """Turns HTTP into calls of the services, and their events into streams for screens."""

    name = "gateway"

    http = HttpServer()
    health = GatewayHealth()
