"""A plan as a page: everything in it, nothing loaded from elsewhere, the same every time."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from services.matching.cli.plan_command import plan
from services.matching.pictures import render_html
from services.matching.pictures.view import view
from services.matching.planner import read_input, solve


def event(people=4):
    return {
        "format": "speedmentor.plan-input/1",
        "rounds": 3,
        "mentors": [
            {"id": f"m{n}", "site": ["jkt", "sby"][n % 2], "topics": {"funding": 3}, "languages": ["id"]}
            for n in range(people)
        ],
        "mentees": [
            {"id": f"<e{n}>", "site": ["jkt", "sby"][n % 2], "topics": ["funding"], "languages": ["id"]}
            for n in range(2 * people)
        ]
        + [{"id": "lonely", "site": "jkt", "languages": ["en"]}],
    }


def page_of(document, language="en"):
    return render_html(solve(read_input(document)).to_document(), document, language)


class Page(HTMLParser):
    """What a browser would see of the page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if "id" in dict(attrs):
            self.ids.append(dict(attrs)["id"])

    def handle_data(self, data):
        self.words.append(data)


def test_every_person_and_table_has_a_page_and_every_link_a_target():
    document = event()
    page = Page(page_of(document))
    names = {attrs.get("data-id") for _, attrs in page.tags}
    assert {each["id"] for role in ("mentors", "mentees") for each in document[role]} <= names
    assert len(page.ids) == len(set(page.ids))
    targets = {attrs["href"][1:] for tag, attrs in page.tags if tag == "a"}
    assert targets <= set(page.ids)


def test_ids_are_text_and_never_markup():
    assert "<e1>" not in page_of(event())
    assert "<e1>" in "".join(Page(page_of(event())).words)


def test_nothing_is_loaded_from_anywhere():
    page = page_of(event())
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#)""", page)
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_why_nobody_met_and_what_would_help_is_said_in_the_language_asked_for():
    assert "one more mentor who speaks en at jkt in round 1 would serve one person" in page_of(event())
    assert "satu mentor lagi yang berbahasa en di jkt pada ronde 1 akan melayani satu orang" in page_of(event(), "id")


def test_who_is_listed_as_absent_twice_is_gone_from_the_earlier_round_on():
    document = {**event(), "absent": [{"id": "m0", "from_round": 1}, {"id": "m0", "from_round": 3}]}
    found = view(solve(read_input(document)).to_document(), document)
    assert [each.rounds for each in found.mentors if each.id == "m0"] == [frozenset()]


def test_the_same_plan_gives_the_same_page():
    document = event()
    answer = solve(read_input(document)).to_document()
    assert render_html(answer, document) == render_html(answer, document)


def test_large_sites_travel_packed_and_hold_the_same():
    page = page_of(event(people=900))
    packed = re.findall(r'<script type="application/gzip">([^<]+)</script>', page)
    assert len(packed) == 2
    opened = "".join(gzip.decompress(base64.b64decode(each)).decode() for each in packed)
    assert {f"&lt;e{n}&gt;" for n in range(1800)} <= set(re.findall(r"&lt;e\d+&gt;", opened))


@pytest.mark.parametrize("language", ["en", "id"])
def test_the_command_writes_the_page_beside_the_plan(tmp_path, language):
    source, target, page = (tmp_path / name for name in ("in.json", "plan.json", "plan.html"))
    source.write_text(json.dumps(event()))
    result = CliRunner().invoke(plan, [str(source), "-o", str(target), "--html", str(page), "--language", language])
    assert result.exit_code == 0, result.output
    assert page.read_text() == render_html(json.loads(target.read_text()), event(), language)
    assert f'<html lang="{language}">' in page.read_text()
