"""What may happen to a registration, what others are told of it, and that nothing personal is among that."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration import events
from services.registration.domain import participant as people
from services.registration.domain import walk_in
from services.registration.domain.access_codes import AccessCodes
from services.registration.domain.files import read_event
from services.registration.domain.participant import Mentee
from services.registration.domain.program import Program, State
from services.registration.views import full_view, peer_view, public_view
from shared.events import encode, full_type, seal
from shared.events.catalogue import PUBLIC
from shared.faults import Conflict, Invalid

NOW = datetime(2026, 12, 5, 1, 50, tzinfo=UTC)


@pytest.fixture
def program(read, files):
    return read(files).program.publish()


def names(told):
    return [each.type.removeprefix("registration.") for each in told]


def published(told):
    """The events as they go out: this refuses what breaks the catalogue."""
    return [
        encode(seal(each, id="event-1", ordinal=1, time=NOW, follows=0 if "relations" in each.type else None))
        for each in told
    ]


def public(told):
    """What other systems hear of it."""
    return [each for each in told if full_type(each.type) in PUBLIC]


def test_a_program_is_published_once_and_cancelled_once(read, files):
    draft = read(files).program
    program = draft.publish()
    assert (draft.state, program.state) == (State.DRAFT, State.PUBLISHED)
    with pytest.raises(Conflict):
        program.publish()
    cancelled = program.cancel("too-few-mentors")
    assert names(events.program_cancelled(program, cancelled)) == ["program-cancelled"]
    assert events.program_cancelled(draft, draft.cancel("weather")) == []
    for change in (cancelled.publish, lambda: cancelled.cancel("again")):
        with pytest.raises(Conflict):
            change()


def test_publishing_says_how_many_are_registered_and_when_it_starts(program):
    event = events.program_published(program, 2, 3)
    assert (event.data["mentors"], event.data["mentees"]) == (2, 3)
    assert event.data["sites"] == [
        {"site_id": "jkt", "time_zone": "Asia/Jakarta", "starts_at": "2026-12-05T02:00:00.000Z"}
    ]
    assert published([event])


def test_a_registration_is_told_whole_and_relations_to_matching_alone_before_it(mentor, mentee):
    mentor = replace(mentor, wants=(mentee.id,))
    assert names(events.told(None, mentor)) == ["relations-stated", "mentor-registered", "preference-stated"]
    relations, registered, preference = (each.data for each in events.told(None, mentor))
    assert relations["never"] == list(mentor.never) != []
    assert relations["wants"] == [mentee.id]
    assert (preference["wants"], preference["avoids"], preference["wanted"]) == ([], [], 1)
    assert registered["topics"] == {"funding": 5, "hiring": 3}
    assert published(events.told(None, mentor))
    (told,) = (each.data for each in events.told(None, mentee) if each.type == "registration.mentee-registered")
    assert told["questions"] == 2


def test_who_has_no_relations_states_none(mentee):
    alone = replace(mentee, wants=(), avoids=(), team="", manager=None)
    assert names(events.told(None, alone)) == ["mentee-registered"]
    avoiding = replace(alone, avoids=("id-9",))
    assert names(events.told(alone, avoiding)) == names(events.told(avoiding, alone)) == ["relations-stated"]


def test_nothing_public_is_told_where_only_relations_have_changed_or_of_whom(mentor, mentee):
    """Nobody but matching can tell one secret from another, nor that there is one."""
    secrets = [
        {"avoids": ()},
        {"avoids": ("id-8",)},
        {"avoids": ("id-9", "id-8")},
        {"wants": tuple(reversed(mentee.wants))},
        {"team": "bank"},
        {"manager": mentor.id},
    ]
    told = [public(events.told(None, replace(mentee, **{"avoids": (), **each}))) for each in secrets]
    assert all(each == told[0] for each in told)
    changed = replace(mentee, avoids=("id-8",), team="bank", manager=mentor.id)
    assert public(events.told(replace(mentee, avoids=()), changed)) == []
    assert public(events.told(mentor, replace(mentor, never=("id-7",)))) == []


def test_relations_are_stated_again_with_a_registration_that_is_told_again(mentee, program):
    """Matching may have them from an earlier release, in the registration whose place the new one takes."""
    asked = people.ask(mentee, program, ("What would you do?",))
    assert names(events.told(mentee, asked)) == ["relations-stated", "mentee-updated", "questions-changed"]


def test_arrival_absence_and_withdrawal_are_told_once(mentee, program):
    arrived = people.check_in(mentee, program, NOW)
    assert names(events.told(mentee, arrived)) == ["participant-checked-in"]
    assert people.check_in(arrived, program, NOW.replace(hour=2)) == arrived
    absent = people.mark_absent(arrived, program, 3)
    assert (absent.status, names(events.told(arrived, absent))) == ("absent:3", ["participant-absent"])
    assert people.mark_absent(absent, program, 4) == absent, "the earliest round holds"
    assert people.mark_absent(absent, program, 2).status == "absent:2"
    back = people.check_in(absent, program, NOW.replace(hour=3))
    assert (back.status, names(events.told(absent, back))) == ("registered", ["participant-checked-in"])
    gone = people.withdraw(absent, program)
    assert (gone.status, names(events.told(absent, gone))) == ("withdrawn", ["participant-withdrawn"])
    assert people.withdraw(gone, program) == gone
    for change in (
        lambda: people.check_in(gone, program, NOW),
        lambda: people.mark_absent(gone, program, 1),
        lambda: people.prefer(gone, program, (), ()),
        lambda: people.ask(gone, program, ()),
    ):
        with pytest.raises(Conflict):
            change()


@pytest.mark.parametrize("number", [0, 5, -1])
def test_a_round_that_does_not_exist_cannot_be_missed(mentee, program, number):
    with pytest.raises(Invalid):
        people.mark_absent(mentee, program, number)


def test_nobody_arrives_at_a_draft_or_after_it_is_off(mentee, program):
    for state in (State.DRAFT, State.CANCELLED):
        with pytest.raises(Conflict):
            people.check_in(mentee, replace(program, state=state), NOW)


def test_a_new_question_is_told_by_number_only_and_mentors_ask_none(mentor, mentee, program):
    asked = people.ask(mentee, program, ("What would you do?",))
    told = public(events.told(mentee, asked))
    assert names(told) == ["mentee-updated", "questions-changed"]
    assert told[0].data["questions"] == 1
    assert published(events.told(mentee, asked))
    others = events.told(mentee, people.ask(mentee, program, ("A?", "B?")))
    assert [(each.type, each.data["questions"]) for each in others] == [("registration.questions-changed", 2)]
    assert events.told(mentee, people.ask(mentee, program, mentee.questions)) == []
    with pytest.raises(Conflict):
        people.ask(mentor, program, ("Why?",))


def test_what_happened_in_a_draft_is_told_when_it_is_published(mentee, program):
    gone = people.withdraw(people.mark_absent(people.check_in(mentee, program, NOW), program, 2), program)
    assert names(public(events.told(None, gone))) == [
        "mentee-registered",
        "preference-stated",
        "participant-absent",
        "participant-checked-in",
        "participant-withdrawn",
    ]


def test_no_event_says_who_somebody_is(example):
    found = read_event(example("archipelago"), "org-1", iter(f"id-{n}" for n in range(200)).__next__)
    told = [event for each in (*found.mentors, *found.mentees) for event in events.told(None, each)]
    told += [events.erased(each) for each in found.mentors]
    bodies = b"\n".join(published(told)).decode()
    for each in (*found.mentors, *found.mentees):
        assert json.dumps(each.name)[1:-1] not in bodies
        assert each.name not in bodies
        assert each.email not in bodies
        assert each.team == "" or each.team not in bodies
    assert all(question not in bodies for each in found.mentees for question in each.questions)
    assert all(each.story.lesson not in bodies for each in found.mentors)


def test_a_team_is_told_to_matching_by_an_opaque_id_of_its_program_and_a_manager_by_the_mentors(mentor, mentee):
    codes = AccessCodes(b"a key of sixteen bytes or more")

    def team_id(person):
        return codes.team_id(person.program_id, people.team_of(person))

    colleagues = (replace(mentor, team="Bank"), replace(mentee, team=" bank", manager=mentor.id))
    told = [events.told(None, each, team_id)[0] for each in colleagues]
    assert published(told)
    first, second = (each.data["team_id"] for each in told)
    assert first == second
    assert "bank" not in first.casefold()
    assert told[1].data["manager_id"] == mentor.id
    assert codes.team_id("another", "bank") != first
    for told_of in (each for person in colleagues for each in public(events.told(None, person, team_id))):
        assert not {"team_id", "manager_id", "never"} & set(told_of.data)


def test_others_see_the_public_part_only(mentor, mentee):
    private = {"email", "ref", "team", "wants", "avoids", "never", "rounds", "max_meetings", "manager", "seats"}
    for person in (mentor, mentee):
        assert not private & set(public_view(person))
        assert set(public_view(person)) <= set(full_view(person))
    assert public_view(mentee)["questions"] == ["How?", "When?"]
    assert "questions" not in peer_view(mentee)


MENTEE_FORM = {
    "name": " Dewi \n Ayu ",
    "site_id": "jkt",
    "languages": ["ID", "en"],
    "email": "",
    "team": "BANK",
    "remote": False,
    "rounds": None,
    "max_meetings": None,
    "wants": [],
    "avoids": [],
    "motive": "career",
    "topics": ["Funding"],
    "questions": ["Why?", "  "],
    "manager": None,
}


def test_a_walk_in_is_read_as_a_row_is_and_kept_from_the_team(read, files, program):
    mentors = read(files).mentors
    mentee = walk_in.mentee_of(MENTEE_FORM, program, "id-new", [each.id for each in mentors])
    assert (mentee.name, mentee.languages, mentee.topics) == ("Dewi Ayu", ("id", "en"), ("funding",))
    assert (mentee.rounds, mentee.max_meetings, mentee.questions) == ((1, 2, 3, 4), 4, ("Why?",))
    changed = walk_in.keep_apart(mentors, mentee)
    assert [each.id for each in changed] == [mentors[0].id]
    assert changed[0].never[-1] == "id-new"
    assert names(events.told(mentors[0], changed[0])) == ["relations-stated"]


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("site_id", "mars", "/mentee/site_id"),
        ("wants", ["nobody"], "/mentee/wants"),
        ("manager", "nobody", "/mentee/manager"),
        ("rounds", [5], "/mentee/rounds"),
        ("topics", [], "/mentee/topics"),
        ("questions", ["x" * 501], "/mentee/questions/1"),
        ("name", "", "/mentee/name"),
        ("max_meetings", 10_001, "/mentee/max_meetings"),
    ],
)
def test_a_faulty_walk_in_is_named_by_field(program, field, value, pointer):
    with pytest.raises(Invalid) as caught:
        walk_in.mentee_of({**MENTEE_FORM, field: value}, program, "id-new", ["id-1"])
    assert [each.field for each in caught.value.problems] == [pointer]


def test_wishes_are_for_people_of_the_other_role_and_for_one_list():
    walk_in.check_wishes(["a"], ["b"], ["a", "b"])
    for wants, avoids in ((["c"], []), ([], ["c"]), (["a"], ["a"])):
        with pytest.raises(Invalid):
            walk_in.check_wishes(wants, avoids, ["a", "b"])


@given(st.lists(st.tuples(st.sampled_from(["check-in", "absent", "withdraw"]), st.integers(1, 4)), max_size=8))
def test_any_history_is_told_so_that_a_listener_comes_to_the_same_state(history):
    """A listener that keeps the earliest absence since the last arrival agrees with the registration."""
    program = Program(
        id="p", org="o", key="k", title="T", rounds=4, round_seconds=60, break_seconds=0, warning_seconds=(),
        sites=(), state=State.PUBLISHED,
    )  # fmt: skip
    person = Mentee(
        id="e", org="o", program_id="p", site_id="s", name="N", languages=("id",), rounds=(1, 2, 3, 4),
        max_meetings=4, motive="career", topics=("funding",),
    )  # fmt: skip
    heard: dict[str, int | bool] = {}
    for minute, (what, number) in enumerate(history):
        try:
            match what:
                case "check-in":
                    after = people.check_in(person, program, NOW.replace(minute=minute))
                case "absent":
                    after = people.mark_absent(person, program, number)
                case _:
                    after = people.withdraw(person, program)
        except Conflict:
            continue
        for event in events.told(person, after):
            match event.type:
                case "registration.participant-absent":
                    heard["absent"] = min(heard.get("absent", 99), event.data["from_round"])
                case "registration.participant-checked-in":
                    assert person.checked_in_at is None or "absent" in heard, "told twice"
                    heard["registration.participant-checked-in"] = True
                    heard.pop("absent", None)
                case other:
                    assert other not in heard, "told twice"
                    heard[other] = True
        person = after
    assert heard.get("absent") == person.absent_from
    assert ("registration.participant-withdrawn" in heard) == person.withdrawn
    assert ("registration.participant-checked-in" in heard) == (person.checked_in_at is not None)
