from uuid import UUID

from shared.ids import new_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = UUID(new_id())
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"


def test_ids_sort_in_the_order_they_were_made_and_never_repeat() -> None:
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(set(made))
