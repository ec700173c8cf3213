"""The whole event on real processes, broker and database: once with all well, once with every part killed."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft7Validator
from pymongo import MongoClient

from deploy.demo.event import Run
from deploy.demo.faults import Kill
from deploy.demo.files import EventFiles, read_files
from deploy.demo.observer import Observer
from deploy.demo.system import System, clock_from, running
from deploy.demo.whole import run_event
from deploy.local import RUN, Infrastructure
from deploy.local.infrastructure import sweep
from deploy.local.space import CHECKOUT
from shared.events import full_type
from shared.events.catalogue import PUBLIC
from shared.operations.api import Refused
from shared.operations.checking import look, settle
from tests.readers import FORMATS, assert_all_can_read, whole
from tests.system.consumers import Consumers
from tests.system.hostile import Event
from tests.system.joining import Secrets, overhear

pytestmark = pytest.mark.system

ARCHIPELAGO = CHECKOUT / "examples" / "archipelago"
SMALL = CHECKOUT / "examples" / "small"


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for all state of this module's own system; what is left in it at the end is stopped."""
    yield from _folder(RUN / "events")


@pytest.fixture
def own_place() -> Iterator[Path]:
    """Another one."""
    yield from _folder(RUN / "commands")


def _folder(within: Path) -> Iterator[Path]:
    # Named so that what a killed run leaves behind is found by the next one.
    sweep(within)
    folder = within / f"test-{os.getpid()}"
    yield folder
    Infrastructure(folder).down()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def archipelago() -> EventFiles:
    return read_files(ARCHIPELAGO)


@pytest.fixture(scope="module")
def system(place: Path, archipelago: EventFiles) -> Iterator[System]:
    with running(clock_from(archipelago.begin(360), 360), place) as found:
        yield found


def _rows(name: str) -> list[dict[str, str]]:
    with (ARCHIPELAGO / name).open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source))


def _assert_whole(found: dict[str, Any]) -> None:
    assert found["faults"] == []
    assert found["differences"] == []
    assert found["dead_letters"] == 0
    assert found["clean"]
    mentors, mentees = len(_rows("mentors.csv")), len(_rows("mentees.csv"))
    assert found["participants"] == {
        "mentors": mentors,
        "mentees": mentees,
        "absent": 3,
        "checked_in": mentors + mentees - 3,
    }
    meetings, events = found["meetings"], found["events"]
    assert meetings["held"] == meetings["planned"] == meetings["pairs"] > mentees
    assert found["feedback"] == events["feedback.feedback-submitted"] == 2 * meetings["held"]
    assert 0 < found["connections"] == events["feedback.connection-formed"] < meetings["held"]
    # Everybody who met somebody is paired, while mentors have places.
    pairs = found["pairs"]
    assert pairs["formed"] == events["matching.pair-formed"] <= mentors
    assert pairs["most_mutual"]["mutual"] >= pairs["stable"]["mutual"] > 0
    told = found["report"]["pairing"]
    assert told["pairs"] == pairs["formed"]
    # A kind of fewer than five pairs is not told, nor what would give it away.
    for method in ("stable", "most_mutual"):
        assert all(told[method][kind] in (None, count) for kind, count in pairs[method].items())
        assert not any(0 < (count or 5) < 5 for count in told[method].values())
    assert [site["rounds_held"] for site in found["sites"]] == [found["rounds"]] * 3
    assert events["session-timer.round-started"] == events["session-timer.round-ended"] == 3 * found["rounds"]
    assert events["registration.mentor-registered"] == mentors
    assert events["registration.mentee-registered"] == mentees
    # Nobody of those who came is left without a meeting, and the plan is as good as can be.
    assert found["fairness"]["fewest"] >= 1
    assert found["plan"]["revision"] >= 2
    assert found["plan"]["quality"]["certified"]


def test_files_with_faults_create_nothing_and_every_row_is_named(system: System, archipelago: EventFiles) -> None:
    api = system.organizer()
    before = api.get("/programs")
    texts = dict(archipelago.texts)
    mentors = texts["mentors.csv"].split("\n")
    mentors[2] = mentors[2].replace(",jkt,", ",atlantis,")
    mentees = texts["mentees.csv"].split("\n")
    mentees[5] = mentees[4]
    texts |= {"mentors.csv": "\n".join(mentors), "mentees.csv": "\n".join(mentees)}
    with pytest.raises(Refused) as refused:
        Run(api, system.clock).whole(texts)
    problems = refused.value.problem["problems"]
    named = {(each["file"], each["row"], each["field"]) for each in problems}
    assert {("mentors.csv", 3, "site"), ("mentees.csv", 6, "ref")} <= named
    assert all(each["what"] and each["remedy"] for each in problems)
    assert api.get("/programs") == before


