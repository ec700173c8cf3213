"""Whoever hears everything: two events that differ in their secrets alone, and all that other systems hear of each.

The attacker has the widest scope there is, every public event, and reads ``/metrics`` of all services after each thing
that is done. If both events sound the same to the attacker, then no join, no subtraction and no timing tells one secret
from the other: there is nothing to tell them by.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from deploy.demo.event import Run
from deploy.demo.observer import Observer
from deploy.demo.system import System
from deploy.local.waiting import eventually
from shared.events import Event
from shared.operations.checking import look, settle

View = dict[str, Any]
#: Who met whom in which round, and which of the two speaks.
Side = tuple[str, str, int, str]

PROGRAM = """
title = "Secrets"
key = "secrets"
date = 2027-03-06
rounds = 2
round_minutes = 5
break_minutes = 1
warning_seconds = [60]
""" + "".join(
    f'[[sites]]\nid = "{site}"\nname = "{site}"\ntime_zone = "Asia/Jakarta"\nstart = "12:00"\n'
    for site in ("hall", "gallery", "nook")
)

#: Mentors and mentees by site. Enough say something in each round at two of them; at the third too few.
PLACES = {"hall": 4, "gallery": 3, "nook": 2}


@dataclass(frozen=True)
class Secrets:
    """What nobody may find out, in one of two variants; the rest of the event is the same.

    ``pierre``, ``marie`` and ``louis`` speak a language of which only the mentors ``luc`` and ``anne`` know a word, so
    that whom else they want, avoid, report to or work with changes nothing of the plan.
    """

    variant: bool

    def either(self, one: str, other: str) -> str:
        """One of the two, by the variant."""
        return one if self.variant else other

    def relations(self) -> dict[str, View]:
        """By participant, what is in the files of relations to others."""
        return {
            "pierre": {
                "avoids": self.either("hall-mentor-0", "hall-mentor-1"),
                "wants": self.either("hall-mentor-2", "hall-mentor-3"),
                "manager": self.either("hall-mentor-1", "hall-mentor-0"),
            },
            # One avoids somebody and the other does not.
            "marie": {"team": self.either("red", "blue"), "avoids": self.either("hall-mentor-2", "")},
            "louis": {"avoids": self.either("", "hall-mentor-2")},
            "hall-mentor-2": {"team": "blue"},
            "hall-mentor-3": {"team": "red", "never": self.either("marie", "louis")},
        }

    def late(self) -> tuple[str, str]:
        """Who, once a plan is out, says to avoid whom of the other role."""
        return ("nook-mentee-0", "nook-mentor-0") if self.variant else ("nook-mentor-0", "nook-mentee-0")

    def walk_in_team(self) -> str:
        """Whose colleague comes in at the door."""
        return self.either("red", "blue")

    def rating(self, side: Side) -> int:
        """What one side says of a meeting: two of the same round and side, at each site, have said each other's."""
        mentor, mentee, number, role = side
        if role == "mentee" and number == 1 and mentee in ("hall-mentee-0", "hall-mentee-1"):
            return 2 if (mentee == "hall-mentee-0") is self.variant else 7
        if role == "mentor" and number == 2 and mentee in ("gallery-mentee-0", "gallery-mentee-1"):
            return 3 if (mentee == "gallery-mentee-0") is self.variant else 6
        # Of no round here anything is told: what is said in one or the other comes to the same.
        if role == "mentor" and mentor == "nook-mentor-0":
            return 1 if (number == 1) is self.variant else 6
        return 1 + (3 * ord(mentor[-1]) + 5 * ord(mentee[-1]) + number + len(role)) % 7

    def tells(self, meeting: tuple[int, str, str], role: str) -> bool:
        """Whether what one side says of the meeting (its round, mentor and mentee) depends on the variant."""
        number, mentor, mentee = meeting
        side = (mentor, mentee, number, role)
        return self.rating(side) != replace(self, variant=not self.variant).rating(side)

    def stays(self, side: Side) -> bool:
        """Whether one side chooses to stay in touch: of some pairs only one does, and nobody may know which."""
        mentor, mentee, _, role = side
        kind = sum(map(ord, mentor + mentee)) % 3
        return kind == 0 or (kind == 1 and (role == "mentor") is self.variant)


