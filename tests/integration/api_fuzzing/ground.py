"""The ground that requests are made on: programs in every state, and people in them, made over the API itself."""

import itertools
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

ROUNDS = 40
SITE = "jkt"
_PROGRAM = """\
title = "Trial {number}"
key = "trial-{number}"
date = {date}
rounds = {rounds}
round_minutes = 10
break_minutes = 2
warning_seconds = [60]
topics = ["funding", "hiring"]
[[sites]]
id = "{site}"
name = "Jakarta"
time_zone = "Asia/Jakarta"
start = "00:05"
"""
_MENTORS = """\
ref,name,email,site,remote,languages,topics,motives,storytelling,seats,rounds,max_meetings,team,wants,avoids,situation,choice,outcome,lesson
M1,Sri,m1-{number}@a.example,{site},no,id,funding:5,career,5,1,,,,,,a,b,c,d
M2,Arief,m2-{number}@a.example,{site},no,id,hiring:5,career,4,1,,,,,,a,b,c,d
"""
_MENTEES = """\
ref,name,email,site,remote,languages,motive,topics,rounds,max_meetings,team,manager,wants,avoids,question_1,question_2,question_3
E1,Putri,e1-{number}@a.example,{site},no,id,career,funding,,,,,,,Why?,How?,
E2,Dimas,e2-{number}@a.example,{site},no,id,career,hiring,,,,,,,Why?,,
"""


class Caller:
    """Somebody at the API."""

    def __init__(self, url: str, token: str | None = None, **log_in: str) -> None:
        self.base, self.url = url, f"{url}/api/v1"
        self._session = requests.Session()
        self._session.trust_env = False
        self.token: str = token or self.made("/log-in", log_in)["token"]
        self._session.cookies.clear()
        self._session.headers["Authorization"] = f"Bearer {self.token}"

    def get(self, path: str) -> Any:
        """The answer, which is there."""
        answer = self._session.get(self.url + path, timeout=30)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    def post(self, path: str, body: Any = None) -> requests.Response:
        """Whatever the answer is."""
        return self._session.post(self.url + path, json={} if body is None else body, timeout=30)

    def made(self, path: str, body: Any = None) -> Any:
        """The answer to what succeeds."""
        answer = self.post(path, body)
        assert answer.status_code in (200, 201, 202), f"{path}: {answer.text}"
        return answer.json()


@dataclass
class Program:
    """A program and its people."""

    program_id: str
    mentors: list[str]
    mentees: list[str]
    session_id: str = ""


class Ground:
    """Programs by what has become of them; those that a request would use up are made anew for each."""

    def __init__(self, organizer: Caller, prefix: str) -> None:
        self.organizer = organizer
        self._prefix = prefix
        self._numbers = itertools.count()

    def files(self) -> dict[str, str]:
        """The files of another program, the day after tomorrow."""
        date = (datetime.now(UTC) + timedelta(days=2)).date()
        values = {"number": f"{self._prefix}-{next(self._numbers)}", "date": date, "rounds": ROUNDS, "site": SITE}
        texts = {"program.toml": _PROGRAM, "mentors.csv": _MENTORS, "mentees.csv": _MENTEES}
        return {name: text.format(**values) for name, text in texts.items()}

    def draft(self) -> Program:
        """A program that is not published."""
        program_id = self.organizer.made("/programs:import", {"files": self.files()})["program_id"]
        people = self.organizer.get(f"/programs/{program_id}/participants")
        by_role = {
            role: [each["participant_id"] for each in people if each["role"] == role] for role in ("mentor", "mentee")
        }
        return Program(program_id, by_role["mentor"], by_role["mentee"])

    def published(self) -> Program:
        """One that has no plan."""
        program = self.draft()
        self.organizer.made(f"/programs/{program.program_id}/publication")
        return program

    def planned(self) -> Program:
        """One that has a plan and a session, two days ahead."""
        program = self.published()
        path = f"/programs/{program.program_id}"
        wait(lambda: self.organizer.post(f"{path}/plan").status_code == 202)
        wait(lambda: self.organizer.get(f"{path}/plan")["state"] == "planned")
        (session,) = wait(lambda: self.organizer.get(f"{path}/sessions"))
        program.session_id = session["session_id"]
        return program

    def running(self) -> Program:
        """One whose first round is over, and whose second runs."""
        program = self.planned()
        session = self.organizer.get(f"/sessions/{program.session_id}")
        start = datetime.fromisoformat(session["timetable"][0]["starts_at"])
        early = -int((start - datetime.now(UTC)).total_seconds()) + 2
        self.organizer.made(f"/programs/{program.program_id}/sessions/start-shift", {"by_seconds": early})
        path = f"/sessions/{program.session_id}"
        wait(lambda: self.organizer.get(path)["state"] == "round")
        self.organizer.made(f"{path}/end-round")
        wait(lambda: self.organizer.post(f"{path}/skip-break").status_code == 200)
        wait(lambda: self.organizer.get(f"/programs/{program.program_id}/plan")["begun"])
        return program

    def codes(self, program: Program) -> dict[str, str]:
        """Participant -> access code."""
        found = self.organizer.get(f"/programs/{program.program_id}/access-codes")
        return {each["participant_id"]: each["access_code"] for each in found}

    def integrator(self) -> str:
        """Another system with an account, which hears everything."""
        name = f"i-{uuid.uuid4().hex[:12]}"
        self.organizer.made("/integrators", {"name": name, "types": ["#"]})
        return name

    def replay(self) -> str:
        """A replay that has begun, to a system of its own."""
        found: str = self.organizer.made(f"/integrators/{self.integrator()}/replays", {"start": "0"})["replay_id"]
        return found

    def webhook(self) -> str:
        """A webhook of a system of its own; nobody is there."""
        body = {"integrator": self.integrator(), "url": "https://nobody.invalid/"}
        found: str = self.organizer.made("/webhooks", body)["webhook_id"]
        return found

    def register(self, program: Program, role: str) -> str:
        """Somebody more in a program."""
        special = {"mentor": {"topics": {"funding": 3}}, "mentee": {"topics": ["funding"], "motive": "career"}}[role]
        body = {"name": f"Walk-in {next(self._numbers)}", "site_id": SITE, "languages": ["id"], **special}
        found: str = self.organizer.made(f"/programs/{program.program_id}/{role}s", body)["participant_id"]
        return found


def wait(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """What ``condition()`` gives, once it gives anything."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it does not come to pass"
        time.sleep(0.1)
    return found


def lasting(ground: Ground) -> dict[str, Any]:
    """The programs and people that all roles share, as JSON."""
    running, planned, door, draft, ended = (
        make() for make in (ground.running, ground.planned, ground.published, ground.draft, ground.running)
    )
    ground.organizer.made(f"/programs/{running.program_id}/pairing", {})
    agenda = ground.organizer.get(f"/participants/{running.mentees[0]}/agenda")
    first = next(each for each in agenda["meetings"] if each["round"] == 1)
    met = {"mentee": running.mentees[0], "mentor": first["other_id"]}
    codes = ground.codes(running)
    # Once, since wrong codes will be tried, and too many of them shut everybody out for a while.
    tokens = {role: Caller(ground.organizer.base, access_code=codes[who]).token for role, who in met.items()}
    return {
        "tokens": {**tokens, "organizer": ground.organizer.token, "nobody": ""},
        "programs": {
            name: vars(each)
            for name, each in (
                ("running", running),
                ("planned", planned),
                ("door", door),
                ("draft", draft),
                ("ended", ended),
            )
        },
        "met": {**met, "meeting_id": first["meeting_id"]},
    }