@pytest.fixture(scope="module")
def outsider(system: System) -> Iterator[Observer]:
    with Observer(system.infrastructure.amqp_uri()) as observer:
        yield observer


@pytest.fixture(scope="module")
def consumers(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consumers]:
    """Other systems, one of which listens from before the event on."""
    with Consumers(system, tmp_path_factory.mktemp("consumers")) as found:
        yield found


@pytest.fixture(scope="module")
def well(system: System, archipelago: EventFiles, outsider: Observer, consumers: Consumers) -> dict[str, Any]:
    return run_event(system, archipelago.texts, watcher=consumers)


def test_an_event_runs_from_its_files_to_its_report(well: dict[str, Any]) -> None:
    _assert_whole(well)
    if well["live"]["reconnections"] == 0:
        assert well["live"]["bells"] == sum(
            well["events"][f"session-timer.{bell}"]
            for bell in ("round-started", "round-warned", "round-ended", "session-finished")
        )


def test_every_event_is_read_by_other_validators_and_sdks_by_what_the_gateway_serves(
    system: System, well: dict[str, Any], outsider: Observer
) -> None:
    outsider.catch_up()
    bodies = outsider.bodies(well["program_id"])
    # What is for matching alone is heard by nobody else, but the account of these tests may.
    bodies = [each for each in bodies if json.loads(each)["type"] in PUBLIC]
    document = requests.get(f"{system.deployment.url}/asyncapi.json", timeout=30).json()
    paths = requests.get(f"{system.deployment.url}/schemas/", timeout=30).json()["schemas"]
    schemas = {Path(path).stem: requests.get(system.deployment.url + path, timeout=30).json() for path in paths}
    told = {event["type"] for event in map(json.loads, bodies)}
    assert set(map(full_type, well["events"])) & PUBLIC.keys() == told
    assert told <= schemas.keys() <= document["channels"].keys()
    assert_all_can_read(bodies, schemas)
    # And as whole messages of the document.
    payloads = {
        name: Draft7Validator(whole(message["payload"], document), format_checker=FORMATS)
        for name, message in document["components"]["messages"].items()
    }
    for event in map(json.loads, bodies):
        assert payloads[event["type"]].is_valid(event), event["type"]


