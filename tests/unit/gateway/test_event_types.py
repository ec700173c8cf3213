"""The catalogue of events in words, for people of other systems."""

import pytest

from services.gateway.pages.event_types import all_attributes, services, texts
from shared.events.catalogue import PUBLIC, TYPES
from shared.events.composites import event_fields
from shared.translation import languages, translations


@pytest.mark.parametrize("language", languages()[1:])
def test_all_that_the_catalogue_says_is_translated(language: str) -> None:
    known = translations(language)._catalog  # type: ignore[attr-defined]
    assert texts()
    missing = sorted(text for text in texts() if not known.get(text))
    assert not missing, "to be translated in shared/locale/*/LC_MESSAGES/events.po"


def test_every_public_type_is_there_with_every_field_and_no_internal_one() -> None:
    told = {each.type: each for types in services("en").values() for each in types}
    assert told.keys() == PUBLIC.keys() != TYPES.keys()
    for name, each in told.items():
        assert {field.name.partition("[")[0].partition(".")[0] for field in each.fields} == event_fields(
            PUBLIC[name].data
        ).keys()


def test_what_carries_nothing_any_more_says_since_when_in_every_language() -> None:
    for language, said in (("en", "empty or absent since"), ("id", "kosong atau tidak ada sejak")):
        (ratings,) = (
            field
            for each in services(language)["feedback"]
            for field in each.fields
            if each.type.endswith("feedback-submitted.v1") and field.name == "ratings"
        )
        assert said in ratings.means


def test_forms_are_in_words() -> None:
    fields = {field.name: field for each in services("en")["registration"] for field in each.fields}
    assert fields["topics"].form == "a list of at most 200, each: a code"
    assert fields["role"].form == "one of: mentor, mentee"
    assert fields["storytelling"].form == "a whole number from 0 to 5"
    assert fields["sites[].time_zone"].form == "the name of a time zone"
    assert {each.name for each in all_attributes("en") if each.optional} >= {"org", "program", "site", "correlationid"}
