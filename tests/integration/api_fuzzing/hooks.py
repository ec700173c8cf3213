"""What schemathesis is told of this API: which ids there are, so that requests have a chance to succeed, and a count.

Only what was generated as valid is touched; what was made invalid on purpose goes out as it is. One in six valid
requests keeps its made-up ids and bodies.
"""

import atexit
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import requests
import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.generation import GenerationMode

from shared.ids import new_id
from shared.security.principal import Principal
from shared.security.tokens import sign
from tests.integration.api_fuzzing.ground import SITE, Caller, Ground, Program

_TOLD: dict[str, Any] = json.loads(Path(os.environ["API_FUZZING"]).read_text())
_ROLE: str = _TOLD["role"]
_PROGRAMS = {name: Program(**each) for name, each in _TOLD["programs"].items()}
_MET: dict[str, str] = _TOLD["met"]
#: Programs that have to stay as they are; the one that has ended is there to be closed.
_LASTING = frozenset(each.program_id for name, each in _PROGRAMS.items() if name != "ended")
_CHANCE = random.Random(_TOLD["seed"])

ground = Ground(Caller(_TOLD["url"], _TOLD["tokens"]["organizer"]), f"{_ROLE}-{os.getpid()}")
counts: Counter[tuple[str, str, int]] = Counter()


class _Sessions:
    """The session that commands are given to, in the state in which they can be carried out."""

    def __init__(self) -> None:
        self._id = _PROGRAMS["running"].session_id

    def ready_for(self, command: str) -> str:
        before = {
            "pause": ("resume", "skip-break"),
            "resume": ("skip-break", "pause"),
            "skip-break": ("resume", "end-round"),
            "end-round": ("resume", "skip-break"),
            "restart-round": ("resume", "end-round", "skip-break"),
            "extension": ("resume", "end-round", "skip-break"),
        }
        for step in before.get(command, ()):
            ground.organizer.post(f"/sessions/{self._id}/{step}")
        state = ground.organizer.get(f"/sessions/{self._id}")["state"]
        if state == "finished":
            self._id = ground.running().session_id
            return self.ready_for(command)
        return self._id


_sessions = _Sessions()


def _one_of(program: str, roles: str = "both") -> str:
    people = _PROGRAMS[program]
    return _CHANCE.choice(
        {"mentor": people.mentors, "mentee": people.mentees}.get(roles, people.mentors + people.mentees)
    )


def _walked_in(role: str = "mentee") -> str:
    return ground.register(_PROGRAMS["door"], role)


def _program_for(operation: str) -> str:
    made: dict[str, Callable[[], Program]] = {"publication": ground.draft, "cancellation": ground.draft}
    last = operation.rpartition("/")[2]
    if "plan/cancellation" in operation:
        found = _PROGRAMS["planned"]
        ground.organizer.post(f"/programs/{found.program_id}/plan")
    elif last in made and _ROLE == "organizer":
        found = made[last]()
    elif last in ("mentors", "mentees"):
        found = _PROGRAMS[_CHANCE.choice(["door", "draft"])]
    elif last == "start-shift":
        found = _PROGRAMS["planned"]
    elif last in ("closing", "report") and _ROLE == "organizer":
        found = _PROGRAMS["ended"]
    elif operation.startswith("GET") and last == "connections" and _ROLE == "organizer":
        # They are asked for a few times only, and are there only where rounds have been held.
        found = _PROGRAMS["ended"]
    elif operation.startswith("POST") or _ROLE != "organizer":
        found = _PROGRAMS["running"]
    else:
        found = _PROGRAMS[_CHANCE.choice(["running", "running", "planned", "door", "draft", "ended"])]
    return found.program_id


def _participant_for(operation: str) -> str:
    if _ROLE != "organizer":
        if "DELETE" in operation or "withdrawal" in operation:
            # Whoever erases herself makes no more requests.
            return _PROGRAMS["running"].mentors[-1] if _ROLE == "mentee" else _PROGRAMS["running"].mentees[-1]
        return _MET[_ROLE] if _ROLE in _MET and _CHANCE.random() < 0.7 else _one_of("running")
    if "DELETE" in operation or operation.rpartition("/")[2] in ("withdrawal", "check-in", "absence"):
        return _walked_in(_CHANCE.choice(["mentor", "mentee"]))
    if "questions" in operation:
        return _one_of("door", "mentee")
    if "agenda" in operation:
        return _one_of("running")
    return _one_of("door")


