"""Processor time of reading the files of an event by the number of its people: ``python -m bench.event_files``.

Nobody has a team: those were once compared with everybody. Prints, for each size, the best of three runs.
"""

import itertools
import time

from services.registration.domain.files import Imported, read_event

SIZES = (1_000, 3_000, 10_000)

PROGRAM = """title = "Large"
date = 2026-12-05
rounds = 6
round_minutes = 10
[[sites]]
id = "a"
name = "A"
time_zone = "Asia/Jakarta"
start = "09:00"
"""


def files_of(mentees: int) -> dict[str, str]:
    """An event with a fifth as many mentors as mentees."""
    mentors = mentees // 5
    return {
        "program.toml": PROGRAM,
        "mentors.csv": "ref,name,email,site,languages,topics,team\n"
        + "".join(f"m{n},Mentor {n},m{n}@x.example,a,id;en,hiring:3;funding:4,\n" for n in range(mentors)),
        "mentees.csv": "ref,name,email,site,languages,motive,topics,team,question_1\n"
        + "".join(f"e{n},Mentee {n},e{n}@x.example,a,id,career,hiring;funding,,How {n}?\n" for n in range(mentees)),
    }


def read(files: dict[str, str]) -> Imported:
    """The event, with ids that cost nothing."""
    return read_event(files, "org", (f"id-{n}" for n in itertools.count()).__next__)


def main() -> None:
    """Measure and print."""
    for size in SIZES:
        files = files_of(size)
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            read(files)
            best = min(best, time.process_time() - start)
        print(f"{size:>6} mentees, {size // 5:>5} mentors: {best:6.2f} s, {1e6 * best / (size * 1.2):5.0f} µs a person")


if __name__ == "__main__":
    main()
