"""The files of an event, as text, and the instant they let it begin."""

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

NAMES = ("program.toml", "mentors.csv", "mentees.csv")


#: Real seconds in which people can be prepared and checked in before any session begins by its own timetable.
MARGIN = 600.0


_DATE = re.compile(r"""^(\s*date\s*=\s*["']?)(\d{4}-\d\d-\d\d)""", re.MULTILINE)


class NotReadable(Exception):
    """A file is not text in UTF-8; the text says which one and where."""


@dataclass(frozen=True)
class EventFiles:
    """What is in the folder of an event: text by file name. What is missing is missing here too."""

    folder: Path
    texts: dict[str, str]

    @property
    def day_before(self) -> datetime:
        """08:00 UTC on the day before the event; of today where the files do not say when it is."""
        try:
            found = tomllib.loads(self.texts.get("program.toml", "").removeprefix("\ufeff")).get("date")
            # Both 2026-12-05 and "2026-12-05" are understood.
            day = datetime.fromisoformat(str(found)).date()
        except ValueError:
            day = datetime.now(UTC).date()
        return datetime.combine(day, time(8), UTC) - timedelta(days=1)

    def ahead_of(self, today: date) -> dict[str, str]:
        """The texts, with all dates so many days later that none has come by ``today``.

        An event of the past is not taken without being asked about, and nothing can be planned in it.
        """
        program = self.texts.get("program.toml", "")
        days = [date.fromisoformat(found) for _, found in _DATE.findall(program)]
        late = (today - min(days)).days + 1 if days else 0
        if late <= 0:
            return self.texts

        def later(found: re.Match[str]) -> str:
            return found[1] + (date.fromisoformat(found[2]) + timedelta(days=late)).isoformat()

        return {**self.texts, "program.toml": _DATE.sub(later, program)}

    def begin(self, speed: float) -> datetime:
        """When a clock of that ``speed`` is to begin: on :attr:`day_before`, or so much earlier that :data:`MARGIN`
        real seconds are left for the preparations."""
        # Wherever a site is, its day does not begin before this.
        earliest = self.day_before + timedelta(hours=2)
        return min(self.day_before, earliest - timedelta(seconds=MARGIN * speed))


def read_files(folder: Path) -> EventFiles:
    """The event in ``folder``; whether it makes sense is for the registration service to say.

    Raises:
        NotReadable: a file is not UTF-8.
    """
    texts = {}
    for name in NAMES:
        path = folder / name
        if not path.is_file():
            continue
        data = path.read_bytes()
        try:
            texts[name] = data.decode("utf-8")
        except UnicodeDecodeError as error:
            row = data.count(b"\n", 0, error.start) + 1
            raise NotReadable(f"{path}: row {row} is not UTF-8; save the file as CSV UTF-8") from error
    return EventFiles(folder, texts)
