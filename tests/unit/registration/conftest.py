"""Event files to test with, and a way to read them."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from services.registration.domain.files import FILES, Imported, read_event
from services.registration.domain.participant import Mentee, Mentor
from shared.faults import Invalid

EXAMPLES = Path(__file__).parents[3] / "examples"

PROGRAM = """
title = "Open day"
date = 2026-12-05
rounds = 4
round_minutes = 10
break_minutes = 2
warning_seconds = [120, 30]
topics = ["funding", "hiring"]
[[sites]]
id = "jkt"
name = "Jakarta"
time_zone = "Asia/Jakarta"
start = "09:00"
"""
MENTORS = """ref,name,email,site,languages,topics,team,wants
m1,Siti Ñuñez,siti@example.org,jkt,id; en,funding:5; hiring:3,Bank,e2
m2,Émile,,jkt,en,hiring:4,,
"""
MENTEES = """ref,name,site,languages,motive,topics,team,manager,wants,avoids,question_1,question_2
e1,Budi,jkt,id,career,funding; hiring,bank,,,,Why?,
e2,Chen,jkt,en,problem,hiring,,m2,m1,,How?,When?
"""


@pytest.fixture
def files() -> dict[str, str]:
    """A small event without a fault."""
    return {"program.toml": PROGRAM, "mentors.csv": MENTORS, "mentees.csv": MENTEES}


@pytest.fixture
def example() -> Callable[[str], dict[str, str]]:
    """The files of one of the examples."""
    return lambda name: {file: (EXAMPLES / name / file).read_text("utf-8") for file in FILES}


@pytest.fixture
def read() -> Callable[[dict[str, str]], Imported]:
    """Read event files; ids are id-1, id-2 …"""

    def reader(files: dict[str, str]) -> Imported:
        numbers = itertools.count(1)
        return read_event(files, "org-1", lambda: f"id-{next(numbers)}")

    return reader


@pytest.fixture
def faults(read) -> Callable[[dict[str, str]], list[tuple[str | None, int | None, str, str]]]:
    """The faults of event files as (file, row, field, what)."""

    def reader(files: dict[str, str]) -> list[tuple[str | None, int | None, str, str]]:
        with pytest.raises(Invalid) as caught:
            read(files)
        assert all(str(each.remedy) for each in caught.value.problems)
        return [(each.file, each.row, each.field, str(each.what)) for each in caught.value.problems]

    return reader


@pytest.fixture
def mentor(read, files) -> Mentor:
    return read(files).mentors[0]


@pytest.fixture
def mentee(read, files) -> Mentee:
    return read(files).mentees[1]
