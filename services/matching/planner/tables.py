"""A table for each mentor, the same all through, unique at its site; who had one keeps it."""

from services.matching.planner.model import Announced, PlanInput


def table_names(plan_input: PlanInput, seated: list[int]) -> dict[int, str]:
    """The table of each mentor in ``seated`` (positions, ascending): the announced one, else the next free number."""
    held: dict[int, str] = {}
    taken: set[tuple[str, str]] = set()
    # The latest announced table counts: a mentor moved between rounds stays where people were told last.
    announced: list[Announced] = sorted(plan_input.current or (), key=lambda each: -each.round)
    for meeting in announced:
        site = plan_input.mentors[meeting.mentor].site
        if meeting.table and meeting.mentor not in held and (site, meeting.table) not in taken:
            held[meeting.mentor] = meeting.table
            taken.add((site, meeting.table))
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