def files(secrets: Secrets) -> dict[str, str]:
    """The event's files."""
    relations = secrets.relations()

    def row(*cells: str) -> str:
        return ",".join(f'"{each}"' for each in cells)

    def of(who: str, *names: str) -> list[str]:
        return [relations.get(who, {}).get(name, "") for name in names]

    mentors = ["ref,name,email,site,languages,topics,motives,storytelling,team,wants,avoids,never"]
    mentees = ["ref,name,email,site,languages,motive,topics,team,wants,avoids,manager,question_1"]
    hosts = [(f"{site}-mentor-{number}", site, "id") for site, count in PLACES.items() for number in range(count)]
    guests = [(f"{site}-mentee-{number}", site, "id") for site, count in PLACES.items() for number in range(count)]
    guests += [(who, "hall", "fr") for who in ("pierre", "marie", "louis")]
    for who, site, language in [*hosts, ("luc", "hall", "fr"), ("anne", "hall", "fr")]:
        told = of(who, "team", "wants", "avoids", "never")
        mentors.append(row(who, f"Name {who}", f"{who}@x.example", site, language, "funding:3", "career", "3", *told))
    for who, site, language in guests:
        told = of(who, "team", "wants", "avoids", "manager")
        mentees.append(
            row(who, f"Name {who}", f"{who}@x.example", site, language, "career", "funding", *told, "Why at all?")
        )
    return {
        "program.toml": PROGRAM,
        "mentors.csv": "\n".join(mentors) + "\n",
        "mentees.csv": "\n".join(mentees) + "\n",
    }


