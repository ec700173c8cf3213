"""``speedmentor plan``, as a person types it."""

import json

import orjson
import pytest
from click.testing import CliRunner
from made_events import made_event

from services.matching.cli.plan_command import plan


def good():
    return {
        "format": "speedmentor.plan-input/1",
        "rounds": 3,
        "table_policy": "mentor-stays",
        "mentors": [
            {
                "id": "m1",
                "site": "jkt",
                "remote": False,
                "languages": ["id", "en"],
                "topics": {"funding": 3},
                "motives": ["career"],
                "storytelling": 4,
                "seats": 1,
                "rounds": [1, 2, 3],
                "max_meetings": 3,
                "wants": ["e1"],
            },
            {"id": "m2", "site": "jkt"},
        ],
        "mentees": [
            {
                "id": "e1",
                "site": "jkt",
                "remote": False,
                "languages": ["id"],
                "motive": "career",
                "topics": ["funding"],
                "rounds": [1, 2, 3],
                "max_meetings": 3,
                "wants": ["m1"],
                "avoid": [],
            },
            {"id": "e2", "site": "jkt"},
            {"id": "e3", "site": "jkt"},
        ],
        "never": [["e1", "m2"]],
        "current": [{"round": 1, "mentee": "e1", "mentor": "m1", "table": "jkt-1"}],
        "frozen_through": 1,
        "absent": [{"id": "m2", "from_round": 3}],
        "change_cost": 10,
    }


@pytest.fixture
def run(tmp_path):
    def run(document, *options):
        source, target = tmp_path / "input.json", tmp_path / "plan.json"
        source.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return CliRunner().invoke(plan, [str(source), "-o", str(target), *options]), target

    return run


def test_a_plan_is_written(run):
    result, target = run(good())
    assert result.exit_code == 0, result.output
    answer = json.loads(target.read_text())
    assert answer["format"] == "speedmentor.plan/1"
    assert answer["quality"]["certified"]
    frozen = [each for each in answer["meetings"] if each["round"] == 1]
    assert [(each["mentee"], each["mentor"], each["table"]) for each in frozen] == [("e1", "m1", "jkt-1")]


def test_a_dash_stands_for_the_standard_streams():
    result = CliRunner().invoke(plan, ["-", "-o", "-"], input=json.dumps(good()))
    assert json.loads(result.stdout)["format"] == "speedmentor.plan/1"


@pytest.mark.parametrize("seed", [3, 4, 5])
@pytest.mark.parametrize("breaks", [False, True])
def test_the_same_input_gives_the_same_bytes_but_for_the_seconds(run, seed, breaks):
    def bytes_of(*options):
        result, target = run(made_event(seed, mentees=30, mentors=12, breaks=breaks), *options)
        assert result.exit_code == 0
        answer = orjson.loads(target.read_bytes())
        answer["quality"].pop("seconds")
        return orjson.dumps(answer)

    assert bytes_of() == bytes_of() == bytes_of("--workers", "2")


def mentor(it, **fields):
    it["mentors"][0].update(fields)


def mentee(it, **fields):
    it["mentees"][0].update(fields)


