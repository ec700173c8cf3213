"""Who goes on with whom: what is asked of the solver, and what is published of its answer."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.final_pairs import (
    METHODS,
    FormedPair,
    PairingFacts,
    Ranking,
    Terms,
    asked_for,
    counts,
    events_of,
    faults_of,
    pair_id_of,
    pairs_in,
)
from services.matching.domain.groups import Seat
from services.matching.domain.roster import Card
from services.matching.pairing.pairs import pair
from services.matching.pairing.planned import by_plan
from services.matching.pairing.rankings import KINDS
from services.matching.pairing.rankings_document import read_rankings
from shared.events.catalogue import TYPES

TERMS = Terms("stable", top=3, capacity=1)
FACTS = PairingFacts("program", "acme", 2, "stable", 3, 3)


def card(role: str, number: int, site: str = "jkt", **more: Any) -> Card:
    data = {"remote": False, "languages": ["id"], "rounds": [1, 2], "max_meetings": 2}
    if role == "mentor":
        data |= {"topics": {"funding": 3}, "motives": ["career"], "storytelling": 3, "seats": 1}
    else:
        data |= {"motive": "career", "topics": ["funding"], "questions": 1}
    fields: dict[str, Any] = {"data": data, **more}
    return Card(f"{role}-{number}", "program", role, site, **fields)


def seat(mentee: int, mentor: int, round_: int = 1, site: str = "jkt") -> Seat:
    return Seat(f"mentee-{mentee}", f"mentor-{mentor}", round_, f"t{mentor}", site, 500, {})


def formed(
    cards: list[Card], seats: list[Seat], rankings: dict[str, Ranking], terms: Terms = TERMS
) -> dict[str, set[tuple[str, str, str]]] | None:
    """The pairs of both methods, the way through the solver but for its process."""
    asked = asked_for(("jkt",), cards, seats, {"jkt": 1}, rankings, terms)
    if asked is None:
        return None
    answer = pair(read_rankings(asked["rankings"]), by_plan(asked["rest"])).to_document()
    found = pairs_in(answer, cards)
    return {
        method: {(*each.pair, kind) for each in found if (kind := each.kind(method)) is not None} for method in METHODS
    }


def ranked(who: str, *others: str, capacity: int | None = None) -> dict[str, Ranking]:
    return {who: Ranking(who, others, capacity)}


def test_who_chose_each_other_go_on_together_and_who_is_left_is_placed_by_fit() -> None:
    cards = [card("mentor", n) for n in (1, 2)] + [card("mentee", n) for n in (1, 2)]
    seats = [seat(1, 1), seat(2, 2)]
    rankings = ranked("mentee-1", "mentor-1") | ranked("mentor-1", "mentee-1")
    expected = {("mentee-1", "mentor-1", "mutual"), ("mentee-2", "mentor-2", "assigned")}
    assert formed(cards, seats, rankings) == {"stable": expected, "most-mutual": expected}


def test_nobody_goes_on_with_herself() -> None:
    def of(person: str, card: Card) -> Card:
        return replace(card, data={**(card.data or {}), "person_id": person})

    # Mentee 1 is mentor 1, whom nobody chose; mentee 2 has gone on with mentor 2.
    cards = [of("ann", card("mentor", 1)), of("bob", card("mentor", 2)), of("ann", card("mentee", 1))]
    cards.append(of("cid", card("mentee", 2)))
    seats = [seat(2, 1), seat(1, 2), seat(2, 2)]
    chosen = ranked("mentee-2", "mentor-2") | ranked("mentor-2", "mentee-2")
    expected = {("mentee-2", "mentor-2", "mutual")}
    assert formed(cards, seats, chosen) == {"stable": expected, "most-mutual": expected}
    # Even where an old plan has seated her with herself, and she chose it.
    assert formed(cards, [*seats, seat(1, 1)], chosen | ranked("mentee-1", "mentor-1")) == {
        "stable": expected,
        "most-mutual": expected,
    }


def test_nobody_is_placed_with_somebody_the_rules_keep_apart() -> None:
    shy = card("mentee", 2, avoids=("mentor-2",))
    cards = [card("mentor", 1), card("mentor", 2), card("mentee", 1), shy]
    found = formed(cards, [seat(1, 1), seat(2, 2)], ranked("mentee-1", "mentor-1") | ranked("mentor-2", "mentee-2"))
    assert found is not None
    # Mentor 2 would, but mentee 2 has said no; mentor 1 is taken.
    assert found["stable"] == {("mentee-1", "mentor-1", "one-sided")}


def test_a_mentor_has_the_places_she_says_and_the_organizers_where_she_says_nothing() -> None:
    cards = [card("mentor", 1), *(card("mentee", n) for n in (1, 2, 3))]
    seats = [seat(1, 1, 1)]
    seats += [Seat(f"mentee-{n}", "mentor-1", 1, "t1", "jkt", 500, {}) for n in (2, 3)]
    everybody = ranked("mentor-1", "mentee-3", "mentee-2", capacity=2)
    found = formed(cards, seats, everybody)
    assert found is not None
    assert {mentee for mentee, _, _ in found["stable"]} == {"mentee-3", "mentee-2"}
    silent = formed(cards, seats, {}, Terms("stable", 3, capacity=3))
    assert silent is not None
    assert {kind for _, _, kind in silent["stable"]} == {"assigned"}
    assert len(silent["stable"]) == 3


def test_who_met_nobody_or_has_withdrawn_takes_no_part() -> None:
    cards = [card("mentor", 1), card("mentee", 1, withdrawn=True), card("mentee", 2)]
    assert formed(cards, [seat(1, 1)], {}) is None
    assert formed(cards, [seat(2, 1, round_=2)], {}) is None, "the round has not begun"


def test_who_was_marked_absent_after_having_come_is_still_placed() -> None:
    cards = [card("mentor", 1), card("mentee", 1, presence=((1, 1),))]
    found = formed(cards, [seat(1, 1)], {})
    assert found is not None
    assert found["stable"] == {("mentee-1", "mentor-1", "assigned")}


def test_faults_of_a_ranking_are_named_by_their_places() -> None:
    assert faults_of(["a", "x", "a", "b"], {"a", "b"}) == [(1, False), (2, True)]


formed_pairs = st.builds(
    FormedPair,
    mentee_id=st.sampled_from(["e1", "e2", "e3"]),
    mentor_id=st.sampled_from(["m1", "m2"]),
    site_id=st.just("jkt"),
    stable=st.sampled_from([*KINDS, None]),
    most_mutual=st.sampled_from([*KINDS, None]),
)
pairings = st.lists(formed_pairs, unique_by=lambda each: each.pair, max_size=6)


@given(pairings, pairings, st.sampled_from(METHODS))
def test_who_follows_the_events_holds_the_new_pairs(
    before: list[FormedPair], after: list[FormedPair], method_before: str
) -> None:
    def ids(pairs: list[FormedPair], method: str) -> dict[str, str]:
        """The pairs, and whether both have chosen them: nothing else is told of how somebody ranked somebody."""
        return {
            pair_id_of(FACTS.pairing_id, each.pair): "mutual" if kind == "mutual" else "assigned"
            for each in pairs
            if (kind := each.kind(method))
        }

    held = ids(before, method_before)
    events = events_of(FACTS, {each.pair: each for each in before}, method_before, after)
    for event in events:
        assert TYPES[f"speedmentor.{event.type}.v1"].refusal(event.data, publishing=True) is None
        if event.type == "matching.pair-dissolved":
            assert held.pop(event.data["pair_id"]) == event.data["kind"]
        elif event.type == "matching.pair-formed":
            assert event.data["pair_id"] not in held
            held[event.data["pair_id"]] = event.data["kind"]
    assert held == ids(after, FACTS.method)
    last = events[-1]
    assert last.type == "matching.pairing-published"
    assert last.data["pairs"] == len(held)
    for method in METHODS:
        counted, told = counts(after, method), last.data[method.replace("-", "_")]
        assert told.items() <= counted.items()
        # So few pairs are here that whatever is told is told of nearly all.
        assert all(count >= 5 for count in told.values())
        left = sum(counted.values()) - sum(told.values())
        assert left == 0 or left >= 5 or not told


def test_how_many_pairs_of_a_kind_there_are_is_told_where_it_tells_of_nobody() -> None:
    kinds = ["mutual"] * 6 + ["one-sided"] * 5 + ["ranked"] * 5
    formed = [FormedPair(f"e{at}", f"m{at}", "jkt", kind, kind) for at, kind in enumerate(kinds)]

    def told(pairs: list[FormedPair]) -> dict[str, int]:
        return dict(events_of(FACTS, {}, METHODS[0], pairs)[-1].data["stable"])

    assert told(formed) == {"mutual": 6, "one-sided": 5, "ranked": 5}
    # Four, and five whose number would give those four away.
    assert told(formed[:-1]) == {"mutual": 6}
    assert told(formed[:4]) == {}
    # A pair that one side alone has chosen is told as one that nobody has.
    changed = [FormedPair("e0", "m0", "jkt", kind, kind) for kind in ("one-sided", "ranked")]
    assert [each.type for each in events_of(FACTS, {changed[0].pair: changed[0]}, METHODS[0], changed[1:])] == [
        "matching.pairing-published"
    ]
