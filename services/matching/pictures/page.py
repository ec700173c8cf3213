"""The page: one HTML text that loads nothing from anywhere."""

import base64
import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.matching.domain.why_no_meeting import told_reason
from services.matching.pictures import words
from services.matching.pictures.retranslating import spoken_again
from services.matching.pictures.view import ROUNDS_A_SHEET, SHADES, Site, spans, view
from shared.messages import Message
from shared.translation import translations

HERE = Path(__file__).parent / "templates"
WHOLE = 4000
"""Up to so many meetings and people the page holds everything in the open and works without scripts. Above,
each site travels packed (gzip, base64) and is unpacked when somebody opens it: a browser lays out only what is
looked at."""
OPEN_SITES = 8
"""Up to so many sites all timetables are open at first."""


def render_html(plan_document: Mapping[str, Any], input_document: Mapping[str, Any], language: str = "en") -> str:
    """The page of a plan (format 1) and the input it was made from (format 1), in ``language``.

    The same documents give the same page.
    """
    plan = view(plan_document, input_document)
    speech = Speech(language)
    templates = _templates(language)
    packed = sum(site.meetings for site in plan.sites) + len(plan.mentees) + len(plan.mentors) > WHOLE
    one_site = templates.get_template("site.html")

    def contents(site: Site) -> Markup:
        markup = one_site.render(plan=plan, site=site)
        return Markup(pack(markup)) if packed else Markup(markup)  # noqa: S704 - made by our own templates

    return templates.get_template("plan.html").render(
        plan=plan,
        contents=contents,
        packed=packed,
        all_open=not packed and len(plan.sites) <= OPEN_SITES,
        language=language,
        verdict=speech.message(words.verdict(plan)),
        certificate=speech.message(words.certificate(plan)),
        fairness=speech.message(words.fairness(plan)),
        style=_source("plan.css"),
        script=_source("plan.js"),
        shades=range(SHADES),
        spans=spans(plan.rounds, max(ROUNDS_A_SHEET)),
    )


def pack(markup: str) -> str:
    """``markup`` as base64 of gzip, the same bytes every time."""
    return base64.b64encode(gzip.compress(markup.encode(), compresslevel=6, mtime=0)).decode("ascii")


class Speech:
    """Text and figures as they are said in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._translations = translations(language)

    def say(self, msgid: str, /, **params: Any) -> str:
        """``msgid`` in this language, figures written its way."""
        text = self._translations.gettext(msgid)
        return text.format(**{name: self.figure(each) for name, each in params.items()}) if params else text

    def message(self, message: Message) -> str:
        """A message of the domain in this language."""
        return self.say(message.msgid, **message.params)

    def figure(self, value: Any) -> Any:
        """Figures with this language's separators; anything else as it is."""
        if isinstance(value, words.Share):
            return format_percent(value, "#,##0.0##%", locale=self.language)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return format_decimal(value, "#,##0.##", locale=self.language)
        return value


@cache
def _templates(language: str) -> Environment:
    speech = Speech(language)
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["say"] = speech.say
    environment.globals["again"] = lambda text: spoken_again(text, language)
    environment.globals["told"] = lambda person, role: speech.message(told_reason(person.reason, role))
    environment.filters["figure"] = speech.figure
    environment.filters["share"] = lambda part: speech.figure(words.share(part))
    return environment


@cache
def _source(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))  # noqa: S704 - our own file
