"""The local launcher: a real RabbitMQ and a real MongoDB of this checkout's own, and the services on them."""

from deploy.local.errors import LaunchError
from deploy.local.infrastructure import Infrastructure
from deploy.local.services import Deployment
from deploy.local.space import RUN, Space
from deploy.local.state import State

__all__ = ["RUN", "Deployment", "Infrastructure", "LaunchError", "Space", "State"]
