"""The report of a run: as JSON for programs and as tables for people."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.demo.event import Outcome
from deploy.demo.observer import Observer
from shared.operations.checking import Finding


def document(outcome: Outcome, observer: Observer, finding: Finding, dead_letters: int, setup: float) -> dict[str, Any]:
    """Everything that can be counted, and whether it is as it must be."""
    people = Counter(each["role"] for each in outcome.participants)
    held = outcome.held
    quality = outcome.plan["quality"] or {}
    found = {
        "program_id": outcome.program_id,
        "title": outcome.program["title"],
        "participants": {
            "mentors": people["mentor"],
            "mentees": people["mentee"],
            "absent": len(outcome.absent),
            "checked_in": len(outcome.participants) - len(outcome.absent),
        },
        "sites": [
            {
                "site_id": each["site_id"],
                "time_zone": each["time_zone"],
                "state": each["state"],
                "rounds_held": each["rounds_held"],
                "meetings_planned": sum(one["site_id"] == each["site_id"] for one in outcome.plan["meetings"]),
                "meetings_held": sum(one["site_id"] == each["site_id"] for one in held),
            }
            for each in sorted(outcome.sessions, key=lambda each: str(each["site_id"]))
        ],
        "rounds": outcome.program["rounds"],
        "meetings": {
            "first_planned": len(outcome.first_plan["meetings"]),
            "planned": len(outcome.plan["meetings"]),
            "held": len(held),
            "pairs": len({(each["mentor_id"], each["mentee_id"]) for each in held}),
        },
        "plan": {"revision": outcome.plan["revision"], "quality": quality, "unmet": len(outcome.plan["unmet"])},
        "fairness": fairness(outcome),
        "feedback": outcome.feedback,
        "connections": len(outcome.connections),
        "pairs": {"formed": len(outcome.pairing["pairs"]), **outcome.pairing["counts"]},
        "report": outcome.report,
        "events": observer.by_type(outcome.program_id),
        "event_repetitions": observer.repetitions,
        "live": {"bells": outcome.bells, "reconnections": outcome.reconnections},
        "dead_letters": dead_letters,
        "differences": [
            str(each) for differences in (*finding.programs.values(), finding.broker) for each in differences
        ],
        "durations": {"set-up": round(setup, 3), **outcome.stages},
    }
    found["faults"] = faults(outcome, found) + observer.faults(outcome.program_id)
    found["clean"] = not found["faults"] and not found["differences"] and not dead_letters
    return found


def fairness(outcome: Outcome) -> dict[str, Any]:
    """How the held meetings are spread over the mentees who came."""
    came = [
        each["participant_id"]
        for each in outcome.participants
        if each["role"] == "mentee" and each["participant_id"] not in outcome.absent
    ]
    counts = Counter(each["mentee_id"] for each in outcome.held)
    spread = sorted(counts.get(each, 0) for each in came)
    return {
        "mentees": len(came),
        "fewest": spread[0] if spread else 0,
        "most": spread[-1] if spread else 0,
        "mean": round(sum(spread) / len(spread), 2) if spread else 0.0,
    }


def faults(outcome: Outcome, found: dict[str, Any]) -> list[str]:
    """What does not add up between the API, the answers given and the events heard, in words."""
    events: dict[str, int] = found["events"]
    rounds = sum(each["rounds_held"] for each in outcome.sessions)
    assigned = events.get("matching.meeting-assigned", 0) - events.get("matching.meeting-released", 0)
    expected = [
        ("meetings held, and planned in the last revision", found["meetings"]["held"], found["meetings"]["planned"]),
        ("feedback events, and feedback given", events.get("feedback.feedback-submitted", 0), outcome.feedback),
        ("feedback given, and two sides of each meeting", outcome.feedback, 2 * found["meetings"]["held"]),
        (
            "connections, and events that tell of them",
            len(outcome.connections),
            events.get("feedback.connection-formed", 0),
        ),
        (
            "pairs formed by events, and pairs",
            events.get("matching.pair-formed", 0) - events.get("matching.pair-dissolved", 0),
            len(outcome.pairing["pairs"]),
        ),
        (
            "pairs in the report, and pairs",
            outcome.report["pairing"]["pairs"],
            _shown(len(outcome.pairing["pairs"]), outcome),
        ),
        ("connections, and mutual choices made", len(outcome.connections), outcome.mutual),
        ("rounds started, and held", events.get("session-timer.round-started", 0), rounds),
        ("rounds ended, and held", events.get("session-timer.round-ended", 0), rounds),
        (
            "sessions finished, and sites",
            events.get("session-timer.session-finished", 0),
            len(outcome.program["sites"]),
        ),
        ("people absent by events", events.get("registration.participant-absent", 0), len(outcome.absent)),
        (
            "people checked in by events",
            events.get("registration.participant-checked-in", 0),
            found["participants"]["checked_in"],
        ),
    ]
    wrong = [f"{what}: {one} and {other}" for what, one, other in expected if one != other]
    if assigned < found["meetings"]["planned"]:
        wrong.append(f"meetings assigned by events: {assigned}, planned: {found['meetings']['planned']}")
    away = set(outcome.absent)
    wrong += [
        f"meeting {each['meeting_id']} was planned with somebody who is absent"
        for each in outcome.plan["meetings"]
        if away & {each["mentor_id"], each["mentee_id"]}
    ]
    return wrong


def _shown(count: int, outcome: Outcome) -> int | None:
    """A count as the report shows it."""
    return count if count >= outcome.report["k"] else None


def write(path: Path, found: dict[str, Any]) -> None:
    """Write the report whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def show(console: Console, found: dict[str, Any]) -> None:
    """The report as tables."""
    people, meetings, quality = found["participants"], found["meetings"], found["plan"]["quality"]
    console.print()
    console.rule(f"[bold]{found['title']}")
    table = _table("", "")
    table.add_row(
        "participants", f"{people['mentors']} mentors, {people['mentees']} mentees, {people['absent']} absent"
    )
    table.add_row("meetings", f"{meetings['held']} held of {meetings['planned']} planned in {found['rounds']} rounds")
    table.add_row(
        "plan",
        f"revision {found['plan']['revision']}, score {quality.get('score')} of at most {quality.get('bound')}"
        f"{', proved best' if quality.get('certified') else ''}, planned in {quality.get('seconds') or 0:.2f} s",
    )
    fair = found["fairness"]
    table.add_row("fairness", f"each mentee had {fair['fewest']} to {fair['most']} meetings, {fair['mean']} on average")
    table.add_row("feedback", f"{found['feedback']} answers")
    table.add_row("connections", f"{found['connections']} pairs who both want to stay in touch")
    stable, mutual = found["pairs"]["stable"], found["pairs"]["most_mutual"]
    table.add_row(
        "final pairs",
        f"{found['pairs']['formed']}, of which {stable['mutual']} chose each other"
        f" (at most {mutual['mutual']} could have)",
    )
    console.print(table)
    table = _table("site", "time zone", "rounds held", "meetings planned", "held")
    for site in found["sites"]:
        table.add_row(
            str(site["site_id"]),
            site["time_zone"],
            str(site["rounds_held"]),
            str(site["meetings_planned"]),
            str(site["meetings_held"]),
        )
    console.print(table)
    table = _table("what people say", "mean", "mentors", "mentees", "answers")
    for name, parts in found["report"]["questions"].items():
        figures = (parts["all"], parts["by_role"].get("mentor"), parts["by_role"].get("mentee"))
        means = ["" if not each or each["mean"] is None else f"{each['mean']:.2f}" for each in figures]
        table.add_row(name.replace("_", " "), *means, str(parts["all"]["answers"] or ""))
    console.print(table)
    table = _table("event", "count")
    for name, count in found["events"].items():
        table.add_row(name, str(count))
    table.add_row("dead letters", str(found["dead_letters"]))
    console.print(table)
    for each in (*found["differences"], *found["faults"]):
        console.print(f"[red]✗[/] {each}", highlight=False)
    if found["clean"]:
        console.print("[green]✓[/] all services agree, all queues are empty, no letter is dead")


def _table(*titles: str) -> Table:
    table = Table(show_header=any(titles), header_style="bold", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for number, title in enumerate(titles):
        table.add_column(title, justify="right" if number and len(titles) > 2 else "left")
    return table
