"""An organizer's and the participants' way through a whole event, over the gateway's API and nothing else.

A library: the demonstration runs it on a system that stays well, the fault tests on one whose parts are killed
meanwhile. Every call is tried again until it is answered (see :class:`~shared.operations.api.Api`), and what comes as
an event somewhere else is waited for.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from deploy.demo.answers import answer
from deploy.demo.live import Follower
from shared.clock import Clock, event_time
from shared.events import read_time
from shared.operations.api import Api, Refused

#: Calls under way at once when many people do something.
PEOPLE = 24

#: No command shifts a start further at once: a week, in seconds.
FURTHEST = 7 * 86_400

#: Sites of an event that begin later than others keep that distance, up to this.
LONGEST_DISTANCE = timedelta(hours=1)

#: Real seconds between two looks at what is waited for.
LOOK = 0.1

Item = TypeVar("Item")
Result = TypeVar("Result")
View = dict[str, Any]
Pair = tuple[str, str]


class Overdue(Exception):
    """Something did not come about in time; the text says what."""


class Watcher(Protocol):
    """Whoever wants to see how the event goes on."""

    def stage(self, name: str) -> None:
        """A stage begins, and with it the one before has ended."""

    def step(self, done: int, of: int) -> None:
        """So many of the calls of this stage are done."""

    def sessions(self, views: Iterable[View]) -> None:
        """The sessions of all sites, as they are now."""


class Unwatched:
    """Nobody looks."""

    def stage(self, name: str) -> None:
        """Nothing to show."""

    def step(self, done: int, of: int) -> None:
        """Nothing to show."""

    def sessions(self, views: Iterable[View]) -> None:
        """Nothing to show."""


@dataclass
class Outcome:
    """What came of the event, as the API told it. ``stages`` has real seconds by stage."""

    program_id: str = ""
    program: View = field(default_factory=dict)
    participants: list[View] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    first_plan: View = field(default_factory=dict)
    plan: View = field(default_factory=dict)
    sessions: list[View] = field(default_factory=list)
    feedback: int = 0
    mutual: int = 0
    connections: list[View] = field(default_factory=list)
    pairing: View = field(default_factory=dict)
    report: View = field(default_factory=dict)
    bells: int = 0
    reconnections: int = 0
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def held(self) -> list[View]:
        """The meetings of the plan that have been held."""
        rounds = {each["site_id"]: each["rounds_held"] for each in self.sessions}
        return [each for each in self.plan["meetings"] if each["round"] <= rounds.get(each["site_id"], 0)]


class Run:
    """One event on the system that ``api`` reaches, logged in as its organizer.

    Args:
        api: for the organizer.
        clock: the clock that the services run on.
        seed: the same seed gives the same absences and answers.
        lead: real seconds from the shift of the starts to the first of them.
        patience: real seconds that anything may take that is waited for.
    """

    def __init__(
        self,
        api: Api,
        clock: Clock,
        *,
        seed: int = 1,
        lead: float = 3.0,
        patience: float = 60.0,
        watcher: Watcher | None = None,
    ) -> None:
        self._api = api
        self._clock = clock
        self._seed = seed
        self._lead = lead
        self._patience = patience
        self._watcher = watcher or Unwatched()
        self._stage: tuple[str, float] | None = None
        self.outcome = Outcome()
        #: When it began, by ``time.monotonic()``.
        self.began = time.monotonic()

    def whole(self, files: Mapping[str, str]) -> Outcome:
        """From the files to the report.

        Raises:
            Refused: the API said no; with problems by file and row if the files have faults.
            Unreachable, Overdue: the system did not get on.
        """
        self.prepare(files)
        self.arrive()
        self.hold()
        self.give_feedback()
        self.pair()
        self.close()
        return self.outcome

    def prepare(self, files: Mapping[str, str]) -> None:
        """Import, publish and plan."""
        found = self.outcome
        self._begin("importing the files")
        found.program_id = self._api.post("/programs:import", {"files": dict(files)})["program_id"]
        self._begin("publishing")
        self._api.post(f"{self._path}/publication")
        self._begin("planning")
        self._api.post(f"{self._path}/plan")
        found.first_plan = found.plan = self._planned("a first plan", lambda plan: plan["revision"] >= 1)
        found.program = self._api.get(self._path)
        sites = len(found.program["sites"])
        found.sessions = self._wait(f"sessions at {sites} sites", self._sessions, lambda seen: len(seen) == sites)
        found.participants = self._api.get(f"{self._path}/participants")
        self._end()

    def arrive(self) -> None:
        """Check people in; those who do not come are marked absent, and the plan is made anew without them."""
        found = self.outcome
        self._begin("checking people in")
        found.absent = no_shows(found.participants, found.plan["meetings"], self._seed)
        there = [each["participant_id"] for each in found.participants if each["participant_id"] not in found.absent]
        self._each(there, lambda who: self._api.post(f"/participants/{who}/check-in"))
        self._begin("planning again without those who did not come")
        self._each(found.absent, lambda who: self._api.post(f"/participants/{who}/absence", {"from_round": 1}))
        away = set(found.absent)
        found.plan = self._planned(
            "a plan without those absent",
            lambda plan: not any(away & {each["mentor_id"], each["mentee_id"]} for each in plan["meetings"]),
        )
        self._end()

    def hold(self) -> None:
        """Move the starts near, and follow all rounds to the end."""
        found = self.outcome
        self._begin("holding the rounds")
        with Follower(self._api, found.program_id) as follower:
            begin = min(read_time(each["timetable"][0]["starts_at"]) for each in found.sessions)
            for session in found.sessions:
                distance = read_time(session["timetable"][0]["starts_at"]) - begin
                self._bring_near(session, min(distance, LONGEST_DISTANCE))
            found.sessions = self._finished(follower)
            # The API may know of the end before the stream has told of the last bell.
            follower.wait_for_the_last_bell(len(found.sessions), self._patience)
            found.bells, found.reconnections = follower.bells, follower.reconnections
        rounds = {each["site_id"]: each["rounds_held"] for each in found.sessions}
        held = {site: count for site, count in rounds.items() if count}
        # What was planned again meanwhile, if anything was, is what has been held.
        found.plan = self._planned("the plan that was held", lambda plan: plan["begun"] == held)
        self._wait(
            "feedback has heard that all rounds are over",
            lambda: self._api.get(f"{self._path}/ledgers")["feedback"]["rounds-held"],
            lambda heard: heard == rounds,
        )
        self._end()

    def give_feedback(self) -> None:
        """Have both sides of every held meeting log in by access code and say what they think, and whom they
        would go on with."""
        found = self.outcome
        self._begin("collecting feedback")
        names = {each["participant_id"]: each["name"] for each in found.participants}
        due: dict[str, list[View]] = {}
        for meeting in found.held:
            for who in (meeting["mentor_id"], meeting["mentee_id"]):
                due.setdefault(who, []).append(meeting)
        codes = {each["participant_id"]: each["access_code"] for each in self._api.get(f"{self._path}/access-codes")}

        def tell(who: str) -> list[Pair]:
            own, likes, liked = self._api.log_in(access_code=codes[who]), [], {}
            for meeting in due[who]:
                role = "mentor" if meeting["mentor_id"] == who else "mentee"
                said = answer(
                    self._seed, role, names[meeting["mentor_id"]], names[meeting["mentee_id"]], meeting["round"]
                )
                own.post(f"/meetings/{meeting['meeting_id']}/feedback", said.to_document())
                if said.stay_in_touch:
                    likes.append((meeting["mentor_id"], meeting["mentee_id"]))
                    other = meeting["mentee_id" if role == "mentor" else "mentor_id"]
                    liked[other] = said.ratings["time_well_spent"]
            own.put(f"{self._path}/ranking", {"ranks": sorted(liked, key=lambda other: (-liked[other], names[other]))})
            return likes

        told = self._each(sorted(due, key=lambda who: names[who]), tell)
        found.feedback = sum(map(len, due.values()))
        # A pair is named once by each side that chose the other.
        found.mutual = sum(sides == 2 for sides in Counter(pair for likes in told for pair in likes).values())
        self._end()

    def pair(self) -> None:
        """Have the final pairs formed from what people have said."""
        found = self.outcome
        self._begin("forming the pairs")
        self._api.post(f"{self._path}/pairing")
        found.pairing = self._wait(
            "the pairs", lambda: self._api.get(f"{self._path}/pairing"), lambda seen: seen["state"] == "paired"
        )
        self._wait(
            "feedback has heard of the pairs",
            lambda: self._api.get(f"{self._path}/ledgers")["feedback"]["pairings"],
            lambda heard: heard == {found.program_id: found.pairing["revision"]},
        )
        self._end()

    def close(self) -> None:
        """Form the connections, close the program and read its report."""
        found = self.outcome
        self._begin("closing")
        self._api.post(f"{self._path}/closing")
        found.connections = self._api.get(f"{self._path}/connections")["connections"]
        found.report = self._api.get(f"{self._path}/report")
        self._end()

    # What the stages share

    @property
    def _path(self) -> str:
        return f"/programs/{self.outcome.program_id}"

    def _begin(self, stage: str) -> None:
        self._end()
        self._stage = (stage, time.monotonic())
        self._watcher.stage(stage)

    def _end(self) -> None:
        if self._stage:
            name, began = self._stage
            self.outcome.stages[name] = round(time.monotonic() - began, 3)
            self._stage = None

    def _each(self, items: Iterable[Item], call: Callable[[Item], Result]) -> list[Result]:
        """Call for many at once; the first fault ends it."""
        listed = list(items)
        results = []
        with ThreadPoolExecutor(PEOPLE) as pool:
            for result in pool.map(call, listed):
                results.append(result)
                self._watcher.step(len(results), len(listed))
        return results

    def _wait(self, what: str, ask: Callable[[], Result], enough: Callable[[Result], bool]) -> Result:
        deadline = time.monotonic() + self._patience
        while True:
            seen = ask()
            if enough(seen):
                return seen
            if time.monotonic() > deadline:
                raise Overdue(f"not within {self._patience:g} s: {what}; last seen: {str(seen)[:500]}")
            time.sleep(LOOK)

    def _planned(self, what: str, enough: Callable[[View], bool]) -> View:
        def is_made(plan: View) -> bool:
            if plan["state"] == "failed":
                raise Overdue(f"planning has failed: {plan.get('failure')}")
            return bool(plan["state"] == "planned" and enough(plan))

        return self._wait(what, lambda: self._api.get(f"{self._path}/plan"), is_made)

    def _sessions(self) -> list[View]:
        return list(self._api.get(f"{self._path}/sessions"))

    def _bring_near(self, session: View, distance: timedelta) -> None:
        """Shift the start to ``lead`` real seconds from now, and by ``distance`` later."""
        starts_at = read_time(session["timetable"][0]["starts_at"])
        tries = 0
        while True:
            target = self._clock.now() + event_time(self._clock, self._lead) + distance
            seconds = round((target - starts_at).total_seconds())
            step = max(-FURTHEST, min(FURTHEST, seconds))
            body = {"session_id": session["session_id"], "by_seconds": step}
            try:
                moved = self._api.post(f"{self._path}/sessions/start-shift", body)["sessions"][0]
            except Refused as error:
                # On the way the instant may have gone by: a service was away for longer than the lead.
                tries += 1
                if error.status != 422 or tries > 10:
                    raise
                continue
            starts_at = read_time(moved["timetable"][0]["starts_at"])
            if step == seconds:
                return

    def _finished(self, follower: Follower) -> list[View]:
        """Wait until all sessions are over; the stream tells when something changes, the API what holds."""
        rounds = self.outcome.sessions[0]["timetable"]
        length = (
            read_time(rounds[-1]["ends_at"]) - read_time(rounds[0]["starts_at"]) + LONGEST_DISTANCE
        ).total_seconds()
        deadline = time.monotonic() + self._lead + self._clock.real_seconds(length) + self._patience
        while True:
            if follower.has_changed():
                views = self._sessions()
                follower.take(views)
                if all(is_over(each) for each in views):
                    self._watcher.sessions(views)
                    return views
            self._watcher.sessions(follower.views())
            if time.monotonic() > deadline:
                raise Overdue("the sessions did not end when they should have")
            time.sleep(LOOK)


def is_over(view: View) -> bool:
    """Whether nothing of a session is to come: it is cancelled, or past its end with all its bells rung.

    The state follows from the timetable; a timer that was away at the end rings what it missed only afterwards.
    """
    return bool(
        view["state"] == "cancelled" or (view["state"] == "finished" and view["rounds_held"] == len(view["timetable"]))
    )


def no_shows(
    participants: list[View], meetings: list[View], seed: int, mentees: int = 2, mentors: int = 1
) -> list[str]:
    """The ids of those who do not come: drawn from people with meetings; of a small event fewer, so that it goes on."""
    busy = {meeting[f"{role}_id"] for meeting in meetings for role in ("mentor", "mentee")}
    chosen = []
    for role, most in (("mentee", mentees), ("mentor", mentors)):
        people = sorted(
            (each for each in participants if each["role"] == role and each["participant_id"] in busy),
            key=lambda each: (each["name"], each["site_id"]),
        )
        drawn = random.Random(f"{seed}|{role}").sample(people, min(most, len(people) // 4))
        chosen += [each["participant_id"] for each in drawn]
    return chosen
