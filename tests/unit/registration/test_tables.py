"""Tables as people and spreadsheets make them: what is read, what is passed over, and that nothing is lost silently."""

import pytest

from services.registration.domain.files import read_event
from services.registration.domain.participant import Mentee
from shared.faults import Invalid

HEADER = ("ref", "name", "site", "languages", "motive", "topics")
ROW = ("e1", "Bo M", "jkt", "en", "career", "hiring")


def table(*rows, separator=",", end="\n"):
    """Rows of cells as CSV."""
    return "".join(separator.join(row) + end for row in rows)


@pytest.fixture
def mentees_of(read, files):
    """The mentees that are read from a table."""
    files["mentors.csv"] = "ref,name,site,languages,topics\nm1,Ada,jkt,en,hiring:3\n"

    def mentees(text: str) -> tuple[Mentee, ...]:
        return read({**files, "mentees.csv": text}).mentees

    return mentees


@pytest.fixture
def refused(files):
    """The problems of a table of mentees."""
    files["mentors.csv"] = "ref,name,site,languages,topics\nm1,Ada,jkt,en,hiring:3\n"

    def problems(text: str):
        with pytest.raises(Invalid) as caught:
            read_event({**files, "mentees.csv": text}, "org", iter(f"id-{n}" for n in range(999)).__next__)
        assert all(str(each.remedy) for each in caught.value.problems)
        assert {each.file for each in caught.value.problems} == {"mentees.csv"}
        return caught.value.problems

    return problems


# Columns without a header


@pytest.mark.parametrize("blank", ["", " ", "\u200b", "\ufeff\u00a0", "\u2060"])
@pytest.mark.parametrize(("at", "place"), [(0, "1 (A)"), (2, "3 (C)"), (6, "7 (G)")])
def test_cells_under_an_empty_header_are_a_fault_that_names_the_column_by_number(refused, blank, at, place):
    header, row = list(HEADER), list(ROW)
    header.insert(at, blank)
    row.insert(at, "never with Ada please")
    (problem,) = refused(table(header, row))
    assert (problem.field, problem.row, problem.count) == (place, 2, 1)
    assert f"column {at + 1}" in str(problem.what)


def test_a_column_without_a_header_is_one_fault_however_many_of_its_cells_are_filled(refused):
    (problem,) = refused(table((*HEADER, ""), *(((f"e{n}", *ROW[1:], "x")) for n in range(40))))
    assert (problem.count, problem.rows) == (40, (2, 3, 4, 5, 6))


def test_the_27th_column_is_called_aa(refused):
    (problem,) = refused(table((*HEADER, *[""] * 21), (*ROW, *[""] * 20, "x")))
    assert problem.field == "27 (AA)"


@pytest.mark.parametrize("blank", ["", " ", "\u200b", "\u00ad", "\u3164"])
def test_a_column_without_a_header_is_passed_over_if_nothing_is_in_it(mentees_of, blank):
    text = table(("", *HEADER[:2], "", *HEADER[2:], "", ""), (blank, *ROW[:2], blank, *ROW[2:], blank, ""))
    assert [each.name for each in mentees_of(text)] == ["Bo M"]


# Lines and characters before the header, and in it


