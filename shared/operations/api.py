"""A client of the gateway's HTTP API that outlives restarts of what it talks to.

What fails for a passing reason (no connection, a service that restarts) is tried again, under the same
``Idempotency-Key``, so that whatever happened to the first try there is one effect.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

import requests

from shared.ids import new_id

#: Answers that say: not now.
PASSING = frozenset({429, 502, 503, 504})

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


class Refused(Exception):
    """The API said no, and will again: ``status`` and the problem document (RFC 9457) say why."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail') or problem.get('title') or 'no reason given'}")
        self.status = status
        self.problem = dict(problem)


class Unreachable(Exception):
    """The API did not answer within the patience of the client; the text has what was last seen."""


class NotServed(Unreachable):
    """The API was there, and said to the end that it cannot at the moment, or nothing in time; the text has which."""


class Api:
    """The API at ``url`` (of the gateway, without ``/api/v1``) for one person; may be shared by threads.

    Args:
        url: where the gateway is.
        token: who asks; without one only logging in is possible.
        patience: seconds to go on trying one call.
        language: the language of what is said about faults.
    """

    def __init__(self, url: str, token: str | None = None, patience: float = 30.0, language: str = "en") -> None:
        self.url = url.rstrip("/")
        self.patience = patience
        self._token = token
        self._language = language
        self._local = threading.local()

    def log_in(self, **credentials: str) -> "Api":
        """The same API for who has these credentials (``password`` or ``access_code``)."""
        found = self.post("/log-in", credentials)
        return Api(self.url, found["token"], self.patience, self._language)

    def with_patience(self, patience: float) -> "Api":
        """The same API, asked with another patience."""
        return Api(self.url, self._token, patience, self._language)

    def get(self, path: str, **params: Any) -> Any:
        """Read ``path``."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Any = None) -> Any:
        """Create, or command."""
        return self.call("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        """Say how ``path`` is to be from now on."""
        return self.call("PUT", path, body)

    def call(self, method: str, path: str, body: Any = None, params: Mapping[str, Any] | None = None) -> Any:
        """Call ``path`` (below ``/api/v1``) until it is answered for good; returns the answer's JSON.

        Raises:
            Refused: the answer is no.
            NotServed: the answer was "not now" to the end, or did not come in time.
            Unreachable: nobody is there.
        """
        headers = self._headers({} if method == "GET" else {"Idempotency-Key": new_id()})
        deadline = time.monotonic() + self.patience
        pause = _FIRST_PAUSE
        while True:
            wait, failure = pause, Unreachable
            try:
                answer = self._session().request(
                    method,
                    f"{self.url}/api/v1{path}",
                    json={} if body is None and method == "POST" else body,
                    params=dict(params or {}),
                    headers=headers,
                    timeout=max(1.0, min(15.0, deadline - time.monotonic())),
                )
                if answer.status_code not in PASSING:
                    return _read(answer)
                seen, failure = f"{answer.status_code}: {_document(answer).get('detail', answer.reason)}", NotServed
                if answer.status_code == 429:
                    wait = float(answer.headers.get("Retry-After", pause))
            except requests.ReadTimeout:
                # It took the request; whoever it asked is away, say.
                seen, failure = "no answer to the request in time", NotServed
                self._local.session = None
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                seen = type(error).__name__
                self._local.session = None
            if time.monotonic() + wait > deadline:
                raise failure(f"{method} {path}: no answer within {self.patience:g} s; last seen: {seen}")
            time.sleep(wait)
            pause = min(_LONGEST_PAUSE, pause * 2)

    def stream(self, path: str, last_event_id: str | None = None, read_timeout: float = 30.0) -> requests.Response:
        """An open stream of server-sent events; the caller closes it.

        Raises:
            requests.RequestException: it cannot be had now.
        """
        resume = {"Last-Event-ID": last_event_id} if last_event_id else {}
        answer = requests.get(
            f"{self.url}/api/v1{path}",
            headers=self._headers({"Accept": "text/event-stream", **resume}),
            stream=True,
            timeout=(5, read_timeout),
        )
        answer.raise_for_status()
        return answer

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        who = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return {"Accept-Language": self._language, **who, **more}

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            # The gateway is ours and near: no proxy of the machine's belongs in between.
            session.trust_env = False
        return session


def _read(answer: requests.Response) -> Any:
    if answer.status_code >= 400:
        raise Refused(answer.status_code, _document(answer))
    return answer.json() if answer.content else None


def _document(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
