"""From a checked input to a proved plan: part by part, then tables, reasons and quality."""

import time

import numpy as np

from services.matching.planner.answer.changes import changes_of
from services.matching.planner.answer.plan import Meeting, PartResult, Plan, Quality
from services.matching.planner.answer.reasons import unmet_of
from services.matching.planner.answer.tables import table_names
from services.matching.planner.input.model import PlanInput
from services.matching.planner.parallel import Parts, Progress, cores, plan_parts
from services.matching.planner.problem.parts import parts_of
from services.matching.planner.problem.people import People, people_of
from services.matching.planner.problem.scores import Scoring


def solve(
    plan_input: PlanInput,
    *,
    time_limit: float | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Plan:
    """The fairest, then best, then calmest plan for ``plan_input``, with its proof.

    ``time_limit`` (seconds) makes hard parts stop early with the best plan found; without it the work done is
    a fixed amount, so that the same input gives the same plan. ``progress`` is called with the share done;
    what it raises stops the planning and is passed on. Large events are planned in ``workers`` processes (as
    many as cores if None).
    """
    started = time.monotonic()
    deadline = None if time_limit is None else started + time_limit
    people = people_of(plan_input)
    scoring = Scoring(plan_input, people)
    parts = Parts(parts_of(people), people, scoring, deadline, workers or cores())
    return assemble(plan_input, people, scoring, plan_parts(parts, progress), started)


def assemble(
    plan_input: PlanInput, people: People, scoring: Scoring, results: list[PartResult], started: float
) -> Plan:
    """The plan made of the parts' ``results`` and the frozen meetings."""
    frozen = [each for each in plan_input.current or () if each.round <= plan_input.frozen_through]
    round_ = np.concatenate(
        [np.array([each.round - 1 for each in frozen], np.int64), *(np.asarray(r.meetings[0]) for r in results)]
    ).astype(np.int64)
    mentee = np.concatenate(
        [np.array([each.mentee for each in frozen], np.int64), *(np.asarray(r.meetings[1]) for r in results)]
    ).astype(np.int64)
    mentor = np.concatenate(
        [np.array([each.mentor for each in frozen], np.int64), *(np.asarray(r.meetings[2]) for r in results)]
    ).astype(np.int64)
    order = np.lexsort((mentee, round_))
    round_, mentee, mentor = round_[order], mentee[order], mentor[order]
    because = scoring.because(mentee, mentor)
    score = np.sum(list(because.values()), axis=0).astype(np.int64)
    tables = table_names(plan_input, np.unique(mentor).tolist())
    kept_table = {(each.round, each.mentee): each.table for each in frozen if each.table}
    names = tuple(because)
    meetings = tuple(
        Meeting(r + 1, e, m, tables[m], s, tuple(zip(names, parts, strict=True)))
        for r, e, m, s, parts in zip(
            round_.tolist(),
            mentee.tolist(),
            mentor.tolist(),
            score.tolist(),
            zip(*(part.tolist() for part in because.values()), strict=True),
            strict=True,
        )
    )
    if kept_table:
        meetings = tuple(
            Meeting(
                each.round,
                each.mentee,
                each.mentor,
                kept_table.get((each.round, each.mentee), each.table),
                each.score,
                each.because,
            )
            for each in meetings
        )
    count = np.bincount(mentee, minlength=len(plan_input.mentees))
    unmet = np.flatnonzero(count == 0)
    total = int(score.sum())
    future = {(each.round, each.mentee, each.mentor) for each in plan_input.current or ()} - {
        (each.round, each.mentee, each.mentor) for each in frozen
    }
    kept = sum((each.round, each.mentee, each.mentor) in future for each in meetings)
    missing = sum(result.bound - result.value for result in results)
    quality = Quality(
        meetings=len(meetings),
        score=total,
        bound=total + missing,
        certified=missing == 0 and all(result.fairest for result in results),
        least=int(count.min()),
        most=int(count.max()),
        kept=kept,
        changed=len(future) - kept,
        seconds=round(time.monotonic() - started, 3),
    )
    return Plan(
        mentee_ids=tuple(each.id for each in plan_input.mentees),
        mentor_ids=tuple(each.id for each in plan_input.mentors),
        mentor_sites=tuple(each.site for each in plan_input.mentors),
        meetings=meetings,
        unmet=unmet_of(plan_input, people, scoring, meetings, unmet),
        quality=quality,
        changes=changes_of(plan_input, people, scoring, meetings),
        results=tuple(results),
    )
