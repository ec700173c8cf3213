"""A receiver of webhooks on a port of this machine: real HTTP, and every bad habit that receivers have."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

#: Writes the answer to a request, or does not.
Answer = Callable[["Request", socket.socket], None]


@dataclass(frozen=True)
class Request:
    """What arrived."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The event in it."""
        return orjson.loads(self.body)

    @property
    def id(self) -> str:
        """The id of the event."""
        return self.headers["webhook-id"]


def status(code: int, *headers: str, body: bytes = b"") -> Answer:
    """Answer with a status."""

    def answer(_request: Request, connection: socket.socket) -> None:
        lines = [f"HTTP/1.1 {code} Said", f"Content-Length: {len(body)}", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)

    return answer


@dataclass
class Receiver:
    """One receiver; ``answer`` may be changed at any time, and decides by the request."""

    port: int = 0
    answer: Answer = field(default_factory=lambda: status(204))
    requests: list[Request] = field(default_factory=list)
    #: Requests in hand now, and the most there were at once, by subject of the event.
    in_hand: dict[str, int] = field(default_factory=dict)
    most_at_once: dict[str, int] = field(default_factory=dict)
    #: Set at the end: what hangs goes on hanging no more.
    over: threading.Event = field(default_factory=threading.Event)
    scheme: str = "http"
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    def ids(self) -> list[str]:
        """Ids of the events that arrived, in their order, with repetitions."""
        with self._lock:
            return [each.id for each in self.requests]

    def take(self, connection: socket.socket, stay: bool = False) -> None:
        """Read one request and answer it."""
        with connection:
            request = _read(connection)
            if request is None:
                return
            subject = request.event.get("subject", "") if request.body else ""
            with self._lock:
                self.requests.append(request)
                self.in_hand[subject] = self.in_hand.get(subject, 0) + 1
                self.most_at_once[subject] = max(self.most_at_once.get(subject, 0), self.in_hand[subject])
            try:
                with suppress(OSError):
                    self.answer(request, connection)
            finally:
                with self._lock:
                    self.in_hand[subject] -= 1

    def hang(self, _request: Request, connection: socket.socket) -> None:
        """Say nothing, for as long as the other side waits."""
        self._until_it_goes(connection, lambda: None)

    def byte_by_byte(self, what: bytes, rest: bytes = b"") -> Answer:
        """Say ``what`` at once, and then a byte of ``rest`` every tenth of a second, again and again."""

        def answer(_request: Request, connection: socket.socket) -> None:
            connection.sendall(what)
            self._until_it_goes(connection, lambda: connection.sendall(rest))

        return answer

    def _until_it_goes(self, connection: socket.socket, say: Callable[[], None]) -> None:
        connection.settimeout(0.1)
        while not self.over.is_set():
            try:
                if connection.recv(1) == b"":
                    return
            except TimeoutError:
                say()


@contextmanager
def receiving(answer: Answer | None = None, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Receiver]:
    """A receiver that runs."""
    receiver = Receiver(scheme="https" if tls else "http")
    if answer is not None:
        receiver.answer = answer
    with socket.create_server(("127.0.0.1", port), backlog=64) as listener:
        receiver.port = listener.getsockname()[1]

        def accept() -> None:
            while not receiver.over.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        def serve(connection: socket.socket) -> None:
            with suppress(OSError):
                receiver.take(tls.wrap_socket(connection, server_side=True) if tls else connection)

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield receiver
        finally:
            receiver.over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _read(connection: socket.socket) -> Request | None:
    stream = connection.makefile("rb")
    line = stream.readline().decode().rstrip()
    if not line:
        return None
    headers = {}
    while (header := stream.readline().decode().rstrip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line, headers, stream.read(int(headers.get("content-length", 0))))
