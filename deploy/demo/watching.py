"""What one sees while the event runs: the stage, how far it is, and every site's round and countdown."""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.clock import Clock
from shared.events import read_time

View = dict[str, Any]


class Screen:
    """Shows the stages as they pass; on a terminal it moves, elsewhere each stage is a line."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._stage = ""
        self._began = time.monotonic()
        self._done = (0, 0)
        self._views: list[View] = []
        self._live = Live(console=console, refresh_per_second=8, transient=True, get_renderable=self._render)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish_stage()
        self._live.stop()

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._finish_stage()
        self._stage, self._began, self._done, self._views = name, time.monotonic(), (0, 0), []

    def step(self, done: int, of: int) -> None:
        """So many calls are done."""
        self._done = (done, of)

    def sessions(self, views: Iterable[View]) -> None:
        """Where the sessions stand."""
        self._views = list(views)

    def _finish_stage(self) -> None:
        if self._stage:
            count = f", {self._done[1]} done" if self._done[1] else ""
            self._console.print(f"  [green]✓[/] {self._stage}{count} [dim]({time.monotonic() - self._began:.1f} s)[/]")
        self._stage = ""

    def _render(self) -> Group:
        done, of = self._done
        count = f" {done} of {of}" if of else ""
        parts: list[Any] = [Text(f"  … {self._stage}{count}")] if self._stage else []
        if self._views:
            parts.append(self._sites())
        return Group(*parts)

    def _sites(self) -> Table:
        table = Table.grid(padding=(0, 2))
        now = self._clock.now()
        for view in self._views:
            what, left, share = standing(view, now.timestamp())
            clock = f"{int(left) // 60:02}:{int(left) % 60:02}" if left is not None else ""
            table.add_row("   ", Text(str(view["site_id"]), "bold"), what, clock, ProgressBar(1.0, share, width=30))
        return table


def standing(view: View, now: float) -> tuple[str, float | None, float]:
    """What a session is doing at ``now`` (event time, s): in words, seconds left of that, and the share of it done."""
    slots = [
        (read_time(each["starts_at"]).timestamp(), read_time(each["ends_at"]).timestamp()) for each in view["timetable"]
    ]
    if view["cancelled_at"]:
        return "cancelled", None, 0.0
    if view["paused_at"]:
        return "paused", None, 0.0
    before = None
    for number, (start, end) in enumerate(slots, start=1):
        if now < start:
            if before is None:
                return "waiting for round 1", start - now, 0.0
            return f"break before round {number}", start - now, (now - before) / max(1e-9, start - before)
        if now < end:
            return f"round {number} of {len(slots)}", end - now, (now - start) / max(1e-9, end - start)
        before = end
    return "finished", None, 1.0
