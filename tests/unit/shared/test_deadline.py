"""The deadline of a call, by clocks that agree and by clocks that do not."""

from typing import Any

import pytest

from shared.extensions import deadline, rpc_client
from shared.extensions.deadline import DEADLINE, NOW, Deadline, TooLate
from shared.extensions.rpc_client import Services
from shared.faults import NotYet, fault_from_document
from shared.trace import Trace


@pytest.mark.parametrize("nonsense", [None, "soon", -1, 0, True, 1.5e12, ["x"]])
def test_what_is_no_instant_is_no_deadline(nonsense: Any) -> None:
    found = Deadline.of({DEADLINE: nonsense})
    found.check()
    assert found.seconds_left(otherwise=7) == 7
    assert Deadline.of({}) == found


def test_a_call_is_carried_out_until_its_deadline_and_refused_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "clock_milliseconds", lambda: 5_000)
    Deadline(5_000).check()
    assert Deadline(6_500).seconds_left(0) == 1.5
    assert Deadline(4_000).seconds_left(0) == 0
    with pytest.raises(TooLate) as refused:
        Deadline(4_999).check()
    document = refused.value.to_document()
    assert document[NOW] == 5_000
    # Who does not know of deadlines reads it as what it is to people.
    assert type(fault_from_document(document)) is NotYet


class Elsewhere(Services):
    """Calls a service whose clock is ``ahead`` seconds ahead of ours, without a broker between."""

    def __init__(self, ahead: float, timeout: float = 10) -> None:
        super().__init__(None, None, Trace.start(), None, timeout)  # type: ignore[arg-type]
        self._ahead = ahead
        self.asked = 0

    def _ask(self, _service: str, _method: str, _arguments: Any, at: int, _ends_at: float) -> Any:
        self.asked += 1
        now = rpc_client.clock_milliseconds() + int(self._ahead * 1000)
        return {"fault": TooLate(now).to_document()} if now > at else {"ok": "done"}


@pytest.mark.parametrize(("ahead", "asked"), [(0, 1), (9, 1), (11, 2), (3_600, 2), (-3_600, 1)])
def test_a_service_whose_clock_is_ahead_is_asked_again_by_its_own_clock(ahead: float, asked: int) -> None:
    service = Elsewhere(ahead)
    assert service.call("matching", "anything") == "done"
    assert service.asked == asked


def test_what_comes_too_late_by_our_own_clock_is_not_sent_again() -> None:
    service = Elsewhere(1, timeout=0)
    with pytest.raises(NotYet):
        service.call("matching", "anything")
    assert service.asked == 1
