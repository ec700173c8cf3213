"""An event in which much goes otherwise: people leave, are erased or come late, and plans and times change."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from deploy.local.waiting import eventually
from shared.clock import Clock
from shared.events import read_time
from shared.operations.api import Api, Refused

View = dict[str, Any]


class Event:
    """One program, and whoever does to it what is allowed."""

    def __init__(self, api: Api, clock: Clock, files: dict[str, str], seed: int) -> None:
        self.api, self.clock = api, clock
        self.chance = random.Random(seed)
        self.program_id: str = api.post("/programs:import", {"files": files})["program_id"]
        self.path = f"/programs/{self.program_id}"
        api.post(f"{self.path}/publication")

    def steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """What is done, in this order; what it is called, and how."""
        yield "somebody is erased before there is a plan", lambda: self.erase("mentee")
        yield "a plan is made", self.plan
        yield "people arrive, two of whom nobody has registered", self.arrive
        yield "the starts are moved", lambda: self.shift(600)
        yield "somebody withdraws", lambda: self.withdraw("mentee")
        yield "somebody is erased who has meetings ahead", lambda: self.erase("mentor")
        yield "somebody is erased while a plan is called off", self.erase_without_a_plan
        yield "somebody is absent", lambda: self.absent("mentee", 2)
        yield "the rounds begin and stand still in the first", self.begin
        yield "a mentor is erased in a round", lambda: self.erase("mentor", meeting_in=1)
        yield "a mentee is erased in a round", lambda: self.erase("mentee", meeting_in=1)
        yield "a mentor leaves in a round", lambda: self.absent("mentor", 2)
        yield "the round is made longer, and over", self.end_round
        yield "both sides say something", lambda: self.say_something(1)
        yield "who has said something is erased", lambda: self.erase("mentee", meeting_in=1)
        yield "another plan is made between rounds", self.plan
        yield "a mentor withdraws who has met people", lambda: self.withdraw("mentor", meeting_in=1)
        yield "all rounds are over", self.finish
        yield "both sides say something again", lambda: self.say_something(2)
        yield "the pairs are formed", self.pair
        yield "one of a pair is erased", lambda: self.erase("mentee", meeting_in=1)
        yield "the program is closed", lambda: self.api.post(f"{self.path}/closing")
        yield "a mentor is erased after all", lambda: self.erase("mentor", meeting_in=1)

    def called_off(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Another event that is called off in the midst of a round."""
        yield "a plan is made", self.plan
        yield "the rounds begin and stand still in the first", self.begin
        yield "the program is cancelled", lambda: self.api.post(f"{self.path}/cancellation", {"reason": "venue"})
        yield "somebody with meetings is erased", lambda: self.erase("mentor", meeting_in=1)
        yield "somebody with meetings ahead is erased", lambda: self.erase("mentee", meeting_in=2)

    # What is done

    def plan(self) -> None:
        asked = self.api.get(f"{self.path}/plan")["requested"] if self._has_plan() else 0
        self.api.post(f"{self.path}/plan")
        self._planned(asked + 1)

    def erase(self, role: str, meeting_in: int | None = None) -> None:
        self.api.call("DELETE", f"/participants/{self._one(role, meeting_in)}")

    def erase_without_a_plan(self) -> None:
        """The plan that would release the meetings ahead is called off."""
        self.erase("mentee", meeting_in=2)
        self.api.post(f"{self.path}/plan")
        # Refused where it was made in the meantime.
        with suppress(Refused):
            self.api.post(f"{self.path}/plan/cancellation")

    def withdraw(self, role: str, meeting_in: int | None = None) -> None:
        self.api.post(f"/participants/{self._one(role, meeting_in)}/withdrawal")

    def absent(self, role: str, from_round: int) -> None:
        self.api.post(f"/participants/{self._one(role, from_round)}/absence", {"from_round": from_round})

    def walk_in(self, role: str) -> None:
        site = self.api.get(self.path)["sites"][0]["site_id"]
        person: View = {"name": f"Walk-in {role}", "site_id": site, "languages": ["id", "en"]}
        topic = self._topic()
        person |= {"topics": {topic: 3}} if role == "mentor" else {"topics": [topic], "motive": "career"}
        who = self.api.post(f"{self.path}/{role}s", person)["participant_id"]
        self.api.post(f"/participants/{who}/check-in")

    def arrive(self) -> None:
        for role in ("mentee", "mentor"):
            self.walk_in(role)
        for each in self._people()[::9]:
            self.api.post(f"/participants/{each['participant_id']}/check-in")

    def shift(self, by_seconds: int) -> None:
        self.api.post(f"{self.path}/sessions/start-shift", {"by_seconds": by_seconds})

    def begin(self) -> None:
        for session in self._sessions():
            far = read_time(session["timetable"][0]["starts_at"]) - self.clock.now() - timedelta(seconds=120)
            body = {"by_seconds": -int(far.total_seconds()), "session_id": session["session_id"]}
            self.api.post(f"{self.path}/sessions/start-shift", body)
        for session in self._sessions():
            eventually(lambda it=session: self._session(it)["state"] == "round", 60, "a round has begun")
            self.api.post(f"/sessions/{session['session_id']}/pause")

    def resume(self) -> None:
        for session in self._sessions():
            self.api.post(f"/sessions/{session['session_id']}/resume")

    def end_round(self) -> None:
        """Each site's first round is made longer and then ended, and the session stands still after it."""
        for session in self._sessions():
            self.api.post(f"/sessions/{session['session_id']}/extension", {"seconds": 30})
            self.api.post(f"/sessions/{session['session_id']}/resume")
            self.api.post(f"/sessions/{session['session_id']}/end-round")
            self.api.post(f"/sessions/{session['session_id']}/pause")

    def finish(self) -> None:
        self.resume()
        eventually(lambda: all(each["state"] == "finished" for each in self._sessions()), 120, "all is over")
        eventually(lambda: self.api.get(self.path)["state"] == "finished", 30, "the program is over")

    def say_something(self, round_: int) -> None:
        codes = {each["participant_id"]: each["access_code"] for each in self.api.get(f"{self.path}/access-codes")}
        for meeting in [each for each in self._meetings() if each["round"] == round_][:3]:
            for role, other in (("mentor", "mentee_id"), ("mentee", "mentor_id")):
                if meeting[f"{role}_id"] in codes:
                    own = self.api.log_in(access_code=codes[meeting[f"{role}_id"]])
                    said = {"ratings": {"time_well_spent": 6}, "stay_in_touch": True, "takeaway": "Ask earlier."}
                    own.post(f"/meetings/{meeting['meeting_id']}/feedback", said)
                    if meeting[other] in codes:
                        own.put(f"{self.path}/ranking", {"ranks": [meeting[other]]})

    def pair(self) -> None:
        self.api.post(f"{self.path}/pairing")
        eventually(lambda: self.api.get(f"{self.path}/pairing")["state"] == "paired", 60, "the pairs are formed")

    # What there is

    def _one(self, role: str, meeting_in: int | None) -> str:
        """Somebody of a role who still takes part, and who has a meeting in this round if one is given."""
        there = {each["participant_id"] for each in self._people() if each["role"] == role}
        if meeting_in is not None:
            there &= {each[f"{role}_id"] for each in self._meetings() if each["round"] == meeting_in}
        return self.chance.choice(sorted(there))

    def _people(self) -> list[View]:
        return [each for each in self.api.get(f"{self.path}/participants") if each["status"] == "registered"]

    def _topic(self) -> str:
        return next(each["topics"][0] for each in self._people() if each["role"] == "mentee")

    def _meetings(self) -> list[View]:
        found: list[View] = self.api.get(f"{self.path}/plan")["meetings"]
        return found

    def _has_plan(self) -> bool:
        return bool(self._sessions())

    def _planned(self, requested: int) -> None:
        def made() -> bool:
            plan = self.api.get(f"{self.path}/plan")
            return plan["requested"] >= requested and plan["state"] == "planned"

        eventually(made, 60, "the plan is made")
        eventually(self._sessions, 30, "there are sessions")

    def _sessions(self) -> list[View]:
        found: list[View] = self.api.get(f"{self.path}/sessions")
        return found

    def _session(self, view: View) -> View:
        found: View = self.api.get(f"/sessions/{view['session_id']}")
        return found
