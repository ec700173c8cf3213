"""HTTP/1.1 as eventlet serves it, for clients that nobody knows: sending takes bounded time, framing has one meaning.

Whoever opens a connection and sends slowly, or nothing, holds a place that somebody else may need. So sending has a
deadline, and when very many connections wait for their client at the same time, the one that has waited longest is
closed. Answers, streams above all, may take as long as they like.
"""

import io
import re
import sys
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from eventlet import greenio, wsgi

#: Key in the WSGI environment: why a request cannot be told apart from what follows it.
MALFORMED = "speedmentor.malformed"
#: The same: whether its client has sent too slowly.
TIMED_OUT = "speedmentor.timed_out"

_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\r\n]*)?\r\n")
_LONGEST_LINE, _MOST_TRAILERS = 8_192, 100
_ONCE = ("content-length", "transfer-encoding", "host", "content-type", "authorization", "idempotency-key")


@dataclass(frozen=True)
class Patience:
    """How long a client may take to send, in seconds of waiting for it; what we do meanwhile does not count."""

    #: From one request to the next, and from the connection to the first.
    idle: float = 60.0
    #: From the first byte of a request to the last of its headers.
    head: float = 20.0
    #: For a body, and beyond that a second for so many bytes (32 kbit/s: a poor line of a phone).
    body: float = 20.0
    body_rate: float = 4_000.0
    #: Bytes of a body nobody wants that are read all the same, so that its sender gets to read the answer.
    unwanted: int = 21_000_000
    #: Connections that may wait for their clients at the same time.
    waiting: int = 10_000


class Waiting:
    """The connections that wait for their clients, in the order in which they began to."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sockets: OrderedDict[int, Any] = OrderedDict()

    def begin(self, connection: Any) -> None:
        """``connection`` waits from now on, if it does not do so already; if that is one too many, the oldest ends."""
        self._sockets.setdefault(id(connection), connection)
        while len(self._sockets) > self._most:
            _, oldest = self._sockets.popitem(last=False)
            greenio.shutdown_safe(oldest)

    def end(self, connection: Any) -> None:
        """``connection`` has sent what it was waited for, or is gone."""
        self._sockets.pop(id(connection), None)


class TimedReader(io.RawIOBase):
    """Reads from a connection until the time for what is read now is over; then it raises :class:`TimeoutError`."""

    def __init__(self, connection: Any, patience: Patience) -> None:
        super().__init__()
        self._connection = connection
        self._patience = patience
        self._in_body = False
        self._waited = 0.0
        self._received = 0
        self.timed_out = False

    def begin_head(self) -> None:
        """A request is to come."""
        self._in_body, self._waited, self._received = False, 0.0, 0

    def begin_body(self) -> None:
        """The headers are there; the rest is the body."""
        self._in_body, self._waited, self._received = True, 0.0, 0

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See :class:`io.RawIOBase`."""
        left = self._allowed() - self._waited
        if self.timed_out or left <= 0:
            raise self._over()
        before, begun = self._connection.gettimeout(), time.monotonic()
        self._connection.settimeout(left)
        try:
            received = self._connection.recv_into(buffer)
        except TimeoutError as error:
            raise self._over() from error
        finally:
            with suppress(OSError):
                self._connection.settimeout(before)
        # What came first ends the time in which nothing was sent.
        self._waited = self._waited + time.monotonic() - begun if self._in_body or self._received else 0.0
        self._received += received
        return int(received)

    def _allowed(self) -> float:
        if self._in_body:
            return self._patience.body + self._received / self._patience.body_rate
        return self._patience.head if self._received else self._patience.idle

    def _over(self) -> TimeoutError:
        self.timed_out = True
        return TimeoutError("the client sends too slowly")


class Body(wsgi.Input):
    """The body of a request. What nobody has read of it is passed over, within bounds; chunks are read strictly."""

    def __init__(self, made: wsgi.Input, protocol: "HttpProtocol") -> None:
        super().__init__(
            made.rfile,
            made.content_length,
            made.get_socket(),
            wfile=made.wfile,
            wfile_line=made.wfile_line,
            chunked_input=made.chunked_input,
        )
        self._protocol = protocol
        self._left_of_chunk = 0
        self._ended = False

    def discard(self, buffer_size: int = 16 << 10) -> None:
        """Pass over what is left, or have the connection closed where that is too much."""
        left = self._protocol.patience.unwanted
        while read := self.read(buffer_size):
            left -= len(read)
            if left < 0:
                self._protocol.close_connection = True
                return

    def _chunked_read(self, rfile: Any, length: int | None = None, use_readline: bool = False) -> bytes:
        # eventlet's own takes "-5", "0x5" and "1_0" for lengths, and anything for the end of a chunk.
        if self.should_send_hundred_continue:
            self.send_hundred_continue_response()
            self.is_hundred_continue_response_sent = True
        wanted = sys.maxsize if length is None or length < 0 else length
        read: list[bytes] = []
        while wanted and not self._ended:
            if not self._left_of_chunk:
                self._begin_chunk(rfile)
                continue
            most = min(wanted, self._left_of_chunk, 64 << 10)
            some = rfile.readline(most) if use_readline else rfile.read(most)
            if not some:
                raise self._broken()
            read.append(some)
            wanted -= len(some)
            self._left_of_chunk -= len(some)
            if not self._left_of_chunk and rfile.readline(3) != b"\r\n":
                raise self._broken()
            if use_readline and some.endswith(b"\n"):
                break
        return b"".join(read)

    def _begin_chunk(self, rfile: Any) -> None:
        line = rfile.readline(_LONGEST_LINE)
        found = _CHUNK.fullmatch(line)
        if not found:
            raise self._broken()
        self._left_of_chunk = int(found[1], 16)
        if not self._left_of_chunk:
            self._ended = True
            # What a sender adds at the end is of no use here.
            for _ in range(_MOST_TRAILERS):
                line = rfile.readline(_LONGEST_LINE)
                if line == b"\r\n":
                    return
                if not line.endswith(b"\r\n"):
                    break
            raise self._broken()

    def _broken(self) -> wsgi.ChunkReadError:
        self._ended = self._protocol.close_connection = True
        return wsgi.ChunkReadError("the chunks of the body are broken")


