"""Matching as a process on the real broker and database: a roster comes in as events, plans go out."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local import Deployment
from shared.events import write_time
from shared.messaging.topology import subscription
from tests.integration.backbone.stage import Outside
from tests.integration.matching.organizer import SITES, Organizer, is_asked, planned, solver_stopped

pytestmark = pytest.mark.integration


def by_place(plan: dict[str, Any], site: str) -> set[tuple[Any, ...]]:
    return {
        (each["round"], each["table"], each["mentor_id"], each["mentee_id"])
        for each in plan["meetings"]
        if each["site_id"] == site
    }


def test_a_plan_waits_for_the_whole_roster_and_is_published_meeting_by_meeting(
    organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    unknown = organizer.call("request_plan", program_id=organizer.program_id)
    assert unknown["fault"]["code"] == "not-yet"
    organizer.publish_program()
    eventually(
        lambda: (
            "still being registered"
            in organizer.call("request_plan", program_id=organizer.program_id)["fault"]["detail"]["msgid"]
        ),
        20,
        "the program is known",
    )
    plan = planned(organizer, eventually)
    assert plan["revision"] == 1
    assert plan["quality"]["certified"] is True
    # Three mentors with three rounds each: nine meetings a site.
    assert plan["quality"]["meetings"] == len(plan["meetings"]) == 9 * len(SITES)
    events = outside.wait_for(len(plan["meetings"]) + 1)
    assigned = {each["data"]["meeting_id"] for each in events if "meeting-assigned" in each["type"]}
    assert assigned == {each["meeting_id"] for each in plan["meetings"]}
    assert [each["data"]["revision"] for each in events if "plan-published" in each["type"]] == [1]


def test_an_absence_changes_its_own_site_only_and_no_round_that_has_begun(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    before = planned(organizer, eventually)
    organizer.start_round("jkt", 1)
    eventually(lambda: organizer.plan()["begun"] == {"jkt": 1}, 20, "the round is known to have begun")
    organizer.miss("mentor", "jkt", 0, from_round=2)
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "a second revision")
    after = organizer.plan()
    gone = organizer.people["mentor", "jkt", 0]
    assert by_place(after, "upg") == by_place(before, "upg")
    assert {each for each in by_place(after, "jkt") if each[0] == 1} == {
        each for each in by_place(before, "jkt") if each[0] == 1
    }
    assert not [each for each in after["meetings"] if each["mentor_id"] == gone and each["round"] > 1]
    assert after["quality"]["meetings"] == before["quality"]["meetings"] - 2
    changed = {(each["kind"], each["round"], each["mentee"], each["mentor"]) for each in after["changes"]}
    assert {each for each in changed if each[0] == "released" and each[3] == gone}
    assert not {each for each in changed if each[1] == 1}
    # Planned anew without a change, there is no new revision, and what the newest one changed is told as before.
    organizer.call("request_plan", program_id=organizer.program_id, idempotency_key="once more")
    eventually(lambda: organizer.plan()["planned"] > after["planned"], 30, "it is planned anew")
    again = organizer.plan()
    assert (again["revision"], again["changes"]) == (2, after["changes"])


def test_a_round_whose_time_has_come_is_not_planned_anew_though_its_bell_was_not_heard(
    deployment: Deployment, organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    before = planned(organizer, eventually)
    now = datetime.now(UTC)
    organizer.tell_timetable("jkt", now - timedelta(minutes=1), now + timedelta(hours=1), now + timedelta(hours=2))
    (name,) = deployment.names
    handled = f'speedmentor_events_handled_total{{queue="{subscription("matching", "rounds").queue}"}} 1.0'
    eventually(lambda: handled in deployment.health(name, "/metrics")[1], what="the timetable is known")
    organizer.miss("mentor", "jkt", 0, from_round=1)
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "a plan without the mentor")
    first = [{each for each in by_place(plan, "jkt") if each[0] == 1} for plan in (before, organizer.plan())]
    assert first[0] == first[1]
    gone = organizer.people["mentor", "jkt", 0]
    assert [each["round"] for each in organizer.plan()["meetings"] if each["mentor_id"] == gone] == [1]
    # The start had been moved, which is heard of only now: what was left alone is planned after all.
    organizer.tell_timetable("jkt", *(now + timedelta(hours=number) for number in (1, 2, 3)), revision=2)
    eventually(lambda: organizer.plan()["revision"] == 3, 30, "a plan for the first round too")
    assert not [each for each in organizer.plan()["meetings"] if each["mentor_id"] == gone]


def begun_since(*minutes: float) -> list[dict[str, Any]]:
    """The sites of an event whose first rounds began so many minutes ago; a round and its break take eleven."""
    return [
        {**site, "starts_at": write_time(datetime.now(UTC) - timedelta(minutes=ago))}
        for site, ago in zip(SITES, minutes, strict=True)
    ]


def test_a_first_plan_after_all_rounds_is_refused_with_the_reason(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    organizer.sites = begun_since(60, 23)
    organizer.publish_program()
    organizer.register_all()

    def asked() -> dict[str, Any]:
        return organizer.call("request_plan", program_id=organizer.program_id)

    eventually(lambda: asked().get("fault", {}).get("code") == "conflict", 20, "the roster is complete")
    assert "last round has begun" in asked()["fault"]["detail"]["msgid"]
    assert (organizer.plan()["state"], organizer.plan()["meetings"]) == ("none", [])


def test_a_first_plan_during_the_event_has_meetings_in_the_rounds_ahead_only(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    organizer.sites = begun_since(12, 60)
    plan = planned(organizer, eventually)
    assert {(each["site_id"], each["round"]) for each in plan["meetings"]} == {("jkt", 3)}
    assert {each["mentee"] for each in plan["unmet"]} >= {
        person for (role, site, _), person in organizer.people.items() if (role, site) == ("mentee", "upg")
    }
    late = next(each for each in plan["unmet"] if each["mentee"] == organizer.people["mentee", "upg", 0])
    assert "is available is over" in late["reason"]
    agenda = organizer.call("get_agenda", late["mentee"], participant_id=late["mentee"])["ok"]
    assert agenda["meetings"] == []
    assert agenda["reason"]["msgid"] == "the rounds to which you can come are over"
    # The start is moved, which the session timer tells: what had been over is ahead again.
    now = datetime.now(UTC)
    organizer.tell_timetable("upg", *(now + timedelta(hours=number) for number in (1, 2, 3)), revision=2)
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "a plan for the other site too")
    assert {each["round"] for each in organizer.plan()["meetings"] if each["site_id"] == "upg"} == {1, 2, 3}


def test_each_meeting_that_a_withdrawal_ends_is_explained(organizer: Organizer, eventually: Callable[..., Any]) -> None:
    before = planned(organizer, eventually)
    gone = organizer.people["mentor", "jkt", 0]
    organizer.tell("withdrawn", "mentor", "jkt", 0)
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "a plan without the mentor")
    released = {
        (each["round"], each["mentee"]): each["message"]["msgid"]
        for each in organizer.plan()["changes"]
        if each["mentor"] == gone
    }
    held = {(each["round"], each["mentee_id"]) for each in before["meetings"] if each["mentor_id"] == gone}
    assert released == dict.fromkeys(held, "mentor {mentor} has withdrawn")


def test_a_change_at_one_site_takes_nothing_from_the_plan_being_made_for_another(
    deployment: Deployment, organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    planned(organizer, eventually)
    with solver_stopped(deployment):
        begin_to_plan(deployment, organizer, eventually)
        organizer.miss("mentor", "upg", 0, from_round=1)
        eventually(lambda: organizer.plan()["requested"] == 3, what="the second absence is known")
    eventually(lambda: organizer.plan()["revision"] == 3, 30, "a plan without both")
    changed: dict[int, set[str]] = {2: set(), 3: set()}
    for event in outside.wait_for(0):
        if "meeting-" in event["type"] and event["data"]["revision"] > 1:
            changed[event["data"]["revision"]].add(event["data"]["site_id"])
    assert changed == {2: {"jkt"}, 3: {"upg"}}
    assert organizer.plan()["state"] == "planned"


def test_who_comes_late_is_planned_again(organizer: Organizer, eventually: Callable[..., Any]) -> None:
    before = planned(organizer, eventually)
    organizer.miss("mentor", "upg", 1, from_round=1)
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "a plan without the mentor")
    organizer.start_round("upg", 1)
    eventually(lambda: organizer.plan()["begun"] == {"upg": 1}, 20, "the round is known to have begun")
    organizer.tell("checked-in", "mentor", "upg", 1, at="2026-12-05T01:15:00.000Z")
    eventually(lambda: organizer.plan()["revision"] == 3, 30, "a plan with the mentor")
    late = organizer.people["mentor", "upg", 1]
    rounds = [each["round"] for each in organizer.plan()["meetings"] if each["mentor_id"] == late]
    assert rounds == [2, 3]
    assert organizer.plan()["quality"]["meetings"] == before["quality"]["meetings"] - 1


def test_of_the_erased_only_what_took_place_is_left_and_no_id(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    before = planned(organizer, eventually)
    organizer.start_round("jkt", 1)
    gone = organizer.people["mentor", "jkt", 0]
    (held,) = [each for each in before["meetings"] if each["mentor_id"] == gone and each["round"] == 1]
    eventually(lambda: organizer.plan()["begun"] == {"jkt": 1}, 20, "the round is known to have begun")
    organizer.tell("erased", "mentor", "jkt", 0)
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "a plan without the mentor")
    after = organizer.plan()
    assert gone not in str(after)
    ledger = organizer.call("ledger", program_id=organizer.program_id)["ok"]
    assert gone not in str(ledger)
    assert ledger["meetings"][held["meeting_id"]] == f"1/{held['table']}/erased/{held['mentee_id']}"


def begin_to_plan(deployment: Deployment, organizer: Organizer, eventually: Callable[..., Any]) -> None:
    """Have a plan asked for by an absence, and wait until the (stopped) planning process is at it."""
    organizer.miss("mentor", "jkt", 0, from_round=1)
    eventually(lambda: is_asked(deployment), 20, "a plan is being made")
    assert organizer.plan()["state"] == "planning"


def test_a_plan_under_way_can_be_called_off_and_tells_how_far_it_is(
    deployment: Deployment, organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    plan = planned(organizer, eventually)
    idle = organizer.call("cancel_plan", program_id=organizer.program_id)
    assert idle["fault"]["code"] == "conflict"
    # Nobody solves while the planning process is stopped, so that there is something to call off.
    with solver_stopped(deployment):
        begin_to_plan(deployment, organizer, eventually)
        assert organizer.plan()["progress"] == 0
        assert organizer.call("cancel_plan", program_id=organizer.program_id)["ok"]["state"] == "cancelled"
        assert organizer.plan()["state"] == "cancelled"
        assert organizer.plan()["meetings"] == plan["meetings"]
        organizer.call("request_plan", program_id=organizer.program_id)
        eventually(lambda: organizer.plan()["state"] == "planned", 30, "a plan by a planning process of its own")
    assert organizer.plan()["revision"] == 2


def test_who_withdraws_while_a_plan_is_made_is_not_in_it(
    deployment: Deployment, organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    planned(organizer, eventually)
    with solver_stopped(deployment):
        begin_to_plan(deployment, organizer, eventually)
        organizer.tell("withdrawn", "mentor", "jkt", 1)
        eventually(lambda: organizer.plan()["requested"] == 3, 20, "the withdrawal is known")
    eventually(lambda: organizer.plan()["state"] == "planned", 30, "a plan without both")
    plan = organizer.plan()
    assert (plan["revision"], plan["planned"]) == (2, 3), "what was made of the roster before is not published"
    gone = {organizer.people["mentor", "jkt", number] for number in (0, 1)}
    assert gone.isdisjoint(each["mentor_id"] for each in plan["meetings"])


def test_a_replica_that_is_stopped_leaves_its_plan_to_the_next(
    deployment: Deployment, organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    planned(organizer, eventually)
    with solver_stopped(deployment):
        begin_to_plan(deployment, organizer, eventually)
        deployment.stop("matching-1")
    deployment.wait_ready(*deployment.start("matching"))
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "the plan by the next replica")
    assert organizer.plan()["state"] == "planned"


def test_a_plan_whose_process_is_killed_is_made_all_the_same(
    deployment: Deployment, organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    planned(organizer, eventually)
    with solver_stopped(deployment) as solvers:
        begin_to_plan(deployment, organizer, eventually)
        for solver in solvers:
            os.kill(solver, signal.SIGKILL)
        eventually(lambda: organizer.plan()["state"] != "planning", 30, "an end of the planning")
    assert (organizer.plan()["state"], organizer.plan()["revision"]) == ("planned", 2)


def test_who_has_met_in_an_earlier_program_does_not_meet_again_where_new_pairs_are_wanted(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    def hold(program: Organizer) -> None:
        for site in ("jkt", "upg"):
            for number in (1, 2, 3):
                program.start_round(site, number)
        eventually(lambda: program.plan()["begun"] == {"jkt": 3, "upg": 3}, 20, "all rounds are known to have begun")

    planned(organizer, eventually)
    hold(organizer)
    second = organizer.again()
    plan = planned(second, eventually)
    assert not second.pairs() & organizer.pairs()
    # Of 15 possible pairs a site nine have met; the six that are left all meet.
    assert plan["quality"]["meetings"] == 6 * len(SITES)
    # After that everybody knows everybody, and is told so.
    hold(second)
    unmet = planned(second.again(), eventually)["unmet"]
    assert len(unmet) == 5 * len(SITES)
    assert {each["messages"][0]["msgid"] for each in unmet} == {
        "the mentee has already met every mentor who shares a language"
    }


def test_a_repeated_request_and_two_replicas_make_one_plan(
    deployment: Deployment, organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    (second,) = deployment.start("matching")
    deployment.wait_ready(second)
    plan = planned(organizer, eventually)
    deployment.kill("matching-1")
    for key in ("again", "again", "and again"):
        asked = organizer.call("request_plan", program_id=organizer.program_id, idempotency_key=key)
        assert asked["ok"]["plan_id"] == plan["plan_id"]
    eventually(lambda: organizer.plan()["planned"] == 3, 30, "all three requests are answered")
    assert organizer.plan()["revision"] == 1, "the same roster gives the same plan, which is nothing new"
    outside.wait_for(len(plan["meetings"]) + 1)
    # The replica that was killed may have died before it noted what it had published.
    once = {each["id"]: each["type"] for each in outside.events}
    assert Counter(each.split(".")[2] for each in once.values()) == {
        "meeting-assigned": len(plan["meetings"]),
        "plan-published": 1,
    }


def test_people_see_their_own_agenda_and_organizers_their_own_programs(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    plan = planned(organizer, eventually)
    me, other = organizer.people["mentee", "jkt", 0], organizer.people["mentee", "jkt", 1]
    agenda = organizer.call("get_agenda", me, participant_id=me)["ok"]
    assert [each["meeting_id"] for each in agenda["meetings"]] == [
        each["meeting_id"] for each in plan["meetings"] if each["mentee_id"] == me
    ]
    # What a meeting is worth to the plan is not told to the two.
    assert {name for each in agenda["meetings"] for name in each}.isdisjoint({"score", "because"})
    assert (agenda["state"], agenda["reason"]) == ("planned", None)
    assert organizer.call("get_agenda", me, participant_id=other)["fault"]["code"] == "forbidden"
    assert organizer.call("get_plan", me, program_id=organizer.program_id)["fault"]["code"] == "forbidden"
    for method in ("get_plan", "ledger", "request_plan"):
        assert organizer.call(method, "stranger", program_id=organizer.program_id)["fault"]["code"] == "not-found"
    for who, code in (("stranger", "not-found"), (f"operator:{me}", "forbidden")):
        assert organizer.call("get_agenda", who, participant_id=me)["fault"]["code"] == code


def test_what_is_no_id_is_refused_before_anything_is_looked_up(organizer: Organizer) -> None:
    for nothing in ({"$ne": None}, ["a"], 1, "", None):
        for method in ("get_plan", "ledger", "get_ranking", "get_pairing"):
            assert organizer.call(method, program_id=nothing)["fault"]["code"] == "invalid"
        for method in ("request_plan", "cancel_plan"):
            assert organizer.call(method, program_id=nothing, idempotency_key="once")["fault"]["code"] == "invalid"
        assert organizer.call("get_agenda", participant_id=nothing)["fault"]["code"] == "invalid"


def test_whom_people_avoid_comes_internally_and_an_empty_list_of_the_public_does_not_undo_it(
    organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    plan = planned(organizer, eventually)
    mentee = organizer.people["mentee", "jkt", 0]
    met = {(each["mentee_id"], each["mentor_id"]) for each in plan["meetings"]}
    mentor = next(other for one, other in sorted(met) if one == mentee)
    organizer.relate("mentee", "jkt", 0, avoids=[mentor])
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "a plan without the two")
    # Today's registration tells everybody how many are wanted, and nobody who.
    empty = {"wants": [], "avoids": [], "wanted": 0}
    organizer._publish(
        [organizer.event("registration.preference-stated", mentee, participant_id=mentee, role="mentee", **empty)]
    )
    organizer.miss("mentor", "jkt", 2, from_round=3)
    eventually(lambda: organizer.plan()["revision"] == 3, 30, "a plan after an absence")
    assert (mentee, mentor) not in {(each["mentee_id"], each["mentor_id"]) for each in organizer.plan()["meetings"]}
    # Of why nothing is told that one could join with whoever has said something at that time.
    causes = lambda: [e["data"]["cause"] for e in outside.wait_for(0) if "plan-revised" in e["type"]]  # noqa: E731
    eventually(lambda: causes() == ["request", "absence"], 20, "the causes as they are published")