def _ids(operation: str, names: Any) -> dict[str, str]:
    found = {}
    for name in names:
        if name == "program_id":
            found[name] = _program_for(operation)
        elif name == "participant_id":
            found[name] = _participant_for(operation)
        elif name == "session_id":
            found[name] = _sessions.ready_for(operation.rpartition("/")[2])
        elif name == "meeting_id":
            found[name] = _MET["meeting_id"]
        elif name == "name":
            # Who is removed is gone, and it takes the broker a while to make another.
            removed = _ROLE == "organizer" and operation.startswith("DELETE")
            found[name] = _integrator() if not removed else ground.integrator() if _CHANCE.random() < 0.3 else new_id()
        elif name == "replay_id":
            found[name] = _replay()
        elif name == "webhook_id":
            fresh = _ROLE == "organizer" and operation.startswith("DELETE")
            found[name] = ground.webhook() if fresh else _webhook()
    return found


@cache
def _integrator() -> str:
    return ground.integrator()


@cache
def _webhook() -> str:
    return ground.webhook()


@cache
def _replay() -> str:
    return ground.replay()


def _body(operation: str, body: Any) -> Any:
    """A valid body with what the program has, where it would be refused for naming what nobody has."""
    if not isinstance(body, dict):
        return body
    body = {**body}
    for name in ("revision", "round"):
        if name in body and "/absence" not in operation:
            body[name] = None
    if "revisions" in body:
        body["revisions"] = {}
        body["session_id"] = None
    if operation.endswith("start-shift"):
        body |= {"by_seconds": _CHANCE.randint(-600, 3_600), "session_id": None}
    if operation.endswith(("/mentors", "/mentees")):
        body |= {"name": "Somebody", "site_id": SITE, "languages": ["id"], "wants": [], "avoids": [], "email": ""}
        body |= {"rounds": None, "team": ""}
        special = {"never": []} if operation.endswith("/mentors") else {"manager": None, "questions": ["Why?"]}
        body |= special
        body["topics"] = {"funding": 3} if operation.endswith("/mentors") else ["funding", "hiring"]
        body.pop("story", None)
    if operation.endswith("/preferences"):
        body |= {"wants": [], "avoids": []}
    if operation.endswith("/questions"):
        body["questions"] = ["Why?", "How?"][: _CHANCE.randint(0, 2)]
    if operation.endswith("/absence"):
        body["from_round"] = _CHANCE.randint(1, 5)
    if operation.endswith("/ranking"):
        body["ranks"] = [_MET["mentor" if _ROLE == "mentee" else "mentee"]]
        body["capacity"] = None
    if operation.endswith("/feedback"):
        own = {"mentee": "prepared", "mentor": "story"}.get(_ROLE, "")
        body["ratings"] = {name: value for name, value in body.get("ratings", {}).items() if name != own}
    if operation.endswith(":import"):
        body["files"] = ground.files()
    if operation.endswith("/integrators"):
        body |= {"name": f"i-{new_id()}", "types": ["matching.#", "*.round-ended"]}
    if operation.endswith("/webhooks"):
        # An integrator has ten at the most.
        body |= {"integrator": ground.integrator() if _ROLE == "organizer" else _integrator(), "programs": None}
        body |= {"url": "https://nobody.invalid/x", "types": ["matching.#"], "after": None}
    if operation.endswith("/redeliveries"):
        body = {"given_up_since": "2026-11-24T09:30:00Z"}
    if operation.endswith("/replays"):
        body["start"] = _CHANCE.choice(["0", "2026-11-24", "2026-11-24T09:30:00+07:00"])
    if operation.endswith("/log-in"):
        body = {"password": _TOLD["password"]}
    return body


