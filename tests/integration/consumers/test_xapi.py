"""The example that tells a learning record store, on the real broker, with a store that keeps to the letter of xAPI."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.events import Event
from shared.events.times import write_time
from tests.histories import NOW, example, history
from tests.integration.consumers.conftest import DEAD, Consumer

pytestmark = pytest.mark.integration

ATTENDED, VOIDED = (f"http://adlnet.gov/expapi/verbs/{verb}" for verb in ("attended", "voided"))


class RecordStore:
    """Takes statements as xAPI 1.0.3 says: the same again is no change, other words under one id are a conflict."""

    def __init__(self) -> None:
        self.statements: dict[str, dict[str, Any]] = {}
        self.requests = 0
        self.is_away = False
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                statements = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = store.take(self.path, self.headers["X-Experience-API-Version"], statements)
                body = json.dumps([each["id"] for each in statements]).encode() if status == 200 else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/xapi"

    def take(self, path: str, version: str, statements: list[dict[str, Any]]) -> int:
        self.requests += 1
        if self.is_away:
            return 503
        if path != "/xapi/statements" or version != "1.0.3":
            return 400
        if any(self.statements.get(each["id"], each) != each for each in statements):
            return 409
        self.statements |= {each["id"]: each for each in statements}
        return 200


@pytest.fixture
def store() -> Iterator[RecordStore]:
    made = RecordStore()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def xapi(consumer: Callable[..., Consumer], store: RecordStore) -> Consumer:
    return consumer("xapi/xapi.py", LRS_ENDPOINT=store.url, LRS_KEY="key", LRS_SECRET="secret")


def meeting(number: int, mentee: str, round: int, state: str = "assigned") -> Any:
    seat = {"site_id": "jkt", "round": round, "mentor_id": "mentor-1", "mentee_id": mentee}
    return example(f"matching.meeting-{state}", f"meeting-{number}", **seat)


def bell(name: str, round: int, minute: int) -> Any:
    at = write_time(NOW.replace(minute=minute))
    return example(f"session-timer.round-{name}", "session-1", site_id="jkt", round=round, actual_at=at)


def happened() -> list[Event]:
    return history(
        [
            meeting(1, "mentee-1", 1),
            meeting(2, "mentee-2", 1),
            meeting(3, "mentee-3", 2),
            meeting(2, "mentee-2", 1, "released"),
            bell("started", 1, 0),
            bell("ended", 1, 10),
            bell("started", 2, 12),
        ]
    )


def told(store: RecordStore) -> set[tuple[str, str, str]]:
    return {
        (each["actor"]["account"]["name"], each["verb"]["id"], each["object"]["id"].rpartition("/")[2])
        for each in store.statements.values()
    }


def test_both_people_of_a_held_meeting_have_attended_it_once(xapi: Consumer, store: RecordStore) -> None:
    events = happened()
    # Twice, and the second time the other way round.
    xapi.publish([*events, *reversed(events)])
    xapi.run("--idle", "1")
    assert told(store) == {("mentor-1", ATTENDED, "meeting-1"), ("mentee-1", ATTENDED, "meeting-1")}
    (mentees,) = (each for each in store.statements.values() if each["actor"]["account"]["name"] == "mentee-1")
    assert mentees["context"]["instructor"]["account"]["name"] == "mentor-1"
    assert mentees["result"] == {"completion": True, "duration": "PT600.00S"}
    assert mentees["timestamp"] == write_time(NOW.replace(minute=10))
    assert (xapi.waiting(), xapi.waiting(DEAD)) == (0, 0)


def test_what_the_store_could_not_take_is_told_when_it_is_back(
    xapi: Consumer, store: RecordStore, eventually: Callable[..., Any]
) -> None:
    store.is_away = True
    xapi.publish(happened())
    process = xapi.start()
    eventually(lambda: store.requests, 30, "the store is asked")
    eventually(lambda: xapi.waiting() == 0, 30, "the events are taken in meanwhile")
    process.kill()
    process.wait()
    assert store.statements == {}
    store.is_away = False
    xapi.run("--idle", "1")
    assert len(told(store)) == 2


def test_of_the_erased_nothing_is_told_and_what_was_told_is_voided(xapi: Consumer, store: RecordStore) -> None:
    events = happened()
    xapi.publish(events)
    xapi.run("--idle", "1")
    (about,) = (each["id"] for each in store.statements.values() if each["actor"]["account"]["name"] == "mentee-1")
    erased = [
        example("registration.participant-erased", "mentee-1", role="mentee"),
        example("registration.participant-erased", "mentee-3", role="mentee"),
        bell("ended", 2, 22),
    ]
    xapi.publish(history(erased)[1:])
    xapi.run("--idle", "1")
    assert told(store) == {
        ("mentor-1", ATTENDED, "meeting-1"),
        ("mentee-1", ATTENDED, "meeting-1"),
        ("speedmentor", VOIDED, about),
        ("mentor-1", ATTENDED, "meeting-3"),
    }
