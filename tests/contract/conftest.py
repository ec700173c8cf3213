"""The gateway without its broker, for the documents that it serves."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.gateway.conftest import app, bearer, bus, checks, client, hub, log_ins, organizer, pauses

__all__ = ["app", "bearer", "bus", "checks", "client", "hub", "log_ins", "organizer", "pauses"]


@pytest.fixture
def today(client: FlaskClient) -> dict[str, Any]:
    """The AsyncAPI document as it is served, with events and commands."""
    return dict(json.loads(client.get("/asyncapi.json").data))