class _Lines:
    """Reads lines of headers, and notes whether one has what only serves to mislead: a CR or NUL within it."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines
        self.misleading = False

    def readline(self, size: int = -1) -> bytes:
        line: bytes = self._lines.readline(size)
        bare = line.removesuffix(b"\n").removesuffix(b"\r")
        # A line that begins with a blank continues the one before, by a rule of old (RFC 9112, 5.2).
        self.misleading |= b"\r" in bare or b"\0" in bare or bare[:1] in (b" ", b"\t")
        return line


class HttpProtocol(wsgi.HttpProtocol):
    """eventlet's, with deadlines, and strict where the length of a message is concerned (RFC 9112, 6)."""

    rfile: Any
    patience = Patience()
    waiting = Waiting(patience.waiting)

    def setup(self) -> None:
        """Read through a clock."""
        super().setup()
        self.rfile.close()
        self._timed = TimedReader(self.connection, self.patience)
        self.rfile = io.BufferedReader(self._timed)
        self._fault: str | None = None

    def handle(self) -> None:
        """Serve the connection until it ends; too slow a client ends it too."""
        with suppress(TimeoutError):
            super().handle()

    def finish(self) -> None:
        """Close the connection."""
        self.waiting.end(self.connection)
        super().finish()

    def _read_request_line(self) -> Any:
        self._timed.begin_head()
        self.waiting.begin(self.connection)
        return super()._read_request_line()

    def parse_request(self) -> bool:
        """Read the headers; false where they are so wrong that there is nothing to answer in."""
        self.rfile = lines = _Lines(self.rfile)
        if not super().parse_request():
            return False
        if self.request_version == "HTTP/0.9":
            self.send_error(505)
            return False
        self._timed.begin_body()
        self._fault = "header" if lines.misleading else self._framing_fault()
        if self._fault is not None:
            # What follows may be a body or another request: nobody can tell, so nothing of it is read.
            for name in ("content-length", "transfer-encoding"):
                del self.headers[name]
            self.close_connection = True
        return True

    def get_environ(self) -> dict[str, Any]:
        """The WSGI environment, whose body ends by itself, is timed, and tells what is wrong with it."""
        environ: dict[str, Any] = super().get_environ()
        if self._fault is not None:
            environ[MALFORMED] = self._fault
        body = environ["wsgi.input"] = environ["eventlet.input"] = Body(environ["wsgi.input"], self)
        if body.chunked_input:
            environ["wsgi.input_terminated"] = True
        elif not body.content_length:
            self.waiting.end(self.connection)
        environ[TIMED_OUT] = self._has_timed_out
        return environ

    def handle_one_response(self) -> None:
        """Answer one request."""
        super().handle_one_response()
        self.waiting.end(self.connection)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request at all."""
        self.close_connection = True
        self.wfile.write(f"HTTP/1.1 {int(code)} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing that outsiders write gets into the log as it is."""

    def _has_timed_out(self) -> bool:
        if self._timed.timed_out:
            self.close_connection = True
        return self._timed.timed_out

    def _framing_fault(self) -> str | None:
        """Which header makes it unclear where this request ends, or whom it is for."""
        headers = self.headers
        if headers.defects:
            return "header"
        for name in _ONCE:
            if len(headers.get_all(name, ())) > 1:
                return name
        length, encoding = headers.get("content-length"), headers.get("transfer-encoding")
        if length is not None and not _LENGTH.fullmatch(length.strip(" \t")):
            return "content-length"
        if encoding is not None:
            known = encoding.strip(" \t").lower() == "chunked" and self.request_version == "HTTP/1.1"
            if length is not None or not known:
                return "transfer-encoding"
        if self.request_version == "HTTP/1.1" and "host" not in headers:
            return "host"
        return None
