"""A table for each mentor, the same all through, unique at its site; who had one keeps it."""

from collections import defaultdict

from services.matching.planner.input.model import Announced, PlanInput


def table_names(plan_input: PlanInput, seated: list[int]) -> dict[int, str]:
    """The table of each mentor in ``seated`` (positions, ascending): the announced one, else the next free number."""
    held: dict[int, str] = {}
    taken: set[tuple[str, str]] = set()
    # The latest announced table counts: a mentor moved between rounds stays where people were told last.
    announced: list[Announced] = sorted(plan_input.current or (), key=lambda each: -each.round)
    barred = _barred(plan_input)
    for meeting in announced:
        table = (plan_input.mentors[meeting.mentor].site, meeting.table)
        if meeting.table and meeting.mentor not in held and table not in taken and table not in barred[meeting.mentor]:
            held[meeting.mentor] = meeting.table
            taken.add(table)
    # A table somebody sat at in a round that is held is free for nobody else: that meeting keeps it.
    taken |= {(plan_input.mentors[each.mentor].site, each.table) for each in announced}
    number: dict[str, int] = {}
    names: dict[int, str] = {}
    for mentor in seated:
        if mentor in held:
            names[mentor] = held[mentor]
            continue
        site = plan_input.mentors[mentor].site
        while True:
            number[site] = number.get(site, 0) + 1
            name = f"{site or 'table'}-{number[site]}"
            if (site, name) not in taken:
                break
        names[mentor] = name
    return names


def _barred(plan_input: PlanInput) -> dict[int, set[tuple[str, str]]]:
    """For each mentor the tables (site, name) of others in held rounds in which she sat at a table without a name."""
    frozen = [each for each in plan_input.current or () if each.round <= plan_input.frozen_through]
    nameless = {(each.round, each.mentor) for each in frozen if not each.table}
    sat: dict[int, set[tuple[str, str, int]]] = defaultdict(set)
    for each in frozen:
        if each.table:
            sat[each.round].add((plan_input.mentors[each.mentor].site, each.table, each.mentor))
    barred: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for number, mentor in nameless:
        barred[mentor] |= {(site, table) for site, table, other in sat[number] if other != mentor}
    return barred
