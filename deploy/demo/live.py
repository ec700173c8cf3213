"""Following a program by the live stream, as a screen does: connect, take what comes, connect again when it ends."""

import json
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import requests

from shared.operations.api import Api

#: Real seconds after which it is worth asking even if the stream is silent.
SILENCE = 2.0

PAUSE = 0.3


class Follower:
    """The sessions of a program as the stream tells of them, from ``with`` to its end."""

    def __init__(self, api: Api, program_id: str) -> None:
        self._api = api
        self._path = f"/programs/{program_id}/live"
        self._views: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._asked = 0.0
        self._answer: requests.Response | None = None
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self.bells = 0
        self._finished: set[str] = set()
        self.reconnections = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        # Its thread waits in a read, which it gives up at the next heartbeat or bell; it holds nothing that matters.
        self._thread.join(0.2)

    def views(self) -> list[dict[str, Any]]:
        """All sessions, by site."""
        with self._lock:
            return sorted(self._views.values(), key=lambda each: str(each["site_id"]))

    def take(self, views: Iterable[dict[str, Any]]) -> None:
        """Take over views of sessions; of two of the same, that of the higher revision or the later look holds."""
        with self._lock:
            for view in views:
                known = self._views.get(view["session_id"])
                if known is None or (view["revision"], view["now"]) >= (known["revision"], known["now"]):
                    self._views[view["session_id"]] = view

    def has_changed(self) -> bool:
        """Whether it is worth asking for the sessions: something was told since the last time, or nothing for long."""
        if self._changed.is_set() or time.monotonic() > self._asked + SILENCE:
            self._changed.clear()
            self._asked = time.monotonic()
            return True
        return False

    def wait_for_the_last_bell(self, sessions: int, seconds: float) -> None:
        """Wait until so many sessions have been told to be over; a stream that broke may have missed some bells."""
        deadline = time.monotonic() + seconds
        while len(self._finished) < sessions and not self.reconnections and time.monotonic() < deadline:
            time.sleep(PAUSE)

    def _run(self) -> None:
        last: str | None = None
        first = True
        while not self._stopping.is_set():
            if not first:
                self.reconnections += 1
                self._stopping.wait(PAUSE)
            first = False
            try:
                with self._api.stream(self._path, last) as answer:
                    for name, data, event_id in events_in(answer.iter_lines(chunk_size=1)):
                        last = event_id or last
                        self._hear(name, data)
                        if self._stopping.is_set():
                            return
            except (requests.RequestException, ValueError):
                # A stream may break anywhere, also within an event; the next one begins with the whole truth.
                continue

    def _hear(self, name: str, data: dict[str, Any]) -> None:
        if name == "timetables":
            self.take(data["sessions"])
        elif name == "timetable":
            self.take([data])
        elif name == "bell":
            self.bells += 1
            if data["kind"] == "session-finished":
                self._finished.add(data["session_id"])
        self._changed.set()


def events_in(lines: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """Name, data and id of each server-sent event (WHATWG HTML, section 9.2)."""
    name, event_id = "message", None
    data: list[str] = []
    for line in lines:
        text = line.decode("utf-8")
        if not text:
            if data:
                yield name, json.loads("\n".join(data)), event_id
            name, data = "message", []
            continue
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            event_id = value