LONG = "x" * 1_000_000
FAULTY = {
    "format missing": ("/format", lambda it: it.pop("format")),
    "format unknown": ("/format", lambda it: it.update(format="speedmentor.plan-input/2")),
    "rounds missing": ("/rounds", lambda it: it.pop("rounds")),
    "no rounds": ("/rounds", lambda it: it.update(rounds=0)),
    "negative rounds": ("/rounds", lambda it: it.update(rounds=-3)),
    "half a round": ("/rounds", lambda it: it.update(rounds=2.5)),
    "rounds not a number": ("/rounds", lambda it: it.update(rounds=float("nan"))),
    "rounds true": ("/rounds", lambda it: it.update(rounds=True)),
    "too many rounds": ("/rounds", lambda it: it.update(rounds=10**9)),
    "policy": ("/table_policy", lambda it: it.update(table_policy="mentee-stays")),
    "unknown field": ("/extra", lambda it: it.update(extra=1)),
    "no mentors": ("/mentors", lambda it: it.update(mentors=[])),
    "no mentees": ("/mentees", lambda it: it.update(mentees=[])),
    "mentors missing": ("/mentors", lambda it: it.pop("mentors")),
    "mentees not a list": ("/mentees", lambda it: it.update(mentees={"e1": {}})),
    "a mentor is no object": ("/mentors/0", lambda it: it["mentors"].__setitem__(0, "m1")),
    "id missing": ("/mentors/0/id", lambda it: it["mentors"][0].pop("id")),
    "id empty": ("/mentors/0/id", lambda it: mentor(it, id="")),
    "id a number": ("/mentees/0/id", lambda it: mentee(it, id=7)),
    "id long": ("/mentees/0/id", lambda it: mentee(it, id=LONG)),
    "id of two lines": ("/mentees/0/id", lambda it: mentee(it, id="a\nb")),
    "id twice": ("/mentees/1/id", lambda it: it["mentees"][1].update(id="e1")),
    "site": ("/mentors/0/site", lambda it: mentor(it, site=None)),
    "site long": ("/mentors/0/site", lambda it: mentor(it, site=LONG)),
    "remote": ("/mentors/0/remote", lambda it: mentor(it, remote="yes")),
    "languages": ("/mentees/0/languages", lambda it: mentee(it, languages="id")),
    "a language": ("/mentees/0/languages/1", lambda it: mentee(it, languages=["id", 3])),
    "a language twice": ("/mentees/0/languages/1", lambda it: mentee(it, languages=["id", "id"])),
    "topics of a mentor": ("/mentors/0/topics", lambda it: mentor(it, topics=["funding"])),
    "level too high": ("/mentors/0/topics/funding", lambda it: mentor(it, topics={"funding": 6})),
    "level negative": ("/mentors/0/topics/a~1b", lambda it: mentor(it, topics={"a/b": -1})),
    "level not a number": ("/mentors/0/topics/funding", lambda it: mentor(it, topics={"funding": float("nan")})),
    "topics of a mentee": ("/mentees/0/topics", lambda it: mentee(it, topics={"funding": 1})),
    "topic twice": ("/mentees/0/topics/1", lambda it: mentee(it, topics=["funding", "funding"])),
    "topic long": ("/mentees/0/topics/0", lambda it: mentee(it, topics=[LONG])),
    "motives": ("/mentors/0/motives", lambda it: mentor(it, motives="career")),
    "motive": ("/mentees/0/motive", lambda it: mentee(it, motive=["career"])),
    "storytelling": ("/mentors/0/storytelling", lambda it: mentor(it, storytelling=6)),
    "storytelling infinite": ("/mentors/0/storytelling", lambda it: mentor(it, storytelling=float("inf"))),
    "no seats": ("/mentors/0/seats", lambda it: mentor(it, seats=0)),
    "seats of a mentee": ("/mentees/0/seats", lambda it: mentee(it, seats=1)),
    "round 0": ("/mentees/0/rounds/0", lambda it: mentee(it, rounds=[0])),
    "round 4 of 3": ("/mentors/0/rounds/1", lambda it: mentor(it, rounds=[1, 4])),
    "round twice": ("/mentors/0/rounds/1", lambda it: mentor(it, rounds=[1, 1])),
    "max_meetings": ("/mentees/0/max_meetings", lambda it: mentee(it, max_meetings=-1)),
    "wants of a mentor": ("/mentors/0/wants/0", lambda it: mentor(it, wants=["m2"])),
    "wants of a mentee": ("/mentees/0/wants/0", lambda it: mentee(it, wants=["e2"])),
    "wants long": ("/mentees/0/wants/0", lambda it: mentee(it, wants=[LONG])),
    "avoid": ("/mentees/0/avoid/0", lambda it: mentee(it, avoid=["nobody"])),
    "avoid of a mentor": ("/mentors/0/avoid", lambda it: mentor(it, avoid=[])),
    "never of three": ("/never/0", lambda it: it.update(never=[["e1", "m1", 3]])),
    "never unknown": ("/never/0/0", lambda it: it.update(never=[["m1", "e1"]])),
    "scores of two": ("/scores/0", lambda it: it.update(scores=[["e1", "m1"]])),
    "scores unknown": ("/scores/0/1", lambda it: it.update(scores=[["e1", "m9", 5]])),
    "score too high": ("/scores/0/2", lambda it: it.update(scores=[["e1", "m1", 1001]])),
    "score broken": ("/scores/0/2", lambda it: it.update(scores=[["e1", "m1", 8.5]])),
    "score not a number": ("/scores/0/2", lambda it: it.update(scores=[["e1", "m1", float("nan")]])),
    "score twice": ("/scores/1", lambda it: it.update(scores=[["e1", "m1", 5], ["e1", "m1", 6]])),
    "current no object": ("/current/0", lambda it: it.update(current=[3])),
    "current without a mentor": ("/current/0/mentor", lambda it: it["current"][0].pop("mentor")),
    "current in round 9": ("/current/0/round", lambda it: it["current"][0].update(round=9)),
    "current unknown": ("/current/0/mentee", lambda it: it["current"][0].update(mentee="m1")),
    "current table": ("/current/0/table", lambda it: it["current"][0].update(table="")),
    "current twice": ("/current/1", lambda it: it["current"].append({"round": 2, "mentee": "e1", "mentor": "m1"})),
    "two at once": ("/current/1", lambda it: it["current"].append({"round": 1, "mentee": "e1", "mentor": "m2"})),
    "frozen": ("/frozen_through", lambda it: it.update(frozen_through=4)),
    "frozen negative": ("/frozen_through", lambda it: it.update(frozen_through=-1)),
    "absent no object": ("/absent/0", lambda it: it.update(absent=["m1"])),
    "absent unknown": ("/absent/0/id", lambda it: it.update(absent=[{"id": "nobody", "from_round": 1}])),
    "absent without id": ("/absent/0/id", lambda it: it.update(absent=[{"from_round": 1}])),
    "absent from round 0": ("/absent/0/from_round", lambda it: it.update(absent=[{"id": "m1", "from_round": 0}])),
    "change_cost": ("/change_cost", lambda it: it.update(change_cost=-1)),
    "change_cost broken": ("/change_cost", lambda it: it.update(change_cost="10")),
}  # fmt: skip