@dataclass
class Heard:
    """All that came of one event, a step after the other: what was done, what was heard, and what figures grew by."""

    steps: list[tuple[str, list[Any], dict[str, float]]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    metrics: str = ""
    who: dict[str, str] = field(default_factory=dict)


#: Figures of how much is done, of which the same is done in both events. The others are of time, memory and waiting.
FIGURES = re.compile(
    r"speedmentor_(outbox_published_total|events_handled_total|rpc_seconds_count)(\{[^}]*\})? (\S+)", re.ASCII
)
#: Calls that come of looking, which the attacker's helper does as often as it takes.
LOOKING = re.compile(
    r'method="(time|get_|list_|ledger|access_codes|redeem|try_|close_|request_)|outcome="(?!ok)|log-ins'
)


def overhear(system: System, secrets: Secrets) -> Heard:
    """Hold an event with these secrets and hear all of it that can be heard from outside."""
    with Observer(system.infrastructure.amqp_uri()) as observer:
        return _Ear(system, observer, secrets).hear()


class _Ear:
    """One event, done a thing at a time, so that whatever is heard is known to come of that thing."""

    def __init__(self, system: System, observer: Observer, secrets: Secrets) -> None:
        self._system, self._observer, self._secrets = system, observer, secrets
        self._api = system.organizer()
        self._run = Run(self._api, system.clock, lead=6.0)
        self._heard = Heard()
        self._before = self._figures()
        self._known = 0
        self._relabel: dict[str, str] = {}

    @property
    def _program_id(self) -> str:
        return self._run.outcome.program_id

    def hear(self) -> Heard:
        """All of it, from the files to the closing."""
        for name, do in self._course():
            do()
            self._note(name)
        self._heard.who = self._relabel
        return self._heard

    def _course(self) -> Iterator[tuple[str, Any]]:
        yield "prepared", lambda: self._run.prepare(files(self._secrets))
        people = {each["ref"]: each["participant_id"] for each in self._run.outcome.participants}
        who, whom = self._secrets.late()
        preferences = f"/participants/{people[who]}/preferences"
        yield "avoided late", lambda: self._api.put(preferences, {"avoids": [people[whom]]})
        yield "taken back", lambda: self._api.put(preferences, {"avoids": []})
        form = {"name": "Walk In", "site_id": "hall", "languages": ["fr"], "motive": "career", "topics": ["funding"]}
        form |= {"team": self._secrets.walk_in_team(), "questions": ["Why me?"]}
        yield "walked in", lambda: self._api.post(f"/programs/{self._program_id}/mentees", form)
        yield "held", self._run.hold
        yield from self._feedback(people)
        yield "closed", self._run.close

    def _feedback(self, people: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        names = {participant: ref for ref, participant in people.items()}
        codes = {
            each["participant_id"]: each["access_code"]
            for each in self._api.get(f"/programs/{self._program_id}/access-codes")
        }

        def say(meeting: View, role: str) -> None:
            mentor, mentee = (names.get(meeting[f"{each}_id"], "walk-in") for each in ("mentor", "mentee"))
            side = (mentor, mentee, meeting["round"], role)
            value = self._secrets.rating(side)
            ratings = {"time_well_spent": value, "would_recommend": value + 1}
            said = {"ratings": ratings, "stay_in_touch": self._secrets.stays(side), "takeaway": None}
            own = self._api.log_in(access_code=codes[meeting[f"{role}_id"]])
            own.post(f"/meetings/{meeting['meeting_id']}/feedback", said)

        def order(meeting: View) -> tuple[int, str, str]:
            return (meeting["round"], *(names.get(meeting[f"{each}_id"], "walk-in") for each in ("mentor", "mentee")))

        sides = [(each, role) for each in sorted(self._run.outcome.held, key=order) for role in ("mentor", "mentee")]
        # Those who have a secret speak one by one, with everybody listening; the others in a row.
        alone = [(each, role) for each, role in sides if self._secrets.tells(order(each), role)]
        for each, role in alone:
            yield f"{role} of {order(each)}", lambda it=each, role=role: say(it, role)
        yield "the others", lambda: [say(each, role) for each, role in sides if (each, role) not in alone]

    def _note(self, name: str) -> None:
        settle(lambda: look(self._api, [self._program_id], self._system.operator_uri), 30)
        self._observer.catch_up()
        heard = self._observer.events(self._program_id)
        fresh, self._known = heard[self._known :], len(heard)
        self._heard.events = heard
        if not self._relabel:
            self._relabel = self._labels()
        for event in fresh:
            self._name_new(event)
        after = self._figures()
        grown = {key: after[key] - self._before.get(key, 0) for key in after if after[key] != self._before.get(key, 0)}
        self._before = after
        # A round's bells are looked for until they come, so how much is asked meanwhile is not the same twice.
        self._heard.steps.append((name, self._told(fresh), {} if name in ("prepared", "held") else grown))

    def _labels(self) -> dict[str, str]:
        """Ids differ from one event to the next: by what stands for them in both."""
        found = {each["participant_id"]: each["ref"] for each in self._run.outcome.participants}
        return found | {self._program_id: "the program"}

    def _name_new(self, event: Event) -> None:
        data, label = event.data, self._relabel
        if event.name.endswith("-registered"):
            label.setdefault(event.subject, "walk-in")
        if event.name in ("matching.meeting-assigned", "feedback.connection-formed"):
            pair = f"{label[data['mentor_id']]}+{label[data['mentee_id']]}"
            label.setdefault(event.subject, f"{event.name} {pair}")
        for kind in ("plan", "session", "round"):
            if isinstance(thing := data.get(f"{kind}_id"), str):
                label.setdefault(thing, f"{kind} {data.get('site_id')} {data.get('round') if kind == 'round' else ''}")

    def _told(self, events: list[Event]) -> list[Any]:
        """What was heard, without ids and times, in groups that came of one and the same request."""
        groups: dict[str | None, list[str]] = {}
        for event in events:
            # How often a start is shifted until the time is right is chance; bells say nothing of anybody.
            if not event.name.startswith("session-timer."):
                groups.setdefault(event.correlationid, []).append(self._plain(event))
        return sorted(sorted(group) for group in groups.values())

    def _plain(self, event: Event) -> str:
        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {plain(key): plain(each) for key, each in sorted(value.items())}
            if isinstance(value, list):
                return [plain(each) for each in value]
            if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
                return "a time"
            return self._relabel.get(value, value) if isinstance(value, str) else value

        return repr((event.name, event.ordinal, event.site, plain(event.subject), plain(event.data)))

    def _figures(self) -> dict[str, float]:
        """The figures as soon as they stay: what was done is counted a moment after others can see it."""
        seen = self._read_figures()

        def unchanged() -> bool:
            nonlocal seen
            before, seen = seen, self._read_figures()
            return seen == before

        eventually(unchanged, 20, "figures that stay", pause=0.3)
        return seen

    def _read_figures(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for name in self._system.deployment.names:
            status, text = self._system.deployment.health(name, "/metrics")
            assert status == 200
            self._heard.metrics += text
            for line in text.splitlines():
                if (figure := FIGURES.fullmatch(line)) and not LOOKING.search(line):
                    key = f"{name.rpartition('-')[0]} {line.rpartition(' ')[0]}"
                    found[key] = found.get(key, 0) + float(figure[3])
        return found