@pytest.fixture
def check(system: System) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*more: str) -> subprocess.CompletedProcess[str]:
        password = str(system.infrastructure.secrets.organizer_password)
        options = ["--url", system.deployment.url, "--password-file", password, "--amqp-uri", system.operator_uri]
        command = [str(Path(sys.executable).with_name("speedmentor")), "check", *options, *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    return run


def test_whoever_reads_the_events_has_the_same_state_however_late(
    system: System,
    well: dict[str, Any],
    consumers: Consumers,
    check: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    api = system.organizer()
    people = api.get(f"/programs/{well['program_id']}/participants")
    gone = next(each["participant_id"] for each in people if each["role"] == "mentee")
    api.call("DELETE", f"/participants/{gone}")
    done = check("--wait", "30", "--export", str(tmp_path / "state.json"))
    assert done.returncode == 0, done.stdout
    state = (tmp_path / "state.json").read_text(encoding="utf-8")
    (program,) = json.loads(state)["programs"].values()
    assert len(program["meetings"]) == well["meetings"]["planned"]
    assert 0 < len(program["connections"]) <= well["connections"]
    assert program["closed"]
    assert gone not in state
    assert "/erased" in state
    assert consumers.by_listening() == state
    assert consumers.by_coming_afterwards() == state
    assert consumers.by_snapshot_in_the_middle() == state
    assert consumers.by_reading_the_log() == state


def test_check_finds_what_somebody_changed_behind_a_services_back(
    system: System, well: dict[str, Any], check: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    clean = check("--program", well["program_id"])
    assert (clean.returncode, clean.stderr) == (0, "")
    assert "all services agree" in clean.stdout
    with MongoClient[dict[str, Any]](system.infrastructure.mongo_uri("matching")) as client:
        meetings = client["matching"]["meetings"]
        lost = meetings.find_one_and_delete({"program_id": well["program_id"]})
        assert lost is not None
        try:
            spoilt = check("--program", well["program_id"])
        finally:
            meetings.insert_one(lost)
    assert spoilt.returncode == 1
    assert f"meetings {lost['_id']}: feedback has" in spoilt.stdout
    assert check("--program", well["program_id"], "--wait", "5").returncode == 0


def test_all_agree_after_everything_that_goes_otherwise(system: System, archipelago: EventFiles) -> None:
    api, files = system.organizer(), archipelago.texts
    second = {**files, "program.toml": files["program.toml"].replace('title = "', 'title = "Second ')}
    for texts, kind in ((files, Event.steps), (second, Event.called_off)):
        event = Event(api, system.clock, texts, seed=1)
        for name, do in kind(event):
            do()
            finding = settle(lambda it=event: look(api, [it.program_id], system.operator_uri), 30)
            assert finding.is_clean, f"{name}: {finding}"


def test_who_hears_everything_cannot_tell_one_secret_from_another(system: System) -> None:
    """No join tells who rated whom, whom somebody wants or avoids, who is in a team with whom, or whose manager.

    Two events are held that differ in these alone, so far as nobody is told of them in public: in who of two said what,
    who of two avoids the other, whom of two somebody works with.
    """
    one, other = (overhear(system, Secrets(variant)) for variant in (True, False))
    for (name, heard, grown), (as_name, as_heard, as_grown) in zip(one.steps, other.steps, strict=True):
        assert (name, heard) == (as_name, as_heard)
        assert grown == as_grown, name
    # They do hear something: of rounds in which enough have answered, and of every answer that there was one.
    names = Counter(event.name for event in one.events)
    assert names["feedback.feedback-submitted"] > 30
    assert names["registration.preference-stated"] == 1
    assert {"plan-revised", "meeting-released"} <= {name.partition(".")[2] for name in names}
    rated = {(e.site, e.data["round"]) for e in one.events if e.name == "feedback.round-rated"}
    assert rated == {(site, number) for site in ("hall", "gallery") for number in (1, 2)}
    # What the figures of all services are counted by says nothing of anybody.
    for heard in (one, other):
        assert not [each for each in heard.who if each in heard.metrics]


def test_what_was_never_published_is_passed_over(
    system: System, archipelago: EventFiles, check: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    api = system.organizer()
    draft, off = (api.post("/programs:import", {"files": archipelago.texts})["program_id"] for _ in range(2))
    api.post(f"/programs/{off}/cancellation", {"reason": "venue"})
    done = check("--wait", "10")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{off}: was never published" in done.stdout
    assert draft not in done.stdout
    assert f"{draft}: was never published" in check("--program", draft).stdout


def test_check_says_what_is_wrong_where_a_service_is_away(
    system: System, well: dict[str, Any], check: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (name,) = (each for each in system.deployment.names if each.startswith("feedback-"))
    system.deployment.stop(name)
    try:
        done = check("--program", well["program_id"])
    finally:
        system.deployment.restart(name)
    assert done.returncode == 1
    assert f"{well['program_id']}: 1 differences" in done.stdout
    assert "it cannot be compared now" in done.stdout
    assert "cannot be reached" not in done.stdout + done.stderr


def test_check_fails_clearly_where_nobody_answers() -> None:
    command = [str(Path(sys.executable).with_name("speedmentor")), "check", "--url", "http://127.0.0.1:9"]
    environ = {**os.environ, "ORGANIZER_PASSWORD": "any", "AMQP_URI": "amqp://127.0.0.1:9/"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the gateway cannot be reached" in done.stderr


def test_an_event_in_which_every_part_is_killed_comes_out_whole(system: System, archipelago: EventFiles) -> None:
    kills = [
        Kill("registration", 0.2),
        Kill("matching", 2),
        Kill("gateway", 7),
        Kill("session_timer", 14),
        Kill("feedback", 18),
        Kill("broker", 21),
        Kill("feedback", 30),
    ]
    found = run_event(system, archipelago.texts, seed=7, kills=kills, patience=90, rest=60)
    _assert_whole(found)
    # What came to its turn: a quick machine is through before the last.
    assert len(found["kills"]) >= len(kills) - 1


def test_the_command_brings_all_up_runs_the_event_and_leaves_no_process(own_place: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    places = ["--root", str(own_place), "--report", str(report)]
    command = [sys.executable, "-m", "deploy.demo", "--data", str(SMALL), *places]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=CHECKOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["clean"]
    assert found["meetings"]["held"] == found["meetings"]["planned"] > 0
    assert found["dead_letters"] == 0
    assert "all services agree" in done.stdout
    assert _processes_of(own_place) == []


def _processes_of(root: Path) -> list[str]:
    """The command lines of processes that have to do with ``root``: by it in their arguments or settings."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            known = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(root).encode() in known:
            found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
