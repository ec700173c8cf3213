"""``program.toml``: the frame of the event."""

import re
import tomllib
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.registration.domain import limits
from services.registration.domain.program import Program, Site
from services.registration.domain.rules import Frame, choose_from, empty
from services.registration.domain.texts import clean, text_problems
from shared.faults import Problem
from shared.meeting import MEETING_LIMIT_SECONDS
from shared.messages import Message, say

FILE = "program.toml"
_REQUIRED = ("title", "date", "rounds", "round_minutes", "sites")
_OPTIONAL = ("key", "break_minutes", "warning_seconds", "topics", "new_pairs_only")
_SITE = ("id", "name", "time_zone", "start")
_SITE_OPTIONAL = ("date",)


def read_program(text: str, program_id: str, org: str, problems: list[Problem]) -> tuple[Program | None, Frame]:
    """The program (None if anything is wrong, which goes to ``problems``), and what of its frame can be relied on."""
    try:
        document = tomllib.loads(text.lstrip("\ufeff").replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        problems.append(
            Problem(
                "",
                say("the file is not TOML: {reason}", reason=str(error)),
                say("compare the line with the example; texts and times of day need double quotes"),
                FILE,
                int(line.group(1)) if line else None,
            )
        )
        return None, Frame()
    return _Reader(document, problems).program(program_id, org)


class _Reader:
    """Reads field by field and goes on after a fault."""

    def __init__(self, document: dict[str, Any], problems: list[Problem]) -> None:
        self._document = document
        self._problems = problems
        self._faults_before = len(problems)

    def program(self, program_id: str, org: str) -> tuple[Program | None, Frame]:
        self._names(self._document, _REQUIRED, _OPTIONAL, "")
        title = self._text(self._document, "title", "/title", limits.TITLE)
        rounds = self._number("rounds", 1, limits.MOST_ROUNDS, whole=True)
        minutes = self._number("round_minutes", 1 / 60, MEETING_LIMIT_SECONDS / 60)
        pause = self._number("break_minutes", 0, limits.LONGEST_BREAK / 60, default=0)
        seconds = round((minutes or 0) * 60)
        warnings = self._warnings(seconds)
        topics = self._topics()
        day = self._day(self._document, "/date") if "date" in self._document else None
        sites = self._sites(day)
        key = self._key(title)
        new_pairs_only = self._flag("new_pairs_only")
        frame = Frame(tuple(site.id for site in sites), None if rounds is None else int(rounds), topics)
        if len(self._problems) > self._faults_before:
            return None, frame
        program = Program(
            id=program_id,
            org=org,
            key=key,
            title=title,
            rounds=int(rounds or 0),
            round_seconds=seconds,
            break_seconds=round((pause or 0) * 60),
            warning_seconds=warnings,
            sites=tuple(sites),
            topics=topics,
            new_pairs_only=new_pairs_only,
        )
        return program, frame

    def _fault(self, field: str, what: Message, remedy: Message) -> None:
        self._problems.append(Problem(field, what, remedy, FILE))

    def _names(self, table: dict[str, Any], required: tuple[str, ...], optional: tuple[str, ...], at: str) -> None:
        for name in required:
            if name not in table:
                self._fault(f"{at}/{name}", say("it is missing"), say("add it"))
        for name in table:
            if name not in required + optional:
                remaining = [each for each in required + optional if each not in table]
                self._fault(
                    f"{at}/{name[:64]}",
                    say("it is not known"),
                    choose_from(name, remaining) if remaining else say("take it out"),
                )

    def _text(self, table: dict[str, Any], name: str, field: str, longest: int) -> str:
        value = table.get(name)
        if name in table and not isinstance(value, str):
            self._fault(field, say("it is not a text"), say("write it in double quotes"))
        if not isinstance(value, str):
            return ""
        text = clean(value)
        found = list(text_problems(field, text, longest, of_name=True)) if text else [empty(field)]
        for each in found:
            self._problems.append(replace(each, file=FILE))
        return text

    def _number(
        self, name: str, lowest: float, highest: float, *, default: float | None = None, whole: bool = False
    ) -> float | None:
        if name not in self._document:
            return default
        value = self._document[name]
        right = isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest
        if not right or (whole and not isinstance(value, int)):
            self._fault(
                f"/{name}",
                say("{value} is not possible", value=str(value)[:40]),
                say("give a number from {lowest} to {highest}", lowest=_plain(lowest), highest=_plain(highest)),
            )
            return None
        return float(value)

    def _flag(self, name: str) -> bool:
        value = self._document.get(name, False)
        if not isinstance(value, bool):
            self._fault(f"/{name}", say("it is neither true nor false"), say("write true or false, without quotes"))
        return value is True

    def _warnings(self, round_seconds: int) -> tuple[int, ...]:
        value = self._document.get("warning_seconds", [])
        right = (
            isinstance(value, list)
            and len(value) <= limits.MOST_WARNINGS
            and all(type(each) is int and each >= 1 for each in value)
            and len(set(value)) == len(value)
        )
        if not right:
            self._fault(
                "/warning_seconds",
                say("it is not a list of at most {most} different whole numbers", most=limits.MOST_WARNINGS),
                say("list the seconds left at each bell, as in [120, 30]"),
            )
            return ()
        if round_seconds and any(each >= round_seconds for each in value):
            self._fault(
                "/warning_seconds",
                say("a warning of {seconds} s would come before the round begins", seconds=max(value)),
                say("give seconds below the {length} s of a round", length=round_seconds),
            )
        return tuple(sorted(value, reverse=True))

    def _topics(self) -> tuple[str, ...]:
        value = self._document.get("topics", [])
        if not isinstance(value, list) or not all(
            isinstance(each, str) and limits.CODE.fullmatch(each) for each in value
        ):
            self._fault(
                "/topics",
                say("it is not a list of topic codes"),
                say('list codes of lower-case letters, digits and hyphens, as in ["career-change", "funding"]'),
            )
            return ()
        return tuple(dict.fromkeys(value))

    def _key(self, title: str) -> str:
        if "key" not in self._document:
            plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
            made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")
            return made or "program"
        key = self._document["key"]
        if not isinstance(key, str) or not limits.CODE.fullmatch(key):
            self._fault("/key", say("it is not a code"), say("write lower-case letters, digits and hyphens"))
            return ""
        return key

    def _sites(self, day: date | None) -> list[Site]:
        listed = self._document.get("sites")
        if listed is None:
            return []
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            self._fault("/sites", say("it is not a list of sites"), say("begin each site with a line [[sites]]"))
            return []
        if not 1 <= len(listed) <= limits.MOST_SITES:
            self._fault(
                "/sites",
                say("there are {count} sites", count=len(listed)),
                say("give from 1 to {most}", most=limits.MOST_SITES),
            )
        sites: list[Site] = []
        for number, table in enumerate(listed):
            site = self._site(table, f"/sites/{number}", day)
            if site.id in {each.id for each in sites}:
                self._fault(f"/sites/{number}/id", say("another site has this id"), say("give each its own"))
            sites.append(site)
        return sites

    def _site(self, table: dict[str, Any], at: str, day: date | None) -> Site:
        self._names(table, _SITE, _SITE_OPTIONAL, at)
        site_id = table.get("id", "")
        if "id" in table and (not isinstance(site_id, str) or not limits.SITE.fullmatch(site_id)):
            self._fault(
                f"{at}/id",
                say("it cannot be the id of a site"),
                say("write at most 32 lower-case letters, digits and hyphens, such as jkt"),
            )
        name = self._text(table, "name", f"{at}/name", limits.NAME)
        zone = self._zone(table, f"{at}/time_zone")
        start = self._start(table, f"{at}/start")
        if "date" in table:
            day = self._day(table, f"{at}/date")
        starts_at = datetime.fromtimestamp(0, UTC)
        if zone and start is not None and day is not None:
            starts_at = self._instant(day, start, zone, f"{at}/start")
        return Site(
            id=site_id if isinstance(site_id, str) else "",
            name=name,
            time_zone=zone.key if zone else "",
            starts_at=starts_at,
        )

    def _zone(self, table: dict[str, Any], field: str) -> ZoneInfo | None:
        name = table.get("time_zone")
        if name is None:
            return None
        try:
            # Names without an area (EST, CET, WIB) are no places, and some mean other rules than people think.
            if isinstance(name, str) and ("/" in name or name == "UTC"):
                return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
        self._fault(
            field,
            say("there is no time zone {value}", value=str(name)[:40]),
            say("use a name of the IANA list, such as Asia/Jakarta"),
        )
        return None

    def _start(self, table: dict[str, Any], field: str) -> time | None:
        value = table.get("start")
        if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", value):
            value = time.fromisoformat(value)
        if "start" in table and (not isinstance(value, time) or value.microsecond):
            self._fault(
                field, say("it is not a time of day"), say('write the local time as in "09:00", hours from 00 to 23')
            )
            return None
        return value if isinstance(value, time) else None

    def _day(self, table: dict[str, Any], field: str) -> date | None:
        value = table["date"]
        read: Callable[[str], date] = date.fromisoformat
        if isinstance(value, str):
            try:
                value = read(value)
            except ValueError:
                value = None
        if not isinstance(value, date) or isinstance(value, datetime) or not 2000 <= value.year <= 2200:
            self._fault(field, say("it is not a date"), say("write year, month and day, as in 2026-12-05"))
            return None
        return value

    def _instant(self, day: date, start: time, zone: ZoneInfo, field: str) -> datetime:
        """The instant of a local time: the first one where the clocks show it twice; a fault where they skip it."""
        local = datetime.combine(day, start, zone)
        instant = local.astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            self._fault(
                field,
                say("the clocks skip {time} on {day} there", time=start.isoformat("minutes"), day=day.isoformat()),
                say("start before or after the hour that is left out"),
            )
        return instant


def _plain(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
