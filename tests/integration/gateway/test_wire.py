"""What comes over the wire: who sends too slowly is let go, others are not delayed, and a message has one meaning."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

PATIENCE = {"idle": 1.5, "head": 1.0, "body": 1.0, "body_rate": 20_000, "waiting": 40, "unwanted": 200_000}
HOST = b"Host: x\r\n"
JSON = b"Content-Type: application/json\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = [sys.executable, "-m", "tests.integration.gateway.impatient", json.dumps(PATIENCE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


@pytest.fixture
def connect(port: int) -> Iterator[Callable[[], socket.socket]]:
    opened = []

    def make() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", port), timeout=30))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    read = b""
    try:
        while some := connection.recv(65536):
            read += some
    except ConnectionResetError:
        pass
    return read


def status(connection: socket.socket) -> int:
    read = b""
    while b"\r\n\r\n" not in read:
        some = connection.recv(65536)
        assert some, f"closed after {read!r}"
        read += some
    return int(read.split()[1])


def drip(connection: socket.socket, data: bytes, pause: float, stop: threading.Event) -> None:
    """Send ``data`` a byte at a time, until the other side has had enough."""
    try:
        for byte in data:
            connection.sendall(bytes([byte]))
            if stop.wait(pause):
                return
    except OSError:
        pass


def dripped(connections: list[socket.socket], data: bytes, pause: float = 0.1) -> list[float]:
    """How many seconds each connection stays open while ``data`` drips in."""
    stop = threading.Event()
    begun = time.monotonic()
    open_for = []
    for each in connections:
        threading.Thread(target=drip, args=(each, data, pause, stop), daemon=True).start()
    for each in connections:
        read_all(each)
        open_for.append(time.monotonic() - begun)
    stop.set()
    return open_for


def test_headers_a_byte_at_a_time_end_at_their_deadline(connect: Any) -> None:
    open_for = dripped([connect() for _ in range(15)], b"GET / HTTP/1.1\r\n" + b"x" * 8000)
    assert all(PATIENCE["head"] * 0.9 < each < PATIENCE["head"] + 10 for each in open_for), open_for


def test_a_body_a_byte_at_a_time_ends_at_its_deadline_with_408(connect: Any) -> None:
    connection = connect()
    connection.sendall(b"POST / HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 5000\r\n\r\n")
    stop = threading.Event()
    threading.Thread(target=drip, args=(connection, b"x" * 5000, 0.1, stop), daemon=True).start()
    answer = read_all(connection)
    stop.set()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer
    assert b"Connection: close" in answer


def test_chunks_a_byte_at_a_time_and_a_body_nobody_reads_end_too(connect: Any) -> None:
    chunked, unread = connect(), connect()
    chunked.sendall(b"POST / HTTP/1.1\r\n" + HOST + JSON + b"Transfer-Encoding: chunked\r\n\r\n")
    unread.sendall(b"POST /unread HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 5000\r\n\r\n")
    assert max(dripped([chunked], b"1\r\nx\r\n" * 1000)) < PATIENCE["body"] + 10
    assert max(dripped([unread], b"x" * 5000)) < PATIENCE["body"] + 10


def test_a_connection_on_which_nothing_is_sent_ends(connect: Any) -> None:
    assert read_all(connect()) == b""
    again = connect()
    again.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert status(again) == 200
    assert read_all(again) == b""


def test_a_slow_but_steady_line_gets_its_body_through(connect: Any) -> None:
    connection = connect()
    size, parts = 100_000, 40
    connection.sendall(b"POST / HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: %d\r\n\r\n" % size)
    begun, wait = time.monotonic(), threading.Event()
    for _ in range(parts):
        connection.sendall(b"x" * (size // parts))
        wait.wait(0.1)
    assert status(connection) == 200
    assert time.monotonic() - begun > 2 * PATIENCE["body"], "it was too fast to show anything"


def test_a_long_answer_is_no_matter_of_patience(connect: Any) -> None:
    connection = connect()
    connection.sendall(b"GET /slowly HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert read_all(connection).count(b"tick\n") == 20


def test_others_are_not_delayed_and_of_very_many_that_wait_the_oldest_is_closed(connect: Any) -> None:
    slow = [connect() for _ in range(3 * PATIENCE["waiting"])]
    for each in slow:
        each.sendall(b"POST / HTTP/1.1\r\n" + HOST)
    begun = time.monotonic()
    quick = connect()
    quick.sendall(b"POST / HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 2\r\n\r\n{}")
    assert status(quick) == 200
    assert time.monotonic() - begun < PATIENCE["head"] / 2
    assert read_all(slow[0]) == b""


LENGTH = b"Content-Length: 2\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        HOST + LENGTH + LENGTH,
        HOST + LENGTH + b"Content-Length: 3\r\n",
        HOST + b"content-length: 2\r\nCONTENT-LENGTH: 2\r\n",
        HOST + b"Content-Length: 2, 2\r\n",
        HOST + b"Content-Length: +2\r\n",
        HOST + b"Content-Length: 1_0\r\n",
        HOST + b"Content-Length: 0x2\r\n",
        HOST + b"Content-Length: -2\r\n",
        HOST + b"Content-Length: 2.0\r\n",
        HOST + b"Content-Length: two\r\n",
        HOST + b"Content-Length:\r\n",
        HOST + b"Content-Length: " + b"9" * 5000 + b"\r\n",
        HOST + b"Content-Length: \xd9\xa2\r\n",
        HOST + b"Content-Length : 2\r\n",
        HOST + b"Content-Length: 2\r\n 0\r\n",
        HOST + b"X: y\rContent-Length: 2\r\n",
        HOST + b"X: \0\r\n",
        HOST + LENGTH + CHUNKED,
        HOST + CHUNKED + CHUNKED,
        HOST + b"Transfer-Encoding: gzip, chunked\r\n",
        HOST + b"Transfer-Encoding: identity\r\n",
        HOST + b"Transfer-Encoding: xchunked\r\n",
        HOST + HOST,
        LENGTH,
    ],
)
def test_a_message_whose_end_or_host_is_not_clear_is_refused_and_the_connection_ends(
    connect: Any, fields: bytes
) -> None:
    connection = connect()
    connection.sendall(b"POST / HTTP/1.1\r\n" + fields + JSON + b"\r\n{}GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n")
    answer = read_all(connection)
    assert answer.split()[1:2] == [b"400"], answer
    assert answer.count(b"HTTP/1.") == 1, answer
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "chunks", [b"-5\r\n", b"0x2\r\n{}\r\n0\r\n\r\n", b"1_0\r\n", b"+2\r\n{}\r\n", b"2\r\n{}xx0\r\n\r\n", b"\r\n"]
)
def test_broken_chunks_are_refused_and_the_connection_ends(connect: Any, chunks: bytes) -> None:
    connection = connect()
    connection.sendall(
        b"POST / HTTP/1.1\r\n" + HOST + JSON + CHUNKED + b"\r\n" + chunks + b"GET /smuggled HTTP/1.1\r\n\r\n"
    )
    answer = read_all(connection)
    assert answer.split()[1:2] == [b"400"], answer
    assert answer.count(b"HTTP/1.") == 1, answer


def test_chunks_are_a_body_and_the_next_request_follows(connect: Any) -> None:
    connection = connect()
    one = (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + JSON
        + CHUNKED
        + b"\r\n3\r\n{ }\r\nA;name=value\r\n          \r\n0\r\nX: y\r\n\r\n"
    )
    connection.sendall(one + one.replace(JSON, JSON + b"Connection: close\r\n"))
    answer = read_all(connection)
    assert answer.count(b'{"bytes":13}') == 2, answer


def test_who_asks_before_sending_a_body_is_told_to_go_on(connect: Any) -> None:
    connection = connect()
    connection.sendall(b"POST / HTTP/1.1\r\n" + HOST + JSON + LENGTH + b"Expect: 100-continue\r\n\r\n")
    assert status(connection) == 100
    connection.sendall(b"{}")
    assert status(connection) == 200


def test_what_is_no_request_is_refused_and_not_repeated(connect: Any) -> None:
    for line in (
        b"\x16\x03\x01\r\n\r\n",
        b"GET <b>\r\n\r\n",
        b"GET / HTTP/9.x\r\n\r\n",
        b"GET  /  HTTP/1.1  x\r\n\r\n",
    ):
        connection = connect()
        connection.sendall(line)
        answer = read_all(connection)
        assert answer.split()[1:2] in ([b"400"], [b"505"]), answer
        assert b"<" not in answer
