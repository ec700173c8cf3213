"""How fairly meetings are shared out, and what no plan can be fairer than.

A plan is fairer if its sorted vector of meetings per mentee is larger in the leximin order. Of whole numbers that is
the lexicographic order of their levels: how many mentees have at least 1 meeting, at least 2, and so on; the first
level in which two vectors differ decides.

Where the vectors that are possible are the degrees of a flow, they are an M-convex set; on one every strictly concave
sum has exactly the leximin-best vectors as its maximizers (Frank and Murota, "Decreasing minimization on M-convex
sets", Mathematical Programming 195, 2022). With rounds that not everybody has they need not be one, and such a sum can
prefer a vector that is less fair. But leaving a rule out makes a flow of it, whose fairest vector no plan exceeds: a
plan that reaches it is proved the fairest.
"""

import numpy as np

from services.matching.planner.input.model import Index
from services.matching.planner.problem.parts import Field

Levels = tuple[int, ...]
"""How many mentees of a part have at least 1, 2, 3 … meetings, those held before included; the larger, the fairer."""


def fairness_of(field: Field, mentee: Index) -> int:
    """What the new meetings of ``mentee`` (one entry a meeting) earn in fairness: a strictly concave sum."""
    count = np.bincount(mentee, minlength=field.mentees)
    first = field.rounds - field.mentee_met  # the next meeting of a mentee earns this, each one after one less
    return int((count * first - count * (count - 1) // 2).sum())


def levels_of(field: Field, mentee: Index) -> Levels:
    """The levels that new meetings of ``mentee`` (one entry a meeting) come to."""
    count = field.mentee_met + np.bincount(mentee, minlength=field.mentees)
    having = np.bincount(count, minlength=field.rounds + 1)
    return tuple(having[::-1].cumsum()[::-1][1:].tolist())
