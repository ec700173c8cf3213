"""The best plan by mixed integer programming (HiGHS): slow, simple, and no kin of the planner."""

import numpy as np
from plan_rules import allowed_pairs, counts_of, doubles, frozen_meetings, future_meetings, people
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

DEAREST = 10**6


class Oracle:
    """Variables: each (mentee, mentor, round) that is allowed, then for each mentee and k "has k meetings"."""

    def __init__(self, document):
        self.document = document
        self.mentees, self.mentors = people(document, "mentees"), people(document, "mentors")
        self.allowed = allowed_pairs(document)
        self.held = counts_of(document, frozen_meetings(document))
        self.slots = [
            (e, m, r) for e, m in self.allowed for r in sorted(self.mentees[e]["open"] & self.mentors[m]["open"])
        ]
        self.levels = [(e, k) for e in self.mentees for k in range(1, document["rounds"] + 1)]
        self.level_at = {each: len(self.slots) + at for at, each in enumerate(self.levels)}
        self.size = len(self.slots) + len(self.levels)
        self.rows = []
        before = {}
        for each in frozen_meetings(document):
            before[each["mentor"]] = before.get(each["mentor"], 0) + 1
        groups = {}
        for at, (e, m, r) in enumerate(self.slots):
            groups.setdefault(("mentee", e, r), []).append(at)
            groups.setdefault(("mentor", m, r), []).append(at)
            groups.setdefault(("pair", e, m), []).append(at)
            groups.setdefault(("mentee", e), []).append(at)
            groups.setdefault(("mentor", m), []).append(at)
        for key, columns in groups.items():
            if key[0] == "mentor" and len(key) == 3:
                most = self.mentors[key[1]]["seats"]
            elif len(key) == 3:
                most = 1
            elif key[0] == "mentee":
                most = max(0, self.mentees[key[1]]["max_meetings"] - self.held[key[1]])
            else:
                most = max(0, self.mentors[key[1]]["max_meetings"] - before.get(key[1], 0))
            self.rows.append((dict.fromkeys(columns, 1), -np.inf, most))
        for e, m in doubles(document):
            for r in range(1, document["rounds"] + 1):
                for at in groups.get(("mentor", m, r), ()):
                    self.rows.append((dict.fromkeys([*groups.get(("mentee", e, r), ()), at], 1), -np.inf, 1))
        for e in self.mentees:
            row = dict.fromkeys(groups.get(("mentee", e), []), 1)
            row.update({self.level_at[e, k]: -1 for k in range(1, document["rounds"] + 1)})
            self.rows.append((row, -self.held[e], -self.held[e]))
            for k in range(1, document["rounds"]):
                self.rows.append(({self.level_at[e, k]: 1, self.level_at[e, k + 1]: -1}, 0, np.inf))

    def best(self, objective):
        """The largest value of ``objective`` (column -> gain) and the columns used."""
        gain = np.zeros(self.size)
        for column, value in objective.items():
            gain[column] = value
        row, column, value, low, high = [], [], [], [], []
        for at, (coefficients, least, most) in enumerate(self.rows):
            row += [at] * len(coefficients)
            column += list(coefficients)
            value += list(coefficients.values())
            low.append(least)
            high.append(most)
        matrix = coo_array((value, (row, column)), shape=(len(self.rows), self.size)).tocsr()
        found = milp(
            -gain,
            constraints=LinearConstraint(matrix, low, high),
            bounds=Bounds(0, 1),
            integrality=np.ones(self.size),
            options={"mip_rel_gap": 0},
        )
        assert found.status == 0, found.message
        return round(-found.fun), found.x > 0.5

    def fairest(self):
        """The leximin-best sorted counts; afterwards only plans that have them remain.

        One level after the other: the most mentees with a meeting; of those plans, the most with two; and so on.
        Sorted counts that have fewer zeros, then fewer ones, …, are larger in the leximin order.
        """
        for k in range(1, self.document["rounds"] + 1):
            columns = {self.level_at[e, k]: 1 for e in self.mentees}
            most, used = self.best(columns)
            self.rows.append((columns, most, np.inf))
        count = dict.fromkeys(self.mentees, 0)
        for (e, _), column in self.level_at.items():
            count[e] += int(used[column])
        return sorted(count.values())

    def as_fair_as(self, meetings):
        """From now on only plans remain whose sorted counts are those of ``meetings``."""
        counts = counts_of(self.document, meetings).values()
        for k in range(1, self.document["rounds"] + 1):
            many = sum(count >= k for count in counts)
            self.rows.append(({self.level_at[e, k]: 1 for e in self.mentees}, many, many))

    def best_value(self):
        """Of the plans left, the largest score of new meetings less the cost of changes."""
        cost = self.document.get("change_cost", DEAREST)
        future = future_meetings(self.document)
        objective = {at: self.allowed[e, m] + cost * ((r, e, m) in future) for at, (e, m, r) in enumerate(self.slots)}
        value, _ = self.best(objective)
        return value - cost * len(future)


def value_of(document, plan):
    """What the oracle maximizes, of a finished plan."""
    frozen = {(each["round"], each["mentee"], each["mentor"]) for each in frozen_meetings(document)}
    future = future_meetings(document)
    listed = {(each["round"], each["mentee"], each["mentor"]): each["score"] for each in plan["meetings"]}
    new = sum(score for key, score in listed.items() if key not in frozen)
    return new - document.get("change_cost", DEAREST) * len(future - listed.keys())
