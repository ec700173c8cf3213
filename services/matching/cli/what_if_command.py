"""``speedmentor plan --what-if``: variants of an event side by side."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.matching.planner import read_input, solve
from services.matching.planner.input.json_values import short
from services.matching.planner.input.model import PlanInput
from services.matching.planner.what_if import AS_IT_IS, FORMAT, Outcome, outcome_of, variant
from shared.faults import Invalid
from shared.messages import Message, say
from shared.translation import spoken

COLUMNS: tuple[tuple[Message, str], ...] = (
    (say("rounds"), "rounds"),
    (say("mentors"), "mentors"),
    (say("mentees"), "mentees"),
    (say("least"), "least"),
    (say("mean"), "mean"),
    (say("most"), "most"),
    (say("value"), "value"),
    (say("idle seats"), "idle_seats"),
    (say("nobody met"), "unmet"),
    (say("gap"), "gap"),
    (say("minutes"), "minutes"),
)


def outcomes(document: Any, texts: Sequence[str], time_limit: float | None, workers: int | None) -> list[Outcome]:
    """The event as it is, then each variant.

    Raises:
        shared.faults.Invalid: a variant cannot be made, or the input breaks the format.
    """
    read_input(document)  # so that variants are made of what is sound
    variants = [(AS_IT_IS, document, None), *((text, *variant(document, text)) for text in texts)]
    found = []
    for name, changed, minutes in variants:
        plan_input = _read(name, changed)
        plan = solve(plan_input, time_limit=time_limit, workers=workers)
        found.append(outcome_of(name, plan_input, plan, minutes))
    return found


def _read(name: str, document: Any) -> PlanInput:
    try:
        return read_input(document)
    except Invalid as fault:
        # Only what a variant has changed can be at fault here.
        problems = [replace(each, field=f"--what-if {short(name)}: {each.field}") for each in fault.problems]
        raise Invalid(fault.detail, problems) from fault


def to_document(found: Sequence[Outcome]) -> dict[str, Any]:
    """The comparison as JSON."""
    return {"format": FORMAT, "variants": [each.to_document() for each in found]}


def table(found: Sequence[Outcome], language: str) -> str:
    """The comparison as a table of text."""
    columns = [each for each in COLUMNS if any(getattr(one, each[1]) is not None for one in found)]
    rows = [["", *(spoken(title, language) for title, _ in columns)]]
    for one in found:
        name = spoken(say("as it is"), language) if one.name == AS_IT_IS else one.name
        rows.append([name, *(_figure(getattr(one, field)) for _, field in columns)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        figures = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *figures]))
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.4g}"
