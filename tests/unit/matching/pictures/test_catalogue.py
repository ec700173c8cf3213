"""Everything matching says has been translated, with the same fields."""

import re
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import services.matching
from services.matching.language import LOCALE, spoken_again

MATCHING = Path(services.matching.__file__).parent
FIELDS = re.compile(r"\{(\w+)\}")


def test_every_text_has_its_indonesian():
    with (LOCALE / "id" / "LC_MESSAGES" / "matching.po").open("rb") as source:
        catalogue = read_po(source, locale="id")
    said = extract_from_dir(
        MATCHING, method_map=[("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")], keywords={"say": None}
    )
    texts = {text for _, _, text, _, _ in said}
    assert len(texts) > 100
    for text in texts:
        translated = catalogue.get(text)
        assert translated is not None, text
        assert translated.string, text
        assert sorted(FIELDS.findall(translated.string)) == sorted(FIELDS.findall(text)), text


def test_a_reason_and_what_would_help_are_said_again_in_indonesian():
    english = "no mentor shares a language; one more mentor who speaks id at Surabaya in round 3 would serve 4 people"
    assert spoken_again(english, "id") == (
        "tidak ada mentor dengan bahasa yang sama; "
        "satu mentor lagi yang berbahasa id di Surabaya pada putaran 3 akan melayani 4 orang"
    )
    assert spoken_again(english, "en") == english