@pytest.mark.parametrize("clause", FAULTY)
def test_each_clause_broken_is_named_on_a_line_and_leaves_no_file(run, clause):
    place, spoil = FAULTY[clause]
    document = good()
    spoil(document)
    result, target = run(document)
    lines = result.stderr.splitlines()
    assert result.exit_code == 2
    assert any(line.startswith(f"{place}: ") for line in lines), lines
    assert all(line.startswith("/") and len(line) < 300 for line in lines), lines
    assert not target.exists()


def test_the_place_of_a_fault_is_that_in_the_document_whatever_comes_before_it(run):
    document = good()
    document["mentors"][0]["wants"] = ["e1", "e1", "nobody"]
    document["mentees"][0]["avoid"] = [5, "nobody"]
    result, _ = run(document)
    assert result.stderr.splitlines() == [
        "/mentors/0/wants/1: is listed twice",
        "/mentees/0/avoid/0: must be text",
        "/mentors/0/wants/2: nobody has the id nobody",
        "/mentees/0/avoid/1: nobody has the id nobody",
    ]


@pytest.mark.parametrize("name", ["می\u200cخواهم", "Ann\u00a0B", "👨\u200d👩\u200d👧"])
def test_names_are_written_as_their_languages_write_them(run, name):
    document = good()
    document["mentors"][0]["topics"] = {name: 3}
    result, _ = run(document)
    assert result.exit_code == 0, result.stderr


def test_every_fault_has_its_line(run):
    document = good()
    document["rounds"] = 0
    document["mentors"][1]["id"] = "m1"
    document["mentees"][2]["wants"] = ["nobody"]
    result, _ = run(document)
    assert {line.split(":")[0] for line in result.stderr.splitlines()} >= {
        "/rounds", "/mentors/1/id", "/mentees/2/wants/0",
    }  # fmt: skip


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"3", b'"' + b"x" * 1_000_000 + b'"'])
def test_what_is_not_a_json_object_is_refused(run, raw):
    result, target = run(raw)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert len(result.stderr) < 300
    assert not target.exists()


def test_faults_are_said_in_indonesian_too(run):
    document = good()
    document["rounds"] = 0
    result, _ = run(document, "--language", "id")
    assert "/rounds: paling sedikit 1\n" in result.stderr


def test_each_change_is_explained_in_the_language_asked_for(run, tmp_path):
    document = made_event(4)
    _, target = run(document)
    announced = json.loads(target.read_text())["meetings"]
    assert announced
    gone = announced[0]["mentor"]
    document["current"] = [{key: each[key] for key in ("round", "mentee", "mentor", "table")} for each in announced]
    document["absent"] = [{"id": gone, "from_round": 1}]
    changes = tmp_path / "changes.json"
    result, target = run(document, "--explain", str(changes), "--language", "id")
    assert result.exit_code == 0
    told = json.loads(changes.read_text())
    released = [each for each in told if each["kind"] == "released" and each["mentor"] == gone]
    assert len(released) == sum(each["mentor"] == gone for each in announced)
    assert all(each["why"] == f"mentor {gone} tidak hadir mulai ronde 1" for each in released)
    kept = {(each["round"], each["mentee"], each["mentor"]) for each in json.loads(target.read_text())["meetings"]}
    before = {(each["round"], each["mentee"], each["mentor"]) for each in announced}
    changed = {(each["round"], each["mentee"], each["mentor"]) for each in told if each["kind"] != "moved"}
    moved = {(each["mentee"], each["mentor"]) for each in told if each["kind"] == "moved"}
    assert {each for each in kept ^ before if each[1:] not in moved} == changed