@pytest.mark.parametrize(
    "first",
    [
        *("sep=;", "SEP=;", "Sep = ;", '"sep=;"', "\ufeffsep=;", '\ufeff"sep=;"', "\ufeff\ufeffSEP=;", " sep=;"),
        *("sep=;;;;;;", '"sep=;";;;;;', "sep=;,,,,,", "sep=,", "sep=\\t", "sep="),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_excels_own_first_line_is_passed_over_however_it_was_saved(mentees_of, refused, first, separator, end):
    text = first + end + table(HEADER, ROW, separator=separator, end=end)
    assert [each.name for each in mentees_of(text)] == ["Bo M"]
    (problem,) = refused(text.replace("jkt", "nowhere"))
    assert problem.row == 3, "the line is a row of the spreadsheet"


def test_a_separator_that_is_no_usual_one_is_taken_if_it_is_announced(mentees_of):
    assert [each.name for each in mentees_of("sep=^\n" + table(HEADER, ROW, separator="^"))] == ["Bo M"]


@pytest.mark.parametrize("mark", ["\ufeff", "\ufeff\ufeff", "ï»¿", "\ufeffï»¿", "\ufeff\ufeff\ufeff"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_byte_order_mark_may_be_there_more_than_once(mentees_of, mark, quote):
    header = [f"{quote}{name}{quote}" for name in HEADER]
    assert [each.name for each in mentees_of(mark + table(header, ROW))] == ["Bo M"]


def test_a_file_put_behind_another_keeps_its_mark(mentees_of):
    text = table(HEADER, ROW) + "\ufeff" + table(("e2", *ROW[1:]))
    assert [each.ref for each in mentees_of(text)] == ["e1", "e2"]


@pytest.mark.parametrize(
    "invisible", ["\u200b", "\u00ad", "\u2060", "\ufeff", "\u200e", "\u202a", "\u2067", "\U000e0041"]
)
@pytest.mark.parametrize("name", ["{}name", "na{}me", "name{}", "N{}AME", " {}Name "])
def test_invisible_characters_in_a_header_do_not_matter(mentees_of, invisible, name):
    header = [name.format(invisible) if each == "name" else each for each in HEADER]
    assert [each.name for each in mentees_of(table(header, ROW))] == ["Bo M"]


def test_a_header_of_full_width_letters_is_read(mentees_of):
    assert mentees_of(table(("ｒｅｆ", "Ｎａｍｅ", *HEADER[2:]), ROW))[0].name == "Bo M"


def test_a_letter_of_another_script_in_a_header_is_named(refused):
    problems = refused(table(("ref", "n\u0430me", *HEADER[2:]), ROW))
    assert "CYRILLIC SMALL LETTER A" in str(problems[0].what)
    assert "did you mean name?" in str(problems[0].remedy)


# Where the header is


TITLES = [
    [("Mentees of spring", "", "", "", "", ""), ("", "", "", "", "", "")],
    [("Export of 5 December 2026",)],
    [("name",), ("",), ("as of Friday",)],
    [("\u200bTitle", "", "")],
]


@pytest.mark.parametrize("lines", TITLES)
@pytest.mark.parametrize("separator", [",", ";"])
def test_lines_above_the_header_are_asked_about_and_read_over_after_a_yes(files, refused, lines, separator):
    text = table(*lines, HEADER, ROW, separator=separator)
    (problem,) = refused(text)
    number = len(lines) + 1
    assert (str(problem.what), problem.row) == (f"the header seems to be in row {number}", number)
    assert len(problem.confirm) == 1

    def read(text, confirmed):
        ids = iter(f"id-{n}" for n in range(99)).__next__
        return read_event({**files, "mentees.csv": text}, "org", ids, confirmed)

    assert [each.name for each in read(text, problem.confirm).mentees] == ["Bo M"]
    with pytest.raises(Invalid) as caught:
        read(text.replace("jkt", "nowhere"), problem.confirm)
    assert [each.row for each in caught.value.problems] == [number + 1]
    with pytest.raises(Invalid):
        read(text.replace("languages", "languages,team").replace("en", "en,x"), problem.confirm)


@pytest.mark.parametrize(
    "rows", [[ROW], [ROW, ("e2", *ROW[1:])], [("e1", "Bo", "bo@x.example", "Mon"), ("e2", "Cy", "cy@x.example", "Tue")]]
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_without_a_header_is_said_to_have_none(refused, rows, separator):
    (problem,) = refused(table(*rows, separator=separator))
    assert (str(problem.what), problem.row) == ("the file seems to have no header row", 1)
    assert "languages" in str(problem.remedy)


def test_a_table_with_a_header_of_other_words_is_not_said_to_have_none(refused):
    problems = refused(table(("Key", "Person", "Hall", "Tongues", "Why", "What about"), ROW))
    assert {str(each.what) for each in problems} == {"the column is not known", "the column is missing"}


# Rows that only look empty


@pytest.mark.parametrize(
    "blank", ["\u200b", "\ufeff", "\u00a0\u2060", "\u3164", "\u2800", "\U000e0020", "\u200e\u200f", "\x7f"]
)
def test_a_row_of_invisible_characters_is_passed_over(mentees_of, blank):
    text = table(HEADER, (blank, "", "", "", "", ""), ROW, (blank, *[""] * 4, blank), ("", blank))
    assert [each.name for each in mentees_of(text)] == ["Bo M"]


def test_a_file_of_invisible_characters_is_empty(refused):
    (problem,) = refused("\ufeff\u200b\n\u2060,\n")
    assert str(problem.what) in {"the file is empty", "the table has no rows"}


# The separator and the shape


@pytest.mark.parametrize("separator", [";", "\t", "|", ","])
def test_the_separator_is_found_where_all_is_quoted_and_no_column_is_known(refused, separator):
    header = ('"Schlüssel"', '"Vor- und Nachname"', '"Standort, Halle"', '"Sprache; Zunge"', '"Beweggrund"')
    problems = refused(table(header, ('"k1"', '"Bo, M"', '"J"', '"x;y"', '""'), separator=separator))
    unknown = [each.field for each in problems if "not known" in str(each.what)]
    assert unknown == ["schlüssel", "vor_und_nachname", "standort,_halle", "sprache;_zunge", "beweggrund"]


def test_the_cell_too_many_is_named(refused):
    (problem,) = refused(table(HEADER, (*ROW, "languages")))
    assert (problem.row, problem.field) == (2, "")
    assert str(problem.what) == "the row has more cells (7) than the header columns (6): “languages” is too many"


def test_the_cell_too_many_is_named_where_no_column_is_known(refused):
    text = table(("Name", "Years", "Capacities"), ("Inge", "11", "planning"), ("Kofi", "4", "negotiation", "languages"))
    assert [each.row for each in refused(text) if "“languages” is too many" in str(each.what)] == [3]


# What is no table


WORKBOOK = "PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0\ufffdn\ufffd\0\0[Content_Types].xml \ufffd(\ufffd"
KINDS = [
    (WORKBOOK, "this is an Excel workbook"),
    (
        "PK\x03\x04\x14\0\0\x08\0\0mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK",
        "this is an OpenDocument spreadsheet",
    ),
    ("PK\x03\x04\n\0\0\0mentors.csvref,name", "this is a ZIP archive"),
    ("\ufffd\ufffd\x11\u0871\x1a\ufffd\0\0", "this is an Excel workbook of an old kind"),
    ("%PDF-1.7\n%\ufffd", "this is a PDF"),
    ("<html><table><tr><td>ref</td></tr></table>", "this is a page or an XML file, no table"),
    ("\ufeff<?xml version='1.0'?><Workbook/>", "this is a page or an XML file, no table"),
    ("\ufffd\ufffdr\0e\0f\0,\0", "the file is not text in UTF-8"),
]


@pytest.mark.parametrize(("text", "what"), KINDS)
def test_a_file_that_is_no_table_is_told_what_it_is(refused, text, what):
    (problem,) = refused(text)
    assert str(problem.what) == what


def test_a_workbook_under_its_own_name_is_told_what_it_is_and_what_to_do(faults, files):
    del files["mentors.csv"]
    files["mentors.xlsx"] = WORKBOOK
    (problem,) = faults(files)
    assert problem == (None, None, "mentors.xlsx", "this is an Excel workbook")


# One cause, one fault


def test_one_cause_in_many_rows_is_one_fault_with_their_number(refused):
    rows = [(f"e{n}", *ROW[1:], "anonymous") for n in range(76)]
    (problem,) = refused(table((*HEADER, "email"), *rows))
    assert (problem.field, problem.row, problem.count, problem.rows) == ("email", 2, 76, (2, 3, 4, 5, 6))
    assert "anonymous is not a mail address" in str(problem.what)


def test_one_kind_of_fault_with_other_values_names_the_first_and_counts_the_rest(refused):
    rows = [(f"e{n}", "Bo", f"hall {n}", *ROW[3:]) for n in range(76)]
    problems = refused(table(HEADER, *rows))
    assert [each.row for each in problems[:5]] == [2, 3, 4, 5, 6]
    assert (len(problems), problems[5].count, problems[5].field) == (6, 71, "site")


def test_a_few_faults_stay_one_each(refused):
    rows = [(f"e{n}", "Bo", f"hall {n}", *ROW[3:]) for n in range(4)]
    assert [(each.row, each.count) for each in refused(table(HEADER, *rows))] == [(2, 1), (3, 1), (4, 1), (5, 1)]


def test_whoever_names_somebody_of_a_table_that_is_unread_has_no_fault(faults, files):
    files["mentors.csv"] = ""
    assert {file for file, *_ in faults(files)} == {"mentors.csv"}
