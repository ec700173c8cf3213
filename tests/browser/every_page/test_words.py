"""Everything a page or a script says can be said in every language, with the same fields."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

GATEWAY = Path(__file__).parents[3] / "services" / "gateway"
CATALOGUES = sorted(GATEWAY.glob("locale/*/LC_MESSAGES/gateway.po"))
METHODS = [("**.py", "python"), ("**/templates/*.html", "jinja2"), ("**/static/**.js", "javascript")]
KEYWORDS = {"say": None, "t": None, "_": None}


def fields(text: str) -> list[str]:
    """The names in braces."""
    return sorted(re.findall(r"\{(\w+)\}", text))


def said() -> set[str]:
    """All texts in the gateway's code, templates and scripts."""
    found = extract_from_dir(str(GATEWAY), METHODS, keywords=KEYWORDS, comment_tags=())
    return {str(text) for _, _, text, _, _ in found}


def test_there_is_something_to_say() -> None:
    assert CATALOGUES
    assert {"Round {round} of {rounds}", "Log in", "“{title}” is published."} <= said()


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_each_catalogue_has_every_text_with_its_fields(path: Path) -> None:
    with path.open("rb") as source:
        spoken = {str(each.id): str(each.string) for each in read_po(source) if each.id}
    assert not {text for text in said() if not spoken.get(text)}
    assert not {text for text, other in spoken.items() if fields(text) != fields(other)}
