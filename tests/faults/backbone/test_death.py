"""kill -9 at every arrow of the way of a change: nothing is lost, and nothing has its effect twice."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.backbone.breaking import POINTS
from tests.integration.backbone.stage import PARTICIPANTS, Outside, Stage, mentee

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("point", POINTS)
def test_death_at_any_arrow_loses_nothing_and_doubles_nothing(
    stage: Stage, outside: Outside, eventually: Callable[..., Any], point: str
) -> None:
    events = [mentee() for _ in range(40)]
    stage.publish(events)
    dying = stage.launch(BREAK_AT=point)
    assert dying.process.wait(40) == -9, dying.log_file.read_text()
    # The same code without the break, and another service behind it, which has a memory of its own.
    stage.start()
    hearer = stage.start("hearer")
    ids = {event.id for event in events}
    assert {each["event"] for each in stage.wait_for_effects(40, seconds=40)} == ids
    assert {each["cause"] for each in stage.wait_for_effects(40, "hearer")} == ids
    came = outside.wait_for(40)
    assert {event["causationid"] for event in came} == ids
    assert len({event["id"] for event in came}) == 40
    if point in ("after-publish", "before-mark"):
        # They are published twice, as at-least-once allows: outside it is seen, and inside the inbox takes them out.
        outside.wait_for_repetitions(1)
        queue = "speedmentor.feedback.meetings"
        eventually(lambda: hearer.metric("speedmentor_events_repeated_total", queue=queue) >= 1)
        assert len(stage.effects("hearer")) == 40
    assert stage.waiting(PARTICIPANTS.dead) == 0
    assert stage.waiting(PARTICIPANTS.queue) == 0
