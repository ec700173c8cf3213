"""The real pages over a gateway whose answers a test decides: no broker, no database, one process."""

import json
import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import canned
from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

from services.gateway.pages import register


class FakeGateway:
    """Serves on a port of its own; ``offset`` is what event time is ahead of this machine's, ``speed`` its speed."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self.speed = 1.0
        self._real_origin = datetime.now(UTC)
        self.sessions: dict[str, dict[str, Any]] = {}
        self.people = {each["participant_id"]: each for each in canned.people()}
        self.plan = canned.plan()
        self.ranking = canned.ranking()
        self.pairing = canned.pairing()
        self.program = canned.program(self.now())
        #: Why those have no meeting who have none.
        self.reason: Any = "no mentor speaks a language of yours"
        self.calls: list[tuple[str, str, Any]] = []
        #: The idempotency key of each of these calls.
        self.keys: list[str | None] = []
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.feedback: dict[str, dict[str, Any]] = {}
        self.times_asked = 0
        self._streams: set[queue.SimpleQueue[str | None]] = set()
        self._server = make_server("127.0.0.1", 0, self._app(), threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def now(self) -> datetime:
        """The time at the event."""
        gone = datetime.now(UTC) - self._real_origin
        return self._real_origin + self.offset + gone * self.speed

    def tell(self, session: dict[str, Any]) -> None:
        """Make this the timetable, and tell the screens."""
        self.sessions[session["session_id"]] = session
        self._send("timetable", session)

    def replan(self, **plan: Any) -> None:
        """Have a new plan that is other in this, and say so on all streams."""
        self.plan |= {"revision": self.plan["revision"] + 1, **plan}
        told = {"program_id": canned.PROGRAM, "plan_id": "p1", "revision": self.plan["revision"]}
        self._send("plan", told)

    def announce(self, pairing: dict[str, Any]) -> None:
        """Have pairs, and say so on all streams."""
        self.pairing = pairing
        self._send("pairs", {"program_id": canned.PROGRAM, "pairing_id": "pairing", "revision": pairing["revision"]})

    def cut(self) -> None:
        """End all streams."""
        for stream in list(self._streams):
            stream.put(None)

    @property
    def streams(self) -> int:
        """How many screens listen."""
        return len(self._streams)

    def close(self) -> None:
        """Stop serving."""
        self.cut()
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    def _send(self, name: str, data: Any) -> None:
        for stream in list(self._streams):
            stream.put(f"event: {name}\ndata: {json.dumps(data)}\n\n")

    def _app(self) -> Flask:
        app = Flask("fake-gateway", static_folder=None)
        register(app)

        @app.get("/api/v1/time")
        def time() -> dict[str, Any]:
            self.times_asked += 1
            return {"now": canned.write(self.now()), "speed": self.speed}

        @app.get("/api/v1/programs/<program_id>/live")
        def live(program_id: str) -> Response:
            return Response(self._frames(), mimetype="text/event-stream", headers={"Cache-Control": "no-store"})

        @app.route("/api/v1/<path:path>", methods=["GET", "POST", "PUT", "DELETE"])
        def api(path: str) -> Any:
            body = request.get_json(silent=True)
            if request.method != "GET":
                self.calls.append((request.method, f"/{path}", body))
                self.keys.append(request.headers.get("Idempotency-Key"))
            if (request.method, f"/{path}") in self.answers:
                status, answer = self.answers[request.method, f"/{path}"]
                return jsonify(answer), status
            answer = self._answer(request.method, path, body)
            return (jsonify({"title": "Not found", "status": 404}), 404) if answer is None else jsonify(answer)

        return app

    def _frames(self) -> Iterator[str]:
        stream: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._streams.add(stream)
        try:
            first = {"program_id": canned.PROGRAM, "sessions": list(self.sessions.values())}
            yield f"retry: 1000\n\nevent: timetables\ndata: {json.dumps(first)}\n\n"
            while True:
                try:
                    frame = stream.get(timeout=0.5)
                except queue.Empty:
                    frame = "event: still-here\ndata: {}\n\n"
                if frame is None:
                    return
                yield frame
        finally:
            self._streams.discard(stream)

    def _answer(self, method: str, path: str, body: Any) -> Any:
        program = f"programs/{canned.PROGRAM}"
        match method, path.split("/"):
            case "POST", ["log-in"]:
                subject, role = ("mentee-13", "mentee") if "access_code" in body else ("organizer", "organizer")
                return {"token": "t", "role": role, "subject": subject, "program_id": canned.PROGRAM, "site_id": "jkt"}
            case "GET", ["webhooks"]:
                return {"webhooks": [canned.webhook()]}
            case "GET", ["integrators"]:
                return {"integrators": [{"name": "bi"}, {"name": "lms"}]}
            case "GET", ["programs"]:
                return {"programs": [self.program]}
            case "GET", ["participants", participant]:
                return self.people.get(participant)
            case "GET", ["participants", participant, "agenda"]:
                return self._agenda(participant)
            case "POST", ["programs", _, "publication"]:
                self.program |= {"state": "published"}
                return {"program_id": canned.PROGRAM}
            case "POST", ["programs", _, "plan"]:
                self.plan["state"] = "planned"
                return {"state": "planning"}
            case "POST", ["programs", _, "plan", "cancellation"]:
                self.plan |= {"state": "cancelled", "progress": None}
                return {"state": "cancelled"}
            case "POST", ["programs", _, "mentees" | "mentors" as roles]:
                new = {"participant_id": f"new-{len(self.people)}", "role": roles[:-1], "status": "registered", **body}
                self.people[new["participant_id"]] = {"remote": False, "checked_in": False, **new}
                return new
            case "POST", ["participants", participant, "withdrawal"]:
                self.people[participant] |= {"status": "withdrawn"}
                return self.people[participant]
            case "DELETE", ["participants", participant]:
                return self.people.pop(participant)
            case "POST", ["participants", participant, "check-in"]:
                self.people[participant] |= {"checked_in": True, "status": "registered"}
                return self.people[participant]
            case "POST", ["participants", participant, "absence"]:
                self.people[participant] |= {"checked_in": False, "status": f"absent:{body['from_round']}"}
                return self.people[participant]
            case "GET", ["programs", _, "participants"]:
                return {"participants": [each for each in self.people.values() if _is_asked_for(each)]}
            case "PUT", ["participants", participant, "preferences"]:
                self.people[participant] |= body
                return self.people[participant]
            case "PUT", ["participants", participant, "questions"]:
                self.people[participant]["questions"] = body["questions"]
                return self.people[participant]
            case "PUT", ["programs", _, "ranking"]:
                self.ranking |= body
                return {"program_id": canned.PROGRAM}
            case "POST", ["programs", _, "pairing"]:
                self.pairing = canned.pairing(**body)
                return {"program_id": canned.PROGRAM, "state": "pairing"}
            case "POST", ["meetings", meeting, "feedback"]:
                self.feedback[meeting] = {"meeting_id": meeting, **body}
                return self.feedback[meeting]
        if path == program:
            return self.program
        return {
            f"{program}/plan": self.plan,
            f"{program}/sessions": {"sessions": list(self.sessions.values())},
            f"{program}/feedback": {"meeting_ids": list(self.feedback), "feedback": list(self.feedback.values())},
            f"{program}/connections": {
                "connections": [{"connection_id": "c1", "mentor_id": "mentor-1", "mentee_id": "mentee-13"}]
            },
            f"{program}/report": canned.report(),
            f"{program}/ranking": self.ranking,
            f"{program}/pairing": self.pairing,
            f"{program}/access-codes": {
                "access_codes": [
                    {"participant_id": each, "access_code": f"K7QF-{number:04}"}
                    for number, each in enumerate(self.people)
                ]
            },
        }.get(path)

    def _agenda(self, participant: str) -> dict[str, Any]:
        role = self.people[participant]["role"]
        other = "mentee" if role == "mentor" else "mentor"
        meetings = [
            {**meeting, "other_id": meeting[f"{other}_id"], "role_of_other": other}
            for meeting in self.plan["meetings"]
            if meeting[f"{role}_id"] == participant
        ]
        plan = {name: self.plan[name] for name in ("plan_id", "revision", "state")}
        whose = {"participant_id": participant, "program_id": canned.PROGRAM}
        return {**whose, **plan, "meetings": meetings, "reason": None if meetings else self.reason}


def _is_asked_for(person: dict[str, Any]) -> bool:
    """Whether the request at hand is for people like this one."""
    return all(person[field] == request.args.get(field, person[field]) for field in ("role", "site_id"))
