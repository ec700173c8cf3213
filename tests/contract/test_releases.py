"""What was released is held: the documents of earlier releases, and what today's may differ by.

The files in docs/reference/ are never edited. A release adds its own (docs/outside-consumers.md says how).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.events.asyncapi import VERSION
from shared.events.compatibility import Weight, allows, changes, least_version, main

RELEASES = sorted(
    (Path(__file__).parents[2] / "docs" / "reference").glob("asyncapi-*.json"),
    key=lambda path: [int(each) for each in path.stem.removeprefix("asyncapi-").split(".")],
)


def released(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_a_release_is_named_by_its_version(path: Path) -> None:
    assert released(path)["info"]["version"] == path.stem.removeprefix("asyncapi-")


def test_what_breaks_those_who_built_on_the_last_release_needs_a_new_major(today: dict[str, Any]) -> None:
    last = released(RELEASES[-1])
    found = changes(last, today)
    breaking = [each for each in found if each.weight == Weight.BREAKING]
    version = last["info"]["version"]
    assert allows(VERSION, version, found), f"VERSION has to be at least {least_version(version, found)}: {breaking}"


def test_a_document_that_has_been_released_has_a_version_of_its_own(today: dict[str, Any]) -> None:
    same = [path for path in RELEASES if released(path)["info"]["version"] == VERSION]
    assert not same or released(same[0]) == today, "raise VERSION in shared/events/asyncapi.py"


def test_the_command_shows_the_changes_and_fails_where_the_version_does_not_allow_them(
    today: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, spoilt = tmp_path / "new.json", tmp_path / "spoilt.json"
    new.write_text(json.dumps(today), encoding="utf-8")
    del today["components"]["schemas"]["speedmentor.matching.meeting-assigned.v1"]["properties"]["table"]
    spoilt.write_text(json.dumps(today), encoding="utf-8")
    assert main([str(RELEASES[-1]), str(new)]) == 0
    assert main([str(RELEASES[-1]), str(spoilt)]) == 1
    said = capsys.readouterr().out
    assert "breaking  speedmentor.matching.meeting-assigned.v1 data.table: removed" in said
    assert f"{VERSION} has to be at least 2.0.0" in said
