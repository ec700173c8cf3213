"""Saying again, in another language, what a plan file says in English."""

import re
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from shared.messages import Message
from shared.translation import spoken

LOCALE = Path(__file__).parents[1] / "locale"


def spoken_again(text: str, language: str) -> str:
    """English ``text`` out of a plan file in ``language``, where it was made from a template we know."""
    if language == "en":
        return text
    # A reason and what would help are two sentences (see the planner's plan).
    if "; " in text:
        return "; ".join(spoken_again(each, language) for each in text.split("; "))
    for template, msgid in _templates(language):
        found = template.fullmatch(text)
        if found:
            return spoken(Message(msgid, found.groupdict()), language)
    return text


@cache
def _catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "matching.po").open("rb") as source:
        return read_po(source, locale=language)


@cache
def _templates(language: str) -> list[tuple[re.Pattern[str], str]]:
    return [(_template(str(message.id)), str(message.id)) for message in _catalogue(language) if message.id]


def _template(msgid: str) -> re.Pattern[str]:
    """What texts made from ``msgid`` look like: its {fields} may be anything."""
    parts = re.split(r"\{(\w+)\}", msgid)
    literals = [re.escape(literal) for literal in parts[::2]]
    fields = [f"(?P<{name}>.+)" for name in parts[1::2]]
    return re.compile("".join(part for pair in zip(literals, [*fields, ""], strict=True) for part in pair))
