"""Event files: what is read from them, and that every fault is named with its place."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.registration.domain import limits
from services.registration.domain.files import FILES, cells, read_event
from services.registration.domain.texts import clean, one_line
from services.registration.domain.texts.invisible import is_blank
from services.registration.domain.texts.nothing import is_nothing
from shared.faults import Invalid


def places(found):
    return {(file, row, field) for file, row, field, _ in found}


def test_a_program_is_read_with_its_sites_in_instants(read, files):
    program = read(files).program
    assert (program.key, program.rounds, program.round_seconds, program.break_seconds) == ("open-day", 4, 600, 120)
    assert program.warning_seconds == (120, 30)
    assert program.sites[0].starts_at == datetime(2026, 12, 5, 2, 0, tzinfo=UTC)


def test_people_are_read_and_their_keys_become_ids(read, files):
    found = read(files)
    siti, emile = found.mentors
    budi, chen = found.mentees
    assert siti.name == "Siti Ñuñez"
    assert siti.topics == (("funding", 5), ("hiring", 3))
    assert (siti.rounds, siti.max_meetings, siti.motives) == ((1, 2, 3, 4), 4, limits.MOTIVES)
    assert siti.wants == (chen.id,)
    assert chen.wants == (siti.id,)
    assert chen.questions == ("How?", "When?")
    assert budi.topics == ("funding", "hiring")
    assert len({each.id for each in (*found.mentors, *found.mentees)}) == 4
    assert emile.seats == 1


def test_nobody_meets_the_own_manager_or_a_colleague_of_the_team(read, files):
    found = read(files)
    siti, emile = found.mentors
    budi, chen = found.mentees
    assert siti.never == (budi.id,), "the same team, written in another case"
    assert emile.never == (chen.id,), "the manager"


def test_never_can_be_said_from_either_side(read, files):
    files["mentors.csv"] = "ref,name,site,languages,topics,never\nm1,A,jkt,id,funding:1,e1\nm2,B,jkt,id,funding:1,\n"
    files["mentees.csv"] = "ref,name,site,languages,motive,topics,never\ne1,C,jkt,id,career,funding,m2\n"
    found = read(files)
    assert [each.never for each in found.mentors] == [(found.mentees[0].id,)] * 2


@pytest.mark.parametrize("name", ["archipelago", "small"])
def test_the_examples_have_no_fault_and_suit_everybody(read, example, name):
    found = read(example(name))
    for mentee in found.mentees:
        possible = [
            mentor
            for mentor in found.mentors
            if mentor.site_id == mentee.site_id
            and set(mentor.languages) & set(mentee.languages)
            and mentee.id not in mentor.never
            and mentor.id not in mentee.avoids
        ]
        assert len(possible) >= 2, mentee.ref
        assert set(mentee.wants) <= {mentor.id for mentor in possible}, mentee.ref
        assert len(mentee.questions) >= 2
    assert all(mentor.story for mentor in found.mentors)


def test_the_large_example_is_as_large_as_it_says(read, example):
    found = read(example("archipelago"))
    assert (len(found.mentors), len(found.mentees), len(found.program.sites)) == (24, 72, 3)
    assert len({site.time_zone for site in found.program.sites}) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_tables_are_read_as_spreadsheets_save_them(read, example, delimiter, bom, newline):
    files = example("small")
    expected = read(files)
    for name in ("mentors.csv", "mentees.csv"):
        rows = csv.reader(io.StringIO(files[name], newline=""))
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=delimiter, lineterminator=newline).writerows(rows)
        files[name] = bom + out.getvalue()
    assert read(files) == expected


def test_excels_own_first_line_counts_as_a_row(faults, files):
    files["mentors.csv"] = "sep=;\nref;name;site;languages;topics\nm1;A;nowhere;id;funding:3\nm2;B;jkt;id;hiring:2\n"
    files["mentees.csv"] = "ref,name,site,languages,motive,topics\ne1,C,jkt,id,career,funding\n"
    assert places(faults(files)) == {("mentors.csv", 3, "site")}


def test_rows_are_counted_as_a_spreadsheet_does(faults, files):
    files["mentors.csv"] = (
        'ref,name,site,languages,topics,lesson\nm1,A,jkt,id,funding:3,"two\nlines"\n\nm2,B,nowhere,id,hiring:2,\n'
    )
    files["mentees.csv"] = "ref,name,site,languages,motive,topics\ne1,C,jkt,id,career,funding\n"
    assert places(faults(files)) == {("mentors.csv", 4, "site")}


def test_all_faults_of_all_files_are_named_at_once(faults, files):
    files["program.toml"] = (
        files["program.toml"]
        .replace("round_minutes = 10", "round_minutes = 16")
        .replace("Asia/Jakarta", "Asia/Jakrta")
        .replace('start = "09:00"', 'start = "9 am"')
        .replace("title", "titel")
    )
    files["mentors.csv"] = files["mentors.csv"].replace("siti@example.org", "siti@@example").replace(":5", ":6")
    files["mentees.csv"] = files["mentees.csv"].replace("e2,Chen,jkt", "e1,,jtk").replace("problem", "problems")
    assert places(faults(files)) == {
        ("program.toml", None, "/title"),
        ("program.toml", None, "/titel"),
        ("program.toml", None, "/round_minutes"),
        ("program.toml", None, "/sites/0/time_zone"),
        ("program.toml", None, "/sites/0/start"),
        ("mentors.csv", 2, "email"),
        ("mentors.csv", 2, "topics"),
        ("mentors.csv", 2, "wants"),
        ("mentees.csv", 3, "ref"),
        ("mentees.csv", 3, "name"),
        ("mentees.csv", 3, "site"),
        ("mentees.csv", 3, "motive"),
    }


MENTOR_FAULTS = [
    ("remote", "perhaps", "neither yes nor no"),
    ("seats", "2.5", "not a whole number"),
    ("seats", "0", "not a whole number from 1"),
    ("storytelling", "6", "from 0 to 5"),
    ("rounds", "04-Jan", "names no rounds"),
    ("rounds", "3-1", "names no rounds"),
    ("rounds", "4-5", "round 5 does not exist"),
    ("topics", "funding", "no level"),
    ("topics", "funding:9", "level 9"),
    ("topics", "fundng:3", "has no topic fundng"),
    ("topics", "funding:3; funding:4", "twice"),
    ("topics", "", "empty"),
    ("motives", "fame", "not a motive"),
    ("languages", "Indonesian language", "not a language tag"),
    ("email", "no at sign", "not a mail address"),
    ("name", "x" * 201, "at most 200"),
    ("name", "Zo\u0007e", "control character U+0007"),
    ("name", "Zo\u202ee", "control character U+202E"),
    ("name", "JosÃ©", "wrong encoding"),
    ("name", "Jos\ufffd", "wrong encoding"),
    ("lesson", "x" * 1001, "at most 1000"),
    ("team", "x" * 101, "at most 100"),
    ("ref", "m 1", "cannot be a key"),
    ("wants", "e9", "nobody of the other table has the key e9"),
    ("wants", "e1; e1", "twice"),
    ("avoids", "m2", "nobody of the other table"),
    ("site", "JKT2", "no site"),
]


@pytest.mark.parametrize(("column", "value", "what"), MENTOR_FAULTS)
def test_a_faulty_cell_is_named(faults, files, column, value, what):
    row = {"ref": "m1", "name": "Siti", "site": "jkt", "languages": "id", "topics": "funding:3", column: value}
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, row)
    writer.writeheader()
    writer.writerow(row)
    files["mentors.csv"] = out.getvalue()
    files["mentees.csv"] = "ref,name,site,languages,motive,topics\ne1,C,jkt,id,career,funding\n"
    found = faults(files)
    assert [(file, number, field) for file, number, field, _ in found] == [("mentors.csv", 2, column)]
    assert what in found[0][3]


PROGRAM_FAULTS = [
    ("rounds = 4", "rounds = 0", "/rounds"),
    ("rounds = 4", "rounds = 101", "/rounds"),
    ("rounds = 4", "rounds = 4.5", "/rounds"),
    ("rounds = 4", "rounds = true", "/rounds"),
    ("round_minutes = 10", "round_minutes = 15.1", "/round_minutes"),
    ("round_minutes = 10", "round_minutes = nan", "/round_minutes"),
    ("break_minutes = 2", "break_minutes = -1", "/break_minutes"),
    ("[120, 30]", "[600]", "/warning_seconds"),
    ("[120, 30]", "[30, 30]", "/warning_seconds"),
    ("[120, 30]", '["2 min"]', "/warning_seconds"),
    ("2026-12-05", '"5 December"', "/date"),
    ("2026-12-05", "2026-12-05T09:00:00", "/date"),
    ('title = "Open day"', 'title = ""', "/title"),
    ('title = "Open day"', "title = 7", "/title"),
    ('"Asia/Jakarta"', '"WIB"', "/sites/0/time_zone"),
    ('"Asia/Jakarta"', '"../../etc/passwd"', "/sites/0/time_zone"),
    ('"Asia/Jakarta"', "7", "/sites/0/time_zone"),
    ('"09:00"', '"25:00"', "/sites/0/start"),
    ('["funding", "hiring"]', '["Funding money"]', "/topics"),
    ('title = "Open day"', 'title = "Open day"\nkey = "Open Day"', "/key"),
    ('title = "Open day"', 'title = "Open day"\nrounds_minutes = 5', "/rounds_minutes"),
    ('name = "Jakarta"\n', "", "/sites/0/name"),
]


@pytest.mark.parametrize(("right", "wrong", "field"), PROGRAM_FAULTS)
def test_a_faulty_field_of_the_program_is_named(faults, files, right, wrong, field):
    assert right in files["program.toml"]
    files["program.toml"] = files["program.toml"].replace(right, wrong)
    assert places(faults(files)) == {("program.toml", None, field)}


def test_two_sites_with_one_id_and_no_site_at_all_are_faults(faults, files):
    start = files["program.toml"].index("[[sites]]")
    head, site = files["program.toml"][:start], files["program.toml"][start:]
    assert ("program.toml", None, "/sites/1/id") in places(faults({**files, "program.toml": head + site + site}))
    assert ("program.toml", None, "/sites") in places(faults({**files, "program.toml": head}))


def test_an_hour_that_the_clocks_skip_is_a_fault_and_a_doubled_one_is_its_first(read, faults, files):
    berlin = files["program.toml"].replace("Asia/Jakarta", "Europe/Berlin").replace("09:00", "02:30")
    skipped = {**files, "program.toml": berlin.replace("2026-12-05", "2026-03-29")}
    assert places(faults(skipped)) == {("program.toml", None, "/sites/0/start")}
    doubled = {**files, "program.toml": berlin.replace("2026-12-05", "2026-10-25")}
    assert read(doubled).program.sites[0].starts_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_program_file_that_is_not_toml_is_named_with_its_line(faults, files):
    files["program.toml"] = 'title = "A"\nrounds = six\n'
    assert ("program.toml", 2, "") in places(faults(files))


@pytest.mark.parametrize(
    ("text", "row", "what"),
    [
        ("", None, "the file is empty"),
        (" \n\n", None, "the file is empty"),
        ("ref,name,site,languages,topics\n", None, "no rows"),
        ("r\0e\0f\0,\0n\0", None, "not text in UTF-8"),
        ('ref,name,site,languages,topics\nm1,"A,jkt,id,funding:3\n', 2, "double quote"),
        ("ref,name,site,languages,topics\nm1,A,jkt,id,funding:3,extra\n", 2, "more cells"),
        ("ref,name,site,languages,topics,ref\nm1,A,jkt,id,funding:3,m1\n", 1, "twice"),
        ("ref,name,site,languages,topic\nm1,A,jkt,id,funding:3\n", 1, "not known"),
        ("ref,name,site,topics\nm1,A,jkt,funding:3\n", 1, "missing"),
    ],
)
def test_a_table_that_is_none_is_named(faults, files, text, row, what):
    files["mentors.csv"] = text
    files["mentees.csv"] = "ref,name,site,languages,motive,topics\ne1,C,jkt,id,career,funding\n"
    assert any(each[:2] == ("mentors.csv", row) and what in each[3] for each in faults(files))


def test_missing_and_unknown_files_are_named(faults, files):
    del files["mentees.csv"]
    files["mentee.csv"] = ""
    assert {("mentees.csv", None, "mentees.csv"), (None, None, "mentee.csv")} <= places(faults(files))


@given(st.sets(st.integers(1, 100), min_size=1))
def test_rounds_are_read_back_from_how_people_write_them(numbers):
    parts, run = [], []
    for number in [*sorted(numbers), 1000]:
        if run and number != run[-1] + 1:
            parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
            run = []
        run.append(number)
    assert cells.rounds(", ".join(parts)) == tuple(sorted(numbers))


@given(name=st.text(min_size=1, max_size=60), lesson=st.text(max_size=60), delimiter=st.sampled_from(",;\t"))
def test_what_a_cell_says_survives_quotes_separators_and_lines(name, lesson, delimiter):
    """Whatever people write either comes back as it was, in Unicode's composed form, or is named with its row.

    Only what stands for nothing, such as a dash, is nothing, and so is what nobody sees.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["ref", "name", "site", "languages", "topics", "lesson"])
    writer.writerow(["m1", name, "jkt", "id", "funding:3", lesson])
    files = {
        "program.toml": 'title="T"\ndate=2026-12-05\nrounds=1\nround_minutes=1\n'
        '[[sites]]\nid="jkt"\nname="J"\ntime_zone="Asia/Jakarta"\nstart="09:00"\n',
        "mentors.csv": out.getvalue(),
        "mentees.csv": "ref,name,site,languages,motive,topics\ne1,C,jkt,id,career,funding\n",
    }
    try:
        found = read_event(files, "org", iter(f"id-{n}" for n in range(9)).__next__)
    except Invalid as invalid:
        for each in invalid.problems:
            assert each.row == 2 or each.field == "", each
        return
    assert found.mentors[0].name == one_line(name) != ""
    says = not is_nothing(lesson) and not is_blank(lesson)
    assert found.mentors[0].story.lesson == (clean(lesson) if says else "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(file=st.sampled_from(FILES), at=st.integers(0, 10_000), length=st.integers(0, 40), new=st.text(max_size=20))
def test_a_damaged_file_is_read_or_refused_and_nothing_else_happens(example, file, at, length, new):
    files = example("small")
    text = files[file]
    start = at % (len(text) + 1)
    files[file] = text[:start] + new + text[start + length :]
    try:
        found = read_event(files, "org", iter(f"id-{n}" for n in range(200)).__next__)
    except Invalid as invalid:
        refused = invalid.problems
    else:
        ids = [each.id for each in (*found.mentors, *found.mentees)]
        assert all(ids)
        assert len(set(ids)) == len(ids)
        return
    assert refused
    assert all(str(each.what) and str(each.remedy) for each in refused)
