"""Waiting until a deadline."""

import pytest

from deploy.local.waiting import eventually


def test_it_looks_until_it_is_so_and_gives_what_it_saw() -> None:
    answers = iter([None, 0, "there"])
    assert eventually(lambda: next(answers), 5, pause=0) == "there"


def test_a_failed_assertion_or_a_refused_connection_is_not_yet() -> None:
    tries = []

    def condition() -> bool:
        tries.append(1)
        assert len(tries) > 1
        if len(tries) == 2:
            raise ConnectionRefusedError
        return True

    assert eventually(condition, 5, pause=0)


def test_at_the_deadline_it_says_what_for_and_what_was_seen() -> None:
    with pytest.raises(TimeoutError, match=r"the bell rings; last seen: \[\]"):
        eventually(lambda: [], 0.01, "the bell rings", pause=0)


def test_other_errors_are_not_waited_out() -> None:
    with pytest.raises(KeyError):
        eventually(lambda: {}["missing"], 5)
