"""RabbitMQ's management API, as far as accounts need it: rows of definitions read, added and deleted.

Definitions are read and imported as a whole because that needs no figures, which are switched off, and few requests. An
import changes users, rights and exchanges; it passes over a queue that is there, whatever its arguments are.
Source: https://www.rabbitmq.com/docs/definitions, and the API's own reference at ``/api/``.
"""

import base64
import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from services.integrations.accounts.broker_account import KINDS, Rows, key_of
from shared.faults import NotYet
from shared.messages import say

#: Seconds that one request may take.
SECONDS = 4.0
NOT_FOUND = 404


class _NoRedirects(HTTPRedirectHandler):
    """The account's password goes to nobody else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class ManagementApi:
    """The API at ``uri`` (with the account in it), for one virtual host."""

    def __init__(self, uri: str, vhost: str) -> None:
        parts = urlsplit(uri)
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        port = f":{parts.port}" if parts.port else ""
        self._base = f"{parts.scheme}://{parts.hostname}{port}/api"
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
            "Content-Type": "application/json",
        }
        self.vhost = vhost
        # The broker is ours and near: no proxy of the machine's belongs in between.
        self._opener = build_opener(ProxyHandler({}), _NoRedirects)

    def rows(self) -> Rows:
        """All that the virtual host has, and all users.

        Raises:
            NotYet: the API does not answer.
        """
        document = self._call("GET", "/definitions")
        return {
            key_of(kind, row): row
            for kind in KINDS
            for row in document[kind]
            if kind == "users" or row.get("vhost") == self.vhost
        }

    def add(self, rows: Rows) -> None:
        """Make what is not there, and change what is there (but a queue)."""
        document: dict[str, list[Any]] = {}
        for (kind, *_), row in rows.items():
            document.setdefault(kind, []).append(row)
        self._call("POST", "/definitions", document)

    def delete(self, kind: str, row: dict[str, Any]) -> None:
        """Delete what a row is about. Connections of a deleted user are closed by the broker, in the same moment."""
        vhost = _quoted(self.vhost)
        if kind == "users":
            path = f"/users/{_quoted(row['name'])}"
        elif kind == "permissions":
            path = f"/permissions/{vhost}/{_quoted(row['user'])}"
        elif kind == "topic_permissions":
            path = f"/topic-permissions/{vhost}/{_quoted(row['user'])}/{_quoted(row['exchange'])}"
        elif kind == "bindings":
            # An empty key is written as a tilde in this API.
            path = (
                f"/bindings/{vhost}/e/{_quoted(row['source'])}/q/{_quoted(row['destination'])}"
                f"/{_quoted(self._properties_key(row))}"
            )
        else:
            path = f"/{kind}/{vhost}/{_quoted(row['name'])}"
        self._call("DELETE", path)

    def close_connections(self, user: str) -> None:
        """Close all connections of a user: what they were allowed is remembered by them."""
        self._call("DELETE", f"/connections/username/{_quoted(user)}")

    def _properties_key(self, row: dict[str, Any]) -> str:
        """The API's own name of a binding, which depends on its arguments."""
        found = self._call(
            "GET",
            f"/bindings/{_quoted(self.vhost)}/e/{_quoted(row['source'])}/q/{_quoted(row['destination'])}",
        )
        for each in found or ():
            if each["routing_key"] == row["routing_key"]:
                return str(each["properties_key"])
        return row["routing_key"] or "~"

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._base + path, data, self._headers, method=method)  # noqa: S310 - the operator's setting
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                content = answer.read()
        except HTTPError as error:
            if error.code == NOT_FOUND and method != "POST":
                return None
            said = error.read(1000).decode(errors="replace")
            raise NotYet(
                say("the broker refuses to change accounts ({status}); see the log of integrations", status=error.code)
            ) from BrokerRefuses(f"{method} {path}: {error.code} {said}")
        except (URLError, OSError, HTTPException) as error:
            raise NotYet(say("the broker's management API does not answer; try again in a moment")) from error
        return json.loads(content) if content else None


class BrokerRefuses(Exception):
    """What the management API said."""


def _quoted(text: str) -> str:
    return quote(text, safe="")
