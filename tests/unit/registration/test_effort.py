"""How much work reading is: it grows with the people, not with the pairs of them."""

import itertools
from collections import Counter

import pytest

from services.registration.domain.files import event, people, read_event
from shared.faults import Invalid


@pytest.fixture
def calls(monkeypatch):
    """How often the steps are taken that compare one with another."""
    counted: Counter[str] = Counter()

    def count(module, name):
        real = getattr(module, name)

        def counting(*args, **kwargs):
            counted[name] += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, counting)

    count(event, "excluded")
    count(people, "choose_from")
    return counted


def read(files, mentors, mentees):
    head = "ref,name,site,languages,topics,team,email,wants\n"
    files["mentors.csv"] = head + "".join(
        f"m{n},M,jkt,en,hiring:3,{team},{mail},\n" for n, (team, mail) in enumerate(mentors)
    )
    head = "ref,name,site,languages,motive,topics,team,email,wants\n"
    files["mentees.csv"] = head + "".join(
        f"e{n},E,jkt,en,career,hiring,{team},{mail},{wants}\n" for n, (team, mail, wants) in enumerate(mentees)
    )
    return read_event(files, "org", (f"id-{n}" for n in itertools.count()).__next__)


@pytest.mark.parametrize("team", ["", "N/A", "-"])
def test_people_without_a_team_are_compared_with_nobody(files, calls, team):
    found = read(files, [(team, "")] * 300, [(team, "", "")] * 1_500)
    assert (len(found.mentors), len(found.mentees)) == (300, 1_500)
    assert calls["excluded"] == 0


def test_only_those_who_must_not_meet_are_compared(files, calls):
    found = read(
        files,
        [(f"team {n}", f"m{n}@x.example") for n in range(300)],
        [(f"Team  {n % 300}", f"e{n}@x.example", "") for n in range(1_500)],
    )
    assert calls["excluded"] == 1_500 == sum(len(each.never) for each in found.mentors)


def test_a_column_of_unknown_keys_is_not_compared_with_all_keys_row_by_row(files, calls):
    with pytest.raises(Invalid):
        read(files, [("", "")] * 300, [("", "", f"x{n}") for n in range(1_500)])
    assert calls["choose_from"] <= 10
