"""What goes wrong with one program is given up, and stops no other."""

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from services.matching.jobs.leasing import failing_alone
from services.matching.solver.parent import Stopped


@pytest.mark.parametrize("error", [KeyError("sites"), OperationFailure("the transaction is too large", 257)])
def test_a_program_that_cannot_be_planned_is_given_up(error: Exception) -> None:
    given_up: list[str] = []
    with failing_alone("planning", "p-1", given_up.append):
        raise error
    assert given_up == ["p-1"]


@pytest.mark.parametrize("error", [Stopped(), AutoReconnect("an election")])
def test_what_passes_or_ends_the_job_is_nobodys_fault(error: Exception) -> None:
    given_up: list[str] = []
    with pytest.raises(type(error)), failing_alone("planning", "p-1", given_up.append):
        raise error
    assert given_up == []
