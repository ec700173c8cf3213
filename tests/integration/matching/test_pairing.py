"""After the rounds, on the real broker and database: rankings come in, pairs go out."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy.local import Deployment
from shared.ids import new_id
from tests.integration.backbone.stage import Outside
from tests.integration.matching.organizer import Organizer, hold_first_round, is_asked, solver_stopped

pytestmark = pytest.mark.integration


def paired(organizer: Organizer, eventually: Callable[..., Any], revision: int, **terms: Any) -> dict[str, Any]:
    """Have the pairs formed and wait for them."""
    assert "ok" in organizer.call("request_pairing", program_id=organizer.program_id, **terms)
    eventually(lambda: (pairing(organizer)["state"], pairing(organizer)["revision"]) == ("paired", revision), 30)
    return pairing(organizer)


def pairing(organizer: Organizer, who: str = "organizer") -> dict[str, Any]:
    found: dict[str, Any] = organizer.call("get_pairing", who, program_id=organizer.program_id)["ok"]
    return found


def published(outside: Outside) -> list[dict[str, Any]]:
    """The pairings that were published until now."""
    return [each["data"] for each in outside.wait_for(0) if "pairing-published" in each["type"]]


def test_people_rank_whom_they_met_and_the_pairs_are_published(
    organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    early = organizer.call("request_pairing", program_id=organizer.program_id)
    assert early["fault"]["code"] == "not-yet"
    met = hold_first_round(organizer, eventually)
    (first, mentor), (second, other), (third, last) = sorted(met.items())
    for who, ranks in ((first, [mentor]), (second, [other]), (mentor, [first])):
        role = "mentor" if who == mentor else "mentee"
        assert "ok" in organizer.call("submit_ranking", f"{role}:{who}", program_id=organizer.program_id, ranks=ranks)
    found = paired(organizer, eventually, 1)
    assert {(each["mentee_id"], each["mentor_id"], each["kind"]) for each in found["pairs"]} == {
        (first, mentor, "mutual"),
        (second, other, "one-sided"),
        (third, last, "assigned"),
    }
    assert found["rankings"] == {"mentor": 1, "mentee": 2}
    assert found["counts"]["stable"] == {"mutual": 1, "one-sided": 1, "ranked": 0, "assigned": 1}
    assert found["left_over"] == {"mentees": [], "mentors": []}
    own = organizer.call("get_pairing", first, program_id=organizer.program_id)["ok"]
    assert [each["mentor_id"] for each in own["pairs"]] == [mentor]
    assert "kind" not in own["pairs"][0], "it would tell how the other one ranked"
    heard = outside.wait_for(18 + 1 + 3 + 3 + 1)
    events = [each for each in heard if "pair" in each["type"]]
    assert [each["type"].split(".")[2] for each in events] == ["pair-formed"] * 3 + ["pairing-published"]
    # Who has said something is told, and of pairs whether both have chosen them; nothing else of what was said.
    submitted = [each["data"] for each in heard if "ranking-submitted" in each["type"]]
    assert {each["participant_id"] for each in submitted} == {first, second, mentor}
    assert all(set(each) == {"participant_id", "program_id", "site_id", "role"} for each in submitted)
    told = {(each["data"]["mentee_id"], each["data"]["kind"]) for each in events[:-1]}
    assert told == {(first, "mutual"), (second, "assigned"), (third, "assigned")}
    assert events[-1]["data"]["stable"] == {}, "three pairs are too few to tell of any kind"

    # Erased: the pair is dissolved, and no other one changes.
    place = next(place for place, who in organizer.people.items() if who == first)
    organizer.tell("erased", *place)

    def dissolved() -> list[str]:
        return [each["data"]["mentee_id"] for each in outside.wait_for(0) if "pair-dissolved" in each["type"]]

    eventually(dissolved, 20, "the pair is dissolved")
    assert dissolved() == [first]
    after = pairing(organizer)
    assert first not in str(after)
    assert len(after["pairs"]) == 2
    # And the figures are published as they are now.
    eventually(lambda: len(published(outside)) == 2, 20, "the figures without the pair")
    figures = published(outside)[-1]
    assert after["counts"]["stable"] == {"mutual": 0, "one-sided": 1, "ranked": 0, "assigned": 1}
    assert (figures["revision"], figures["pairs"], figures["mentees"], figures["mentors"]) == (2, 2, 2, 3)
    assert figures["mentees_left_over"] == 0
    assert after["revision"] == 2


def test_the_figures_lose_whoever_is_erased_without_a_pair(
    organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    held = hold_first_round(organizer, eventually)
    paired(organizer, eventually, 1, capacity=0)
    gone = min(held)
    place = next(place for place, who in organizer.people.items() if who == gone)
    organizer.tell("erased", *place)
    eventually(lambda: len(published(outside)) == 2, 20, "the figures without the erased")
    assert [(each["mentees"], each["mentees_left_over"]) for each in published(outside)] == [(3, 3), (2, 2)]


def test_a_ranking_names_only_people_met_and_only_ones_own(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    met = hold_first_round(organizer, eventually)
    me = min(met)
    stranger = organizer.people["mentor", "upg", 0]
    ranks = [stranger, met[me], met[me]]
    fault = organizer.call("submit_ranking", me, program_id=organizer.program_id, ranks=ranks, capacity=2)["fault"]
    assert [each["field"] for each in fault["problems"]] == ["/ranks/0", "/ranks/2", "/capacity"]
    assert organizer.call("get_ranking", me, program_id=organizer.program_id)["ok"] == {
        "program_id": organizer.program_id,
        "submitted": False,
        "ranks": [],
        "capacity": None,
        "met": [met[me]],
    }
    for method in ("get_pairing", "get_ranking"):
        elsewhere = organizer.call(method, me, program_id=new_id())
        assert elsewhere["fault"]["code"] == "not-found"
    for method, who in (
        ("submit_ranking", "organizer"),
        ("get_ranking", "organizer"),
        ("request_pairing", me),
        ("request_pairing", "stranger"),
        ("get_pairing", "stranger"),
        ("cancel_plan", me),
    ):
        more = {"ranks": []} if method == "submit_ranking" else {}
        code = "not-found" if who == "stranger" else "forbidden"
        assert organizer.call(method, who, program_id=organizer.program_id, **more)["fault"]["code"] == code


def test_a_newer_request_takes_the_place_of_one_under_way(
    deployment: Deployment, organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    hold_first_round(organizer, eventually)
    with solver_stopped(deployment):
        for method in ("stable", "most-mutual"):
            asked = organizer.call("request_pairing", program_id=organizer.program_id, method=method)
            assert asked["ok"]["state"] == pairing(organizer)["state"] == "pairing"
            eventually(lambda: is_asked(deployment), 20, "the pairs are being formed")
        # Nobody goes on with the process that is stopped: what it was asked for is not wanted any more.
        eventually(lambda: pairing(organizer)["state"] == "paired", 30, "the pairs by the newer request")
    assert pairing(organizer)["terms"]["method"] == "most-mutual"
    eventually(lambda: published(outside), 20, "the pairs are published")
    assert [(each["revision"], each["method"]) for each in published(outside)] == [(1, "most-mutual")]


def test_of_two_replicas_one_publishes_the_pairs(
    deployment: Deployment, organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    (second,) = deployment.start("matching")
    deployment.wait_ready(second)
    hold_first_round(organizer, eventually)
    assert paired(organizer, eventually, 1)["state"] == "paired"
    deployment.kill("matching-1")
    assert paired(organizer, eventually, 2, method="most-mutual")["state"] == "paired"
    eventually(lambda: len(published(outside)) >= 2, 20, "both are published")
    assert [each["revision"] for each in published(outside)] == [1, 2]


def test_a_replica_that_is_stopped_leaves_the_pairs_to_the_next(
    deployment: Deployment, organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    hold_first_round(organizer, eventually)
    with solver_stopped(deployment):
        assert "ok" in organizer.call("request_pairing", program_id=organizer.program_id)
        eventually(lambda: is_asked(deployment), 20, "the pairs are being formed")
        deployment.stop("matching-1")
    deployment.wait_ready(*deployment.start("matching"))
    eventually(lambda: pairing(organizer)["state"] == "paired", 30, "the pairs by the next replica")


def test_no_pairs_are_formed_of_a_program_that_is_off(
    deployment: Deployment, organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    hold_first_round(organizer, eventually)
    with solver_stopped(deployment):
        assert "ok" in organizer.call("request_pairing", program_id=organizer.program_id)
        eventually(lambda: is_asked(deployment), 20, "the pairs are being formed")
        organizer.cancel_program()
        eventually(lambda: pairing(organizer)["state"] == "none", 20, "the pairing is called off")
    assert organizer.call("request_pairing", program_id=organizer.program_id)["fault"]["code"] == "conflict"
    # What the job had in hand has ended once it does something else.
    other = organizer.again()
    hold_first_round(other, eventually)
    assert paired(other, eventually, 1)["state"] == "paired"
    assert pairing(organizer)["pairs"] == []
    eventually(lambda: published(outside), 20, "the other program's pairs are published")
    assert {each["program_id"] for each in published(outside)} == {other.program_id}