def test_a_plan_in_no_time_is_still_a_plan_with_an_honest_gap(run):
    result, target = run(made_event(11, mentees=40, mentors=15, breaks=True), "--time-limit", "0")
    assert result.exit_code == 0
    quality = json.loads(target.read_text())["quality"]
    assert 0 <= quality["gap"] <= 1
    assert quality["score"] <= quality["bound"]


class TestWhatIf:
    def test_more_mentors_and_other_rounds_stand_side_by_side(self, run):
        result, target = run(good(), "--what-if", "mentors+2@jkt", "--what-if", "rounds=60/15,mentees-1")
        assert result.exit_code == 0, result.output
        it_is, more, longer = json.loads(target.read_text())["variants"]
        assert (it_is["mentors"], it_is["mentees"], it_is["rounds"]) == (2, 3, 3)
        assert (more["name"], more["mentors"], more["rounds"]) == ("mentors+2@jkt", 4, 3)
        assert more["mean"] > it_is["mean"]
        assert (longer["mentees"], longer["rounds"]) == (2, 4)
        assert longer["minutes"] == pytest.approx(15 * longer["mean"], abs=0.1)

    def test_a_table_is_shown_in_the_language_asked_for(self, tmp_path):
        source = tmp_path / "input.json"
        source.write_text(json.dumps(good()))
        result = CliRunner().invoke(plan, [str(source), "--what-if", "rounds=2", "--language", "id"])
        assert result.exit_code == 0
        head, it_is, fewer = result.stdout.splitlines()
        assert "paling sedikit" in head
        assert it_is.startswith("seperti sekarang")
        assert fewer.startswith("rounds=2")

    @pytest.mark.parametrize(
        "change",
        [
            "mentors+2@nowhere",
            "mentors+2@no\nwhere",
            "mentors-2",
            "mentees-9",
            "rounds=0",
            "rounds=5/9",
            "tables+1",
            "",
            "mentors+-1",
            "mentors+100001",
            "rounds=3\n",
            "rounds=1001",
        ],
    )
    def test_what_cannot_be_changed_is_refused_on_one_line(self, run, change):
        result, target = run(good(), "--what-if", change)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1
        assert result.stderr.startswith("--what-if ")
        assert not target.exists()

    def test_a_comma_may_be_part_of_a_sites_name(self, run):
        document = good()
        for each in (*document["mentors"], *document["mentees"]):
            each["site"] = "Jakarta, Pusat"
        result, target = run(document, "--what-if", "mentors+1@Jakarta, Pusat, rounds=2")
        assert result.exit_code == 0, result.stderr
        _, more = json.loads(target.read_text())["variants"]
        assert (more["mentors"], more["rounds"]) == (3, 2)

    def test_one_more_is_not_taken_for_somebody_who_is_absent(self, run):
        document = {
            "format": "speedmentor.plan-input/1",
            "rounds": 2,
            "mentors": [{"id": "m1"}],
            "mentees": [{"id": "extra-1"}, {"id": "e2"}],
            "absent": [{"id": "extra-1"}],
        }
        result, target = run(document, "--what-if", "mentors+1")
        assert result.exit_code == 0, result.stderr
        it_is, more = json.loads(target.read_text())["variants"]
        assert (it_is["most"], more["most"]) == (1, 2)

    def test_a_seat_whose_mentor_is_absent_is_not_idle(self, run):
        document = {
            "format": "speedmentor.plan-input/1",
            "rounds": 3,
            "mentors": [{"id": "m1"}, {"id": "m2", "seats": 2}],
            "mentees": [{"id": "e1", "max_meetings": 0}],
            "absent": [{"id": "m1"}, {"id": "m2", "from_round": 3}],
        }
        result, target = run(document, "--what-if", "rounds=1")
        assert result.exit_code == 0, result.stderr
        it_is, shorter = json.loads(target.read_text())["variants"]
        assert (it_is["idle_seats"], shorter["idle_seats"]) == (4, 2)

    @pytest.mark.parametrize("seed", range(12))
    def test_any_event_can_be_varied(self, run, seed):
        document = made_event(seed, mentees=6, mentors=4)
        site = document["mentors"][0]["site"]
        result, target = run(document, "--what-if", f"mentors+1@{site},mentees+3,rounds=2")
        assert result.exit_code == 0, result.stderr
        it_is, more = json.loads(target.read_text())["variants"]
        assert more["mentors"] == it_is["mentors"] + 1
        assert more["mentees"] == it_is["mentees"] + 3
