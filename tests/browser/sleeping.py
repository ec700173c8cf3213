"""Putting a page to sleep by the DevTools protocol: none of its timers, events or answers are handled until it wakes.

``Page.setWebLifecycleState`` has no effect on a page that is visible, and pages without a window always are; a
paused debugger stops any page. The page gets no sign that it slept, which is harder on it than a real sleep.
"""

import time
from typing import Any

from playwright.sync_api import Page


class Sleeper:
    """A page that can be put to sleep."""

    def __init__(self, page: Page) -> None:
        self._control = page.context.new_cdp_session(page)
        self._asleep = False
        self._control.on("Debugger.paused", lambda _: setattr(self, "_asleep", True))
        self._control.send("Debugger.enable")

    def sleep(self) -> None:
        """Stop the page; returns once it has stopped, which is at its next tick."""
        self._asleep = False
        self._control.send("Debugger.pause")
        deadline = time.monotonic() + 5
        while not self._asleep:
            # Events of the protocol are delivered while a command is under way; one that runs a script would be
            # what is stopped, and never end.
            self._control.send("Page.getNavigationHistory")
            assert time.monotonic() < deadline, "the page does not fall asleep"

    def peek(self, expression: str) -> Any:
        """The value of ``expression`` in the page, also while it sleeps."""
        answer = self._control.send("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        return answer["result"].get("value")

    def wake(self) -> None:
        """Let the page go on."""
        self._control.send("Debugger.resume")
        self._control.send("Debugger.disable")
