"""The log of all events on the real database: in order, byte for byte, each once, and read to the end."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.integrations import store
from services.integrations.domain.scope import Scope
from services.integrations.log import reading, retention, storage, writing
from shared.events import decode, encode
from shared.faults import Gone, Invalid
from shared.storage.unit_of_work import UnitOfWork
from tests.integration.integrations.published import an_event, take_in

pytestmark = pytest.mark.integration

ALL = Scope()


@pytest.fixture
def work(own_unit_of_work: Callable[..., UnitOfWork]) -> UnitOfWork:
    return own_unit_of_work("integrations", store.prepare)


def rows(work: UnitOfWork, scope: Scope = ALL, limit: int = 1000) -> list[dict[str, Any]]:
    """All that is in the log, page by page."""
    found: list[dict[str, Any]] = []
    cursor, more = None, True
    while more:
        page = reading.read(work.database, scope, cursor, limit)
        found, cursor, more = found + page.rows, page.cursor, page.more
    return found


def test_an_event_is_kept_byte_for_byte_and_a_redelivery_is_not_kept_again(work: UnitOfWork) -> None:
    event = an_event("matching.meeting-assigned")
    # As somebody else's JSON writer might have it: other spaces, another order, a field that is not known here.
    strange = orjson.dumps({"later": 1, **orjson.loads(event.body)}, option=orjson.OPT_INDENT_2)
    other = decode(orjson.dumps({**orjson.loads(strange), "id": "other"}, option=orjson.OPT_INDENT_2))
    assert take_in(work, event, event, other) == 2
    assert take_in(work, other, event) == 0
    assert [bytes(row["body"]) for row in rows(work)] == [event.body, other.body]
    assert event.body == encode(event)
    assert b"\n" in other.body


def test_an_event_of_a_type_of_a_later_release_is_kept_too(work: UnitOfWork) -> None:
    document = orjson.loads(an_event("matching.plan-published").body)
    later = {
        "type": "speedmentor.matching.plan-imagined.v2",
        "dataschema": "urn:speedmentor:schema:speedmentor.matching.plan-imagined.v2",
        "data": {"who": "p-7"},
    }
    event = decode(orjson.dumps(document | later), any_type=True)
    take_in(work, event)
    (row,) = rows(work, Scope(("matching.#",)))
    assert (row["type"], row["body"]) == ("matching.plan-imagined.v2", event.body)


def test_what_an_earlier_release_still_told_of_people_is_not_kept(work: UnitOfWork) -> None:
    document = orjson.loads(an_event("feedback.feedback-submitted").body)
    told = orjson.dumps({**document, "data": {**document["data"], "ratings": {"time_well_spent": 7}}})
    take_in(work, decode(told))
    (row,) = rows(work)
    assert orjson.loads(row["body"]) == {**document, "data": {**document["data"], "ratings": {}}}
    whole = [each for name in work.database.list_collection_names() for each in work.database[name].find()]
    assert "time_well_spent" not in str(whole)


def test_positions_become_visible_in_order_under_four_writers(work: UnitOfWork) -> None:
    batches = [[an_event("matching.meeting-assigned") for _ in range(20)] for _ in range(40)]
    seen: list[int] = []
    done = threading.Event()

    def write(number: int) -> None:
        for batch in batches[number::4]:
            take_in(work, *batch)

    def read() -> None:
        cursor = None
        while True:
            over = done.is_set()
            page = reading.read(work.database, ALL, cursor, 7)
            seen.extend(row["_id"] for row in page.rows)
            cursor = page.cursor
            if over and not page.more:
                return

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for each in (reader, *writers):
        each.start()
    for each in writers:
        each.join(120)
    done.set()
    reader.join(120)
    # Who has read 301 will never see 300 come after it: each position is there once and in its place.
    assert seen == list(range(1, 801))
    assert sorted(row["body"] for row in rows(work)) == sorted(each.body for batch in batches for each in batch)
    places = {bytes(row["body"]): row["_id"] for row in rows(work)}
    for batch in batches:
        first = places[batch[0].body]
        assert [places[each.body] for each in batch] == list(range(first, first + 20))


def test_events_go_on_into_the_next_month_and_never_back(work: UnitOfWork, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
    events = [an_event("matching.plan-published") for _ in range(3)]
    # The third comes to a replica whose clock is a little behind.
    for event, at in zip(events, [*times, times[0]], strict=True):
        monkeypatch.setattr(writing, "wall_clock", lambda at=at: at)
        take_in(work, event)
    assert [row["body"] for row in rows(work)] == [each.body for each in events]
    assert [row["at"] for row in rows(work)] == [times[0], times[1], times[1]]
    assert work.database["events_2026_12"].count_documents({}) == 1
    assert [each["_id"] for each in work.database["events_2027_01"].find()] == [2, 3]
    assert [(each.name, each.first) for each in storage.head(work.database).months] == [("2026_12", 1), ("2027_01", 2)]


def test_a_page_holds_what_is_in_the_scope_and_the_cursor_goes_on_all_the_same(work: UnitOfWork) -> None:
    for number in range(30):
        take_in(work, an_event("registration.mentee-registered", program=f"p-{number % 3}"))
        take_in(work, an_event("matching.plan-published", program=f"p-{number % 3}"))
    scope = Scope(("matching.*",), ("p-1",), "acme")
    first = reading.read(work.database, scope, None, 4)
    assert [row["type"] for row in first.rows] == ["matching.plan-published"] * 4
    assert first.more
    rest = reading.read(work.database, scope, first.cursor, 100)
    assert [len(rest.rows), rest.more, rest.cursor] == [6, False, "60"]
    assert {row["program"] for row in first.rows + rest.rows} == {"p-1"}
    assert len(rows(work, scope, limit=1)) == 10
    assert rows(work, Scope(org="other")) == []


def test_a_page_is_bounded_in_bytes_and_in_what_is_looked_at(work: UnitOfWork, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [an_event("registration.mentee-registered") for _ in range(10)]
    take_in(work, *events)
    monkeypatch.setattr(reading, "LARGEST_PAGE", 3 * len(events[0].body) + 100)
    page = reading.read(work.database, ALL, None, 1000)
    assert (len(page.rows), page.more) == (3, True)
    monkeypatch.setattr(reading, "LARGEST_PAGE", 1)
    assert len(rows(work)) == 10
    monkeypatch.setattr(reading, "MOST_LOOKED_AT", 4)
    page = reading.read(work.database, Scope(("matching.#",)), None, 1000)
    assert (page.rows, page.cursor, page.more) == ([], "4", True)


@pytest.mark.parametrize("cursor", ["", "-1", "+1", " 1", "1.0", "٣", "x", "9" * 30, "3"])
def test_what_is_no_cursor_is_refused_by_name(work: UnitOfWork, cursor: str) -> None:
    take_in(work, an_event("matching.plan-published"))
    with pytest.raises(Invalid) as refused:
        reading.read(work.database, ALL, cursor, 10)
    assert [each.field for each in refused.value.problems] == ["/after"]
    assert reading.read(work.database, ALL, "1", 10).rows == []


def test_a_cursor_before_what_is_kept_is_told_from_one_that_never_was(
    work: UnitOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in (10, 11, 12):
        monkeypatch.setattr(writing, "wall_clock", lambda month=month: datetime(2026, month, 5, tzinfo=UTC))
        take_in(work, an_event("matching.plan-published"), an_event("matching.plan-published"))
    with work.database.client.start_session() as session, session.start_transaction():
        months = storage.head(work.database).months
        work.database[storage.HEADS].update_one(
            {"_id": "log"},
            {"$set": {"months": [{"name": each.name, "first": each.first} for each in months[1:]]}},
            session=session,
        )
    with pytest.raises(Gone, match="snapshot"):
        reading.read(work.database, ALL, "1", 10)
    assert [row["_id"] for row in reading.read(work.database, ALL, "2", 10).rows] == [3, 4, 5, 6]
    assert [row["_id"] for row in reading.read(work.database, ALL, None, 10).rows] == [3, 4, 5, 6]
    assert (reading.beginning(work.database), reading.end(work.database)) == ("2", "6")


def test_the_erased_are_taken_out_of_all_months_and_stay_out(work: UnitOfWork, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = {"meeting_id": "meeting", "mentor_id": "gone", "mentee_id": "stays"}
    for month in (10, 11):
        monkeypatch.setattr(writing, "wall_clock", lambda month=month: datetime(2026, month, 5, tzinfo=UTC))
        take_in(
            work,
            an_event("registration.mentor-registered", mentor_id="gone"),
            an_event("matching.meeting-assigned", **meeting),
            an_event("registration.mentee-registered", mentee_id="stays"),
        )
    erased = an_event("registration.participant-erased", participant_id="gone", role="mentor")
    with_it = an_event("registration.participant-withdrawn", participant_id="gone", role="mentor")
    after_it = an_event("matching.meeting-released", **meeting)
    take_in(work, with_it, erased, after_it)
    # A dead letter that an operator puts back a week later, which is of before.
    take_in(
        work,
        an_event("registration.mentor-updated", mentor_id="gone"),
        an_event("feedback.connection-formed", connection_id="c", mentor_id="gone", mentee_id="stays"),
    )
    found = rows(work)
    assert [(row["_id"], row["type"]) for row in found] == [
        (2, "matching.meeting-assigned"),
        (3, "registration.mentee-registered"),
        (5, "matching.meeting-assigned"),
        (6, "registration.mentee-registered"),
        (8, "registration.participant-erased"),
        (9, "matching.meeting-released"),
        (11, "feedback.connection-formed"),
    ]
    named = {row["_id"]: orjson.loads(row["body"])["data"] for row in found}
    assert all(named[at]["mentor_id"] == "erased" for at in (2, 5, 9, 11))
    assert all(named[at]["mentee_id"] == "stays" for at in (2, 5, 9, 11))
    assert named[8]["participant_id"] == "gone"
    # Nowhere in the database is the id any more, but in the one event that tells of it: in the log and the snapshot.
    whole = [row for name in work.database.list_collection_names() for row in work.database[name].find()]
    assert [row.get("position", row["_id"]) for row in whole if "gone" in str(row)] == [8, 8]


def test_an_erasure_and_an_event_that_names_the_erased_at_the_same_time_leave_nothing(work: UnitOfWork) -> None:
    for number in range(8):
        person = f"person-{number}"
        events = (
            an_event("registration.participant-erased", participant_id=person, role="mentor"),
            an_event("matching.meeting-assigned", meeting_id=f"meeting-{number}", mentor_id=person),
        )
        both = [threading.Thread(target=take_in, args=(work, each)) for each in events]
        for each in both:
            each.start()
        for each in both:
            each.join(60)
    meetings = [orjson.loads(row["body"])["data"] for row in rows(work, Scope(("matching.#",)))]
    assert [each["mentor_id"] for each in meetings] == ["erased"] * 8


def test_what_is_past_is_dropped_whole_and_positions_go_on(work: UnitOfWork, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_month(month: int) -> None:
        at = datetime(2026 + (month - 1) // 12, (month - 1) % 12 + 1, 7, tzinfo=UTC)
        monkeypatch.setattr(writing, "wall_clock", lambda: at)
        monkeypatch.setattr(retention, "wall_clock", lambda: at)

    for month in (9, 10, 11):
        in_month(month)
        take_in(work, an_event("matching.plan-published"))
        retention.look_after_months(work, 2)
    assert [row["_id"] for row in rows(work)] == [1, 2, 3]
    in_month(12)
    retention.look_after_months(work, 2)
    assert [row["_id"] for row in rows(work)] == [2, 3]
    names = set(work.database.list_collection_names())
    assert "events_2026_09" not in names
    # Of the next month everything is there before its first event.
    assert {"events_2026_12", "events_2027_01"} <= names
    assert "people" in work.database["events_2027_01"].index_information()
    # A replica that was killed between forgetting a month and dropping it.
    work.database["events_2026_08"].insert_one({})
    # A year without any event, after which none is kept: the next one has the next position.
    in_month(26)
    retention.look_after_months(work, 2)
    assert rows(work) == []
    assert (reading.beginning(work.database), reading.end(work.database)) == ("3", "3")
    take_in(work, an_event("matching.plan-published"))
    assert [row["_id"] for row in rows(work)] == [4]
    kept = {name for name in work.database.list_collection_names() if name.startswith("events_")}
    assert kept == {"events_2028_02", "events_2028_03"}


def test_who_reads_while_a_month_is_dropped_is_told(work: UnitOfWork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "wall_clock", lambda: datetime(2026, 1, 7, tzinfo=UTC))
    take_in(work, an_event("matching.plan-published"), an_event("matching.plan-published"))
    of_query = Scope.query

    def drop_first(scope: Scope) -> dict[str, Any]:
        # In the moment between the look at the head and that at the month.
        retention.look_after_months(work, 1)
        return of_query(scope)

    monkeypatch.setattr(Scope, "query", drop_first)
    with pytest.raises(Gone):
        reading.read(work.database, ALL, "1", 10)
