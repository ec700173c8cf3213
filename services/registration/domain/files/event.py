"""A whole event from its files: everything that is wrong at once, or everything that is to be created."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from services.registration.domain.confirming import unanswered
from services.registration.domain.files import people
from services.registration.domain.files.causes import alike, by_cause
from services.registration.domain.files.file_kinds import not_a_table
from services.registration.domain.files.program_file import FILE as PROGRAM
from services.registration.domain.files.program_file import read_program
from services.registration.domain.files.table import Columns, Found, Row, read_table
from services.registration.domain.participant import Mentee, Mentor, excluded, in_common
from services.registration.domain.program import Program
from services.registration.domain.rules import Frame
from shared.faults import Invalid, Problem
from shared.messages import say

FILES = (PROGRAM, people.MENTORS, people.MENTEES)


@dataclass(frozen=True)
class Imported:
    """A program with its people, ready to be kept; ``notices`` is what has been read otherwise than it is written."""

    program: Program
    mentors: tuple[Mentor, ...]
    mentees: tuple[Mentee, ...]
    notices: tuple[Problem, ...] = ()


def read_event(
    files: Mapping[str, str], org: str, new_id: Callable[[], str], confirmed: Collection[str] = ()
) -> Imported:
    """The event in ``files`` (text by file name).

    ``confirmed``: the codes (``Problem.confirm``) of what looks wrong and has been said to be right.

    Raises:
        Invalid: with a problem for every fault in every file.
    """
    # mentors.xlsx is mentors.csv in another form: that is said of it, and not that the other is missing.
    other_forms = {PurePath(name).stem.casefold() for name, text in files.items() if not_a_table(text)}
    problems = [
        *(
            Problem(name, say("the file is missing"), say("add it; its format is in the guide to event files"), name)
            for name in FILES
            if name not in files and PurePath(name).stem not in other_forms
        ),
        *(_unknown(name, text) for name, text in files.items() if name not in FILES),
    ]
    program_id = new_id()
    before: list[Problem] = []
    program, frame = read_program(files[PROGRAM], program_id, org, before) if PROGRAM in files else (None, None)
    of = people.Membership(org, program_id, frame or Frame())
    of_mentors, of_mentees = Found(confirmed=confirmed), Found(confirmed=confirmed)
    mentor_rows = _rows(files, people.MENTORS, people.MENTOR_COLUMNS, of_mentors)
    mentee_rows = _rows(files, people.MENTEES, people.MENTEE_COLUMNS, of_mentees)
    mailboxes = people.Mailboxes()
    mentor_ids = people.keys(people.MENTORS, mentor_rows, new_id, mailboxes, of_mentors)
    mentee_ids = people.keys(people.MENTEES, mentee_rows, new_id, mailboxes, of_mentees)
    # A table without rows has its fault already; those who name somebody of it have none.
    mentors = people.mentors(mentor_rows, mentor_ids, mentee_ids if mentee_rows else None, of, of_mentors)
    mentees, never = people.mentees(mentee_rows, mentee_ids, mentor_ids if mentor_rows else None, of, of_mentees)
    for found in (before, of_mentors.problems, of_mentees.problems):
        problems += sorted(by_cause(unanswered(found, confirmed)), key=lambda problem: problem.row or 0)
    if problems or program is None:
        raise Invalid(say("The event files have {count} faults; nothing was created.", count=len(problems)), problems)
    notices = alike([*of_mentors.notices, *of_mentees.notices])
    return Imported(program, tuple(_with_exclusions(mentors, mentees, never)), tuple(mentees), tuple(notices))


def _unknown(name: str, text: str) -> Problem:
    """The fault of a file that is none of an event's, which may be one of them in another form."""
    return Problem(
        name[:64],
        *(not_a_table(text) or (say("the file is not known"), say("name the files {names}", names=", ".join(FILES)))),
    )


def _rows(files: Mapping[str, str], name: str, columns: Columns, found: Found) -> list[Row]:
    return read_table(name, files[name], columns, found) if name in files else []


def _with_exclusions(mentors: list[Mentor], mentees: list[Mentee], never: list[tuple[str, str]]) -> list[Mentor]:
    """The mentors with everybody in ``never`` whom they must not meet.

    Only those with something in common are compared: people without a team, a manager or an address have nothing.
    """
    of_mentor: dict[str, list[str]] = {mentor.id: list(mentor.never) for mentor in mentors}
    for mentor_id, mentee_id in never:
        of_mentor[mentor_id].append(mentee_id)
    near: dict[tuple[str, str], list[Mentee]] = {}
    for mentee in mentees:
        for shared in in_common(mentee):
            near.setdefault(shared, []).append(mentee)
    for mentor in mentors:
        for shared in in_common(mentor):
            of_mentor[mentor.id] += [mentee.id for mentee in near.get(shared, ()) if excluded(mentor, mentee)]
    return [replace(mentor, never=tuple(dict.fromkeys(of_mentor[mentor.id]))) for mentor in mentors]
