"""``speedmentor pair``, as a person types it."""

import json

import pytest
from click.testing import CliRunner

from services.matching.cli.pair_command import pair


def good():
    return {
        "format": "speedmentor.rankings/1",
        "top": 3,
        "mentors": [{"id": "m1", "capacity": 2, "ranks": ["e4", "e1"]}, {"id": "m2"}],
        "mentees": [{"id": "e1", "ranks": ["m1", "m2"]}, {"id": "e4", "ranks": []}, {"id": "e5"}],
        "scores": [["e1", "m1", 87]],
    }


@pytest.fixture
def run(tmp_path):
    def run(document, *options):
        source, target = tmp_path / "rankings.json", tmp_path / "pairs.json"
        source.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return CliRunner().invoke(pair, [str(source), "-o", str(target), *options]), target

    return run


def test_the_pairs_are_written_as_the_format_says(run):
    result, target = run(good())
    assert result.exit_code == 0, result.output
    assert json.loads(target.read_text()) == {
        "format": "speedmentor.pairs/1",
        "stable": [
            {"mentee": "e1", "mentor": "m1", "kind": "mutual"},
            {"mentee": "e4", "mentor": "m1", "kind": "one-sided"},
            {"mentee": "e5", "mentor": "m2", "kind": "assigned"},
        ],
        "most_mutual": [
            {"mentee": "e1", "mentor": "m1", "kind": "mutual"},
            {"mentee": "e4", "mentor": "m1", "kind": "one-sided"},
            {"mentee": "e5", "mentor": "m2", "kind": "assigned"},
        ],
        "left_over": {"mentees": [], "mentors": []},
    }


def test_a_dash_stands_for_the_standard_streams():
    result = CliRunner().invoke(pair, ["-", "-o", "-"], input=json.dumps(good()))
    assert json.loads(result.stdout)["format"] == "speedmentor.pairs/1"


def test_the_same_rankings_give_the_same_bytes(run):
    first = run(good())[1].read_bytes()
    assert run(good())[1].read_bytes() == first


def with_change(change):
    document = good()
    change(document)
    return document


FAULTY = {
    "/format": lambda it: it.pop("format"),
    "/top": lambda it: it.update(top=0),
    "/extra": lambda it: it.update(extra=1),
    "/mentors": lambda it: it.update(mentors=[]),
    "/mentees": lambda it: it.pop("mentees"),
    "/mentors/0": lambda it: it["mentors"].__setitem__(0, "m1"),
    "/mentors/0/capacity": lambda it: it["mentors"][0].update(capacity=-1),
    "/mentors/1/capacity": lambda it: it["mentors"][1].update(capacity=True),
    "/mentors/1/id": lambda it: it["mentors"][1].update(id="m1"),
    "/mentees/0/id": lambda it: it["mentees"][0].update(id="x" * 1_000_000),
    "/mentees/1/id": lambda it: it["mentees"][1].update(id="line\nend"),
    "/mentees/0/ranks": lambda it: it["mentees"][0].update(ranks="m1"),
    "/mentees/0/ranks/0": lambda it: it["mentees"][0].update(ranks=["e1"]),
    "/mentees/0/ranks/1": lambda it: it["mentees"][0].update(ranks=["m1", "m1"]),
    "/mentors/0/ranks/2": lambda it: it["mentors"][0]["ranks"].append("y" * 1_000_000),
    "/scores/0": lambda it: it.update(scores=[["e1", "m1"]]),
    "/scores/0/1": lambda it: it.update(scores=[["e1", None, 3]]),
    "/scores/0/2": lambda it: it.update(scores=[["e1", "m1", 1.5]]),
    "/scores/1": lambda it: it["scores"].append(["e1", "m1", 3]),
}


@pytest.mark.parametrize("place", FAULTY)
def test_each_clause_broken_is_named_on_a_line_and_leaves_no_file(run, place):
    result, target = run(with_change(FAULTY[place]))
    lines = result.stderr.splitlines()
    assert result.exit_code == 2
    assert any(line.startswith(f"{place}: ") for line in lines), lines
    assert all(line.startswith("/") and len(line) < 300 for line in lines), lines
    assert not target.exists()


def test_every_fault_has_its_line(run):
    document = good()
    document["top"] = "three"
    document["mentors"][0]["capacity"] = -5
    document["mentees"][0]["ranks"] = ["nobody"]
    result, _ = run(document)
    assert result.stderr.splitlines() == [
        "/top: must be a whole number",
        "/mentors/0/capacity: must be at least 0",
        "/mentees/0/ranks/0: nobody has the id nobody",
    ]


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"3"])
def test_what_is_not_a_json_object_is_refused(run, raw):
    result, target = run(raw)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert not target.exists()


def test_a_file_that_is_not_there_is_refused(tmp_path):
    result = CliRunner().invoke(pair, [str(tmp_path / "none.json")])
    assert (result.exit_code, result.stderr) == (2, "/: cannot be read: No such file or directory\n")


def test_faults_are_said_in_indonesian_too(run):
    result, _ = run(with_change(lambda it: it.update(top=0)), "--language", "id")
    assert result.stderr == "/top: paling sedikit 1\n"


def test_a_byte_order_mark_and_a_score_that_keeps_two_apart_are_read_as_in_a_plan_input(run):
    document = with_change(lambda it: it["scores"].append(["e4", "m1", -1_000_000]))
    result, target = run(b"\xef\xbb\xbf" + json.dumps(document).encode())
    assert result.exit_code == 0, result.output
    pairs = json.loads(target.read_text())
    assert ("e4", "m1") not in {(each["mentee"], each["mentor"]) for each in pairs["stable"] + pairs["most_mutual"]}


def test_a_key_that_comes_twice_is_a_fault(run):
    result, target = run(b'{"top": 3, "top": 4}')
    assert (result.exit_code, result.stderr) == (2, "/: an object has the key top twice\n")
    assert not target.exists()


def test_pairs_that_cannot_be_written_are_a_fault(tmp_path):
    source, target = tmp_path / "rankings.json", tmp_path / "none" / "pairs.json"
    source.write_text(json.dumps(good()))
    result = CliRunner().invoke(pair, [str(source), "-o", str(target)])
    assert (result.exit_code, result.stderr) == (2, f"{target}: cannot be written: No such file or directory\n")
