"""One request to a receiver: its name resolved once, every address judged, the connection made to a judged one.

Bounded in time as a whole, whatever the receiver does meanwhile, and in what is read of the answer. A redirect is not
followed, and no proxy of the environment is used.
"""

import os
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from threading import Lock, Thread
from typing import Any, Final

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from services.integrations.domain.addresses import Allowed, Target, refusal, target_of
from services.integrations.domain.retrying import Outcome, parse_retry_after
from shared.clock import monotonic, wall_clock
from shared.faults import Invalid

#: Seconds for a whole request: the name, the connection, sending, and the answer to its end.
DEADLINE: Final = 15.0
#: Seconds for one attempt to connect, so that an address that is dead leaves time for the next.
CONNECTING: Final = 4.0
#: Addresses of one name that are tried.
MOST_ADDRESSES: Final = 4
#: Bytes of an answer's body that are read. Nothing in it matters.
LARGEST_ANSWER: Final = 65_536

#: Gives the addresses of a host, as :func:`socket.getaddrinfo` does.
Resolve = Callable[..., list[Any]]


class Client:
    """Sends requests; may be shared by threads.

    Args:
        allowed: what the operator allows although it is not on the internet.
        deadline: seconds for a whole request.
        resolve: how names are resolved.
        now: the real time, by which a date in ``Retry-After`` is read.
    """

    def __init__(
        self,
        allowed: Allowed,
        deadline: float = DEADLINE,
        resolve: Resolve | None = None,
        now: Callable[[], datetime] = wall_clock,
    ) -> None:
        self.deadline = deadline
        self._allowed = allowed
        self._resolve = resolve or socket.getaddrinfo
        self._now = now
        # Loading them takes some tens of milliseconds of processor, so it is done once. SSL_CERT_FILE adds others.
        self._tls = ssl.create_default_context()
        self._tls.load_verify_locations(certifi.where())

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send ``body`` to ``url``; whatever goes wrong is in the outcome."""
        began = monotonic()
        attempt = _Attempt(url, headers, body, self._allowed, self._tls, self._resolve, began + self.deadline)
        # A socket's own time-out begins anew with every byte, so it is the thread that is waited for.
        thread = Thread(target=attempt.run, name="webhook request", daemon=True)
        thread.start()
        thread.join(self.deadline)
        seen = attempt.end()
        wait = parse_retry_after(seen.retry_after, self._now())
        return Outcome(seen.status, seen.failure, wait, round(monotonic() - began, 3))


@dataclass(frozen=True)
class _Seen:
    """What is known of a request. Before anything is, the time is over."""

    status: int | None = None
    failure: str | None = "timeout"
    retry_after: str | None = None


class _Refused(Exception):
    """One of the host's addresses is not to be sent to."""


class _Attempt:
    """One request, run by a thread of its own and ended by another."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        allowed: Allowed,
        tls: ssl.SSLContext,
        resolve: Resolve,
        ends_at: float,
    ) -> None:
        self._url = url
        self._headers = headers
        self._body = body
        self._allowed = allowed
        self._tls = tls
        self._resolve = resolve
        self._ends_at = ends_at
        self._lock = Lock()
        self._seen = _Seen()
        self._over = False
        #: The connection's file under a second number, which stays good when TLS takes the first one over.
        self._twin: socket.socket | None = None

    def run(self) -> None:
        """Make the request and note what comes of it."""
        try:
            self._request()
        except (Invalid, _Refused):
            self._note(_Seen(failure="address"))
        except socket.gaierror:
            self._note(_Seen(failure="name"))
        except ssl.SSLError:
            self._note(_Seen(failure="tls"))
        except TimeoutError:
            self._note(_Seen(failure="timeout"))
        except OSError:
            self._note(_Seen(failure="connection"))
        except (HTTPException, HTTPError, ValueError):
            # What came is no answer of HTTP.
            self._note(_Seen(failure="answer"))
        finally:
            self.end()

    def end(self) -> _Seen:
        """End the request, if it still goes on, and return what is known of it."""
        with self._lock:
            self._over = True
            twin, self._twin = self._twin, None
        if twin is not None:
            # Whoever reads from the connection finds its end.
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)
            twin.close()
        return self._seen

    def _note(self, seen: _Seen) -> None:
        with self._lock:
            # The status decides; that a body breaks off after it changes nothing.
            if not self._over and self._seen.status is None:
                self._seen = seen

    def _request(self) -> None:
        target = target_of(self._url, self._allowed)
        found = self._addresses(target)
        connection = self._connection(target)
        connection.sock_to = lambda: self._connect(found)
        try:
            headers = {"Host": target.host_header, "Connection": "close", "Accept": "*/*", **self._headers}
            connection.request(
                "POST", target.path, body=self._body, headers=headers, preload_content=False, decode_content=False
            )
            response = connection.getresponse()
            self._note(_Seen(response.status, None, response.headers.get("Retry-After")))
            # Read to its end, if that is near, so that the receiver does not see its answer refused.
            with suppress(HTTPError, HTTPException, OSError, ValueError):
                response.read(LARGEST_ANSWER)
        finally:
            connection.close()

    def _addresses(self, target: Target) -> list[Any]:
        found = self._resolve(target.host, target.port, type=socket.SOCK_STREAM)
        for *_, address in found:
            # One that is refused is enough: a name that is ours and a stranger's is none to send to.
            if refusal(target.host, address[0], self._allowed) is not None:
                raise _Refused
        return list(dict.fromkeys((family, address) for family, *_, address in found))[:MOST_ADDRESSES]

    def _connection(self, target: Target) -> Any:
        if target.is_tls:
            return _PinnedTls(target.host, target.port, timeout=self._left(), ssl_context=self._tls)
        return _Pinned(target.host, target.port, timeout=self._left())

    def _connect(self, found: list[Any]) -> socket.socket:
        for number, (family, address) in enumerate(found, start=1):
            made = socket.socket(family, socket.SOCK_STREAM)
            try:
                made.settimeout(min(self._left(), CONNECTING))
                made.connect(address)
            except OSError:
                made.close()
                if number == len(found):
                    raise
                continue
            made.settimeout(self._left())
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._keep_twin(made)
            return made
        raise socket.gaierror(socket.EAI_NONAME, "no address")

    def _keep_twin(self, made: socket.socket) -> None:
        twin = socket.socket(made.family, made.type, fileno=os.dup(made.fileno()))
        with self._lock:
            if not self._over:
                self._twin = twin
                return
        twin.close()
        made.close()
        raise TimeoutError

    def _left(self) -> float:
        left = self._ends_at - monotonic()
        if left <= 0 or self._over:
            raise TimeoutError
        return left


class _Pinned(HTTPConnection):
    """A connection whose socket is made for it; its host is only said, and not looked up again."""

    sock_to: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.sock_to()


class _PinnedTls(HTTPSConnection):
    """The same with TLS, whose certificate must be the host's."""

    sock_to: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.sock_to()
