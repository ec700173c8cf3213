"""A whole event from its files: everything that is wrong at once, or everything that is to be created."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from services.registration.domain.files import people
from services.registration.domain.files.program_file import FILE as PROGRAM
from services.registration.domain.files.program_file import read_program
from services.registration.domain.files.table import Columns, Row, read_table
from services.registration.domain.participant import Mentee, Mentor, excluded, team_of
from services.registration.domain.program import Program
from services.registration.domain.rules import Frame
from shared.faults import Invalid, Problem
from shared.messages import say

FILES = (PROGRAM, people.MENTORS, people.MENTEES)


@dataclass(frozen=True)
class Imported:
    """A program with its people, ready to be kept."""

    program: Program
    mentors: tuple[Mentor, ...]
    mentees: tuple[Mentee, ...]


def read_event(files: Mapping[str, str], org: str, new_id: Callable[[], str]) -> Imported:
    """The event in ``files`` (text by file name).

    Raises:
        Invalid: with a problem for every fault in every file.
    """
    problems = [
        *(
            Problem(name, say("the file is missing"), say("add it; its format is in the guide to event files"), name)
            for name in FILES
            if name not in files
        ),
        *(
            Problem(name[:64], say("the file is not known"), say("name the files {names}", names=", ".join(FILES)))
            for name in files
            if name not in FILES
        ),
    ]
    program_id = new_id()
    before: list[Problem] = []
    program, frame = read_program(files[PROGRAM], program_id, org, before) if PROGRAM in files else (None, None)
    of = people.Membership(org, program_id, frame or Frame())
    of_mentors: list[Problem] = []
    of_mentees: list[Problem] = []
    mentor_rows = _rows(files, people.MENTORS, people.MENTOR_COLUMNS, of_mentors)
    mentee_rows = _rows(files, people.MENTEES, people.MENTEE_COLUMNS, of_mentees)
    mentor_ids = people.keys(people.MENTORS, mentor_rows, new_id, of_mentors)
    mentee_ids = people.keys(people.MENTEES, mentee_rows, new_id, of_mentees)
    mentors = people.mentors(mentor_rows, mentor_ids, mentee_ids, of, of_mentors)
    mentees, never = people.mentees(mentee_rows, mentee_ids, mentor_ids, of, of_mentees)
    for found in (before, of_mentors, of_mentees):
        problems += sorted(found, key=lambda problem: problem.row or 0)
    if problems or program is None:
        raise Invalid(say("The event files have {count} faults; nothing was created.", count=len(problems)), problems)
    return Imported(program, tuple(_with_exclusions(mentors, mentees, never)), tuple(mentees))


def _rows(files: Mapping[str, str], name: str, columns: Columns, problems: list[Problem]) -> list[Row]:
    return read_table(name, files[name], columns, problems) if name in files else []


def _with_exclusions(mentors: list[Mentor], mentees: list[Mentee], never: list[tuple[str, str]]) -> list[Mentor]:
    """The mentors with everybody in ``never`` whom they must not meet."""
    of_mentor: dict[str, list[str]] = {mentor.id: list(mentor.never) for mentor in mentors}
    for mentor_id, mentee_id in never:
        of_mentor[mentor_id].append(mentee_id)
    by_team: dict[str, list[Mentee]] = {}
    by_manager: dict[str, list[Mentee]] = {}
    for mentee in mentees:
        by_team.setdefault(team_of(mentee), []).append(mentee)
        by_manager.setdefault(mentee.manager or "", []).append(mentee)
    for mentor in mentors:
        near = [*by_team.get(team_of(mentor), []), *by_manager.get(mentor.id, [])]
        of_mentor[mentor.id] += [mentee.id for mentee in near if excluded(mentor, mentee)]
    return [replace(mentor, never=tuple(dict.fromkeys(of_mentor[mentor.id]))) for mentor in mentors]