def _as_another_log_in(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send ``request``, which ends the log-in that it is sent with, by one of its own of the same caller's."""
    claims = jwt.decode(_TOLD["tokens"][_ROLE], options={"verify_signature": False})
    key = Path(_TOLD["token_private_key"]).read_bytes()
    request.headers["Authorization"] = f"Bearer {sign(Principal.from_claims(claims), key, log_in_id=new_id())}"
    return request


def _is_valid(case: Any, part: str) -> bool:
    component = case.meta.components.get(part) if case.meta else None
    return component is None or component.mode == GenerationMode.POSITIVE


def _label(case: Any) -> str:
    return f"{case.method} {case.path}"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Give the request what the ground has."""
    from schemathesis.core.parameters import ParameterLocation

    label = _label(case)
    if case.path.endswith("/log-out") and _TOLD["tokens"][_ROLE]:
        # Put in last, so that it takes the place of the token that all requests are made with.
        kwargs["auth"] = _as_another_log_in
    ids = case.path_parameters or {}
    leaving = "DELETE" in label or label.endswith("/withdrawal")
    # Ids that answers had, events among them, are sent again: what all other requests need is not to be ended so.
    ending = label.endswith(("{program_id}/cancellation", "/closing")) and ids.get("program_id") in _LASTING
    if ending or (leaving and ids.get("participant_id") == _MET.get(_ROLE)):
        case.path_parameters = _ids(label, case.path_parameters)
    kept = _CHANCE.random() < 1 / 6 and not (case.path_parameters and "live" in label)
    if kept or case.method.upper() not in ("GET", "POST", "PUT", "DELETE"):
        return
    if case.path_parameters and _is_valid(case, ParameterLocation.PATH):
        case.path_parameters = {**case.path_parameters, **_ids(label, case.path_parameters)}
    if case.body is not NOT_SET and _is_valid(case, ParameterLocation.BODY):
        case.body = _body(label, case.body)
    if "Idempotency-Key" in (case.headers or {}) and _is_valid(case, ParameterLocation.HEADER):
        case.headers["Idempotency-Key"] = new_id()
    if case.query and "after" in case.query and _is_valid(case, ParameterLocation.QUERY):
        # Cursors are opaque: hardly any text of the right shape is one.
        case.query = {**case.query, "after": str(_CHANCE.randint(0, 5))}
    if case.query and "page" in case.query and _is_valid(case, ParameterLocation.QUERY):
        case.query = {**case.query, "page": f"{_CHANCE.randint(0, 5)}-0"}
    if case.query and "site_id" in case.query and _is_valid(case, ParameterLocation.QUERY):
        case.query = {**case.query, "site_id": SITE}


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Count what came of it."""
    mode = "?" if case.meta is None else case.meta.generation.mode.value
    counts[_label(case), mode, response.status_code] += 1


@schemathesis.check
def every_field_is_described(context: Any, response: Any, case: Any) -> None:
    """Answers have no field that the document does not know: objects may grow, but what is there today is written."""
    if not 200 <= response.status_code < 300 or "json" not in response.headers.get("content-type", [""])[0]:
        return
    definition = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    schema = definition.get("content", {}).get("application/json", {}).get("schema", {})
    strange = sorted(_undescribed(response.json(), schema, ""))
    assert not strange, f"fields that are not described: {strange}"


@schemathesis.check
def a_valid_shape_is_not_refused_for_its_shape(context: Any, response: Any, case: Any) -> None:
    """What fits the document passes the gateway's own look at it; services may still refuse what it says."""
    if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE and response.status_code == 422:
        assert not response.json()["detail"].startswith("The request is not valid"), response.text


def _undescribed(value: Any, schema: dict[str, Any], place: str) -> set[str]:
    schema = _resolved(schema)
    if isinstance(value, list):
        return {each for inner in value for each in _undescribed(inner, schema.get("items", {}), f"{place}[]")}
    if not isinstance(value, dict) or "properties" not in schema:
        return set()
    known = schema["properties"]
    strange = {f"{place}.{name}" for name in value.keys() - known.keys()}
    return strange.union(*(_undescribed(value[name], known[name], f"{place}.{name}") for name in known.keys() & value))


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    for each in schema.get("anyOf", []):
        if "$ref" in each:
            schema = each
    if "$ref" in schema:
        return _schemas()[schema["$ref"].rpartition("/")[2]]
    return schema


@cache
def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{_TOLD['url']}/openapi.json", timeout=30).json()["components"]["schemas"]
    return found


@atexit.register
def _tell() -> None:
    Path(_TOLD["counts"]).write_text(json.dumps([[*key, count] for key, count in sorted(counts.items())]))
