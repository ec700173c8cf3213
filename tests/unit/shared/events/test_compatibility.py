"""Which changes of the contract break whom."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shared.events.asyncapi import document
from shared.events.compatibility import Effect, Weight, allows, changes, least_version, schema_changes

Json = dict[str, Any]
STARTED = "speedmentor.session-timer.round-started.v1"
ERASED = "speedmentor.registration.participant-erased.v1"
REPORT = "speedmentor.feedback.program-report-ready.v1"
MENTOR = "speedmentor.registration.mentor-registered.v1"
PAUSED = "speedmentor.session-timer.session-paused.v1"
NEW = "speedmentor.feedback.something-new.v1"


def data(it: Json, name: str) -> Json:
    return dict.__getitem__(it["components"]["schemas"], name)


def field(it: Json, type_: str, name: str) -> Json:
    return dict.__getitem__(data(it, type_)["properties"], name)


def remove_message(it: Json) -> None:
    del it["channels"][REPORT], it["components"]["messages"][REPORT], it["components"]["schemas"][REPORT]
    for name in [name for name, each in it["operations"].items() if each["channel"]["$ref"].endswith(REPORT)]:
        del it["operations"][name]


def add_message(it: Json) -> None:
    it["components"]["schemas"][NEW] = copy.deepcopy(data(it, REPORT))
    it["components"]["messages"][NEW] = copy.deepcopy(it["components"]["messages"][REPORT])
    it["channels"][NEW] = {"address": NEW, "messages": {NEW: {"$ref": f"#/components/messages/{NEW}"}}}
    it["operations"]["sendSomethingNew"] = {"action": "send", "channel": {"$ref": f"#/channels/{NEW}"}}


def operation(it: Json) -> Json:
    return next(each for each in it["operations"].values() if each["channel"]["$ref"].endswith(STARTED))


def channel_binding(it: Json) -> Json:
    return dict.__getitem__(it["components"]["channelBindings"]["exchange"], "amqp")


def move(here: list[Any], value: Any) -> None:
    here.remove(value)


BREAKING: dict[str, Callable[[Json], object]] = {
    "a field is removed": lambda it: data(it, MENTOR)["properties"].pop("seats"),
    "an optional field is removed": lambda it: data(it, MENTOR)["properties"].pop("site_id"),
    "a field need not be there any more": lambda it: move(data(it, STARTED)["required"], "round"),
    "an optional field has to be there": lambda it: data(it, MENTOR)["required"].append("site_id"),
    "a field is added that has to be there": lambda it: (
        data(it, STARTED)["properties"].update(later={"type": "string"}),
        data(it, STARTED)["required"].append("later"),
    ),
    "a value to choose from is added": lambda it: field(it, ERASED, "role")["enum"].append("guest"),
    "a value to choose from is taken away": lambda it: field(it, ERASED, "role")["enum"].pop(),
    "any value may come": lambda it: field(it, ERASED, "role").pop("enum"),
    "a greater number may come": lambda it: field(it, STARTED, "round").update(maximum=101),
    "a great number may not come any more": lambda it: field(it, STARTED, "round").update(maximum=99),
    "a smaller number may come": lambda it: field(it, STARTED, "round").update(minimum=0),
    "a small number may not come any more": lambda it: field(it, STARTED, "round").update(minimum=2),
    "null may come": lambda it: field(it, STARTED, "round").update(type=["integer", "null"]),
    "null may not come any more": lambda it: field(it, MENTOR, "site_id").update(type="string"),
    "a fraction may come": lambda it: field(it, STARTED, "round").update(type="number"),
    "text comes for a number": lambda it: field(it, STARTED, "round").update(type="string"),
    "an id has another form": lambda it: field(it, STARTED, "site_id").update(pattern="^.+$"),
    "an id has no form": lambda it: field(it, STARTED, "site_id").pop("pattern"),
    "a time is any text": lambda it: field(it, STARTED, "actual_at").pop("format"),
    "a longer id may come": lambda it: field(it, STARTED, "site_id").update(maxLength=256),
    "a longer list may come": lambda it: field(it, MENTOR, "rounds").update(maxItems=101),
    "other things are in a list": lambda it: field(it, MENTOR, "rounds")["items"].update(type="number"),
    "more names may be in a map": lambda it: field(it, REPORT, "figures").update(maxProperties=10_000),
    "other names may be in a map": lambda it: field(it, REPORT, "figures").pop("propertyNames"),
    "other values may be in a map": lambda it: field(it, REPORT, "figures")["additionalProperties"].pop("minimum"),
    "within a list, a field is removed": lambda it: field(it, PAUSED, "timetable")["items"]["properties"].pop(
        "ends_at"
    ),
    "a keyword comes that no rule knows": lambda it: field(it, STARTED, "round").update(multipleOf=2),
    "an attribute is removed": lambda it: it["components"]["messages"][STARTED]["payload"]["properties"].pop("ordinal"),
    "an attribute has other values": lambda it: it["components"]["schemas"]["ordinal"].update(minimum=0),
    "the source is another": lambda it: it["components"]["messages"][STARTED]["payload"]["properties"]["source"].update(
        const="/elsewhere"
    ),
    "a message is removed": remove_message,
    "an operation is removed": lambda it: it["operations"].popitem(),
    "an operation has another direction": lambda it: operation(it).update(action="receive"),
    "an operation is at another channel": lambda it: operation(it)["channel"].update({"$ref": f"#/channels/{ERASED}"}),
    "an address is another": lambda it: it["channels"][STARTED].update(address="elsewhere"),
    "a channel has a message that nobody knew there": lambda it: operation(it)["messages"].append(
        {"$ref": f"#/components/messages/{ERASED}"}
    ),
    "the exchange has another name": lambda it: channel_binding(it)["exchange"].update(name="elsewhere"),
    "the exchange is of another type": lambda it: channel_binding(it)["exchange"].update(type="direct"),
    "another content type": lambda it: it["components"]["messages"][STARTED].update(contentType="application/json"),
    "another default content type": lambda it: it.update(defaultContentType="application/json"),
    "AMQP's type is another": lambda it: it["components"]["messages"][STARTED]["bindings"]["amqp"].update(
        messageType="started"
    ),
    "the correlation id is elsewhere": lambda it: it["components"]["correlationIds"]["correlationid"].update(
        location="$message.header#/correlation_id"
    ),
    "another protocol": lambda it: it["servers"]["broker"].update(protocol="mqtt"),
    "another virtual host": lambda it: it["servers"]["broker"].update(pathname="/other"),
    "a server is removed": lambda it: it["servers"].pop("broker"),
    "another way to log in": lambda it: it["components"]["securitySchemes"]["account"].update(type="X509"),
}
ADDITIONS: dict[str, Callable[[Json], object]] = {
    "a message is added": add_message,
    "an optional field is added": lambda it: data(it, STARTED)["properties"].update(later={"type": "string"}),
    "within a list, an optional field is added": lambda it: field(it, PAUSED, "timetable")["items"][
        "properties"
    ].update(later={"type": "string"}),
    "an optional attribute is added": lambda it: it["components"]["messages"][STARTED]["payload"]["properties"].update(
        later={"type": "string"}
    ),
    "a server is added": lambda it: it["servers"].update(second=copy.deepcopy(it["servers"]["broker"])),
    "a binding says more": lambda it: channel_binding(it).update(queue={"name": "x"}),
}
WORDS: dict[str, Callable[[Json], object]] = {
    "a meaning in other words": lambda it: field(it, STARTED, "round").update(description="which round"),
    "a summary in other words": lambda it: operation(it).update(summary="something else"),
    "another example": lambda it: it["components"]["messages"][STARTED]["examples"][0]["payload"].update(ordinal=9),
    "the document in other words": lambda it: it["info"].update(description="…"),
    "a field is told to be out of use": lambda it: field(it, STARTED, "round").update(deprecated=True),
    "a server is elsewhere": lambda it: it["servers"]["broker"]["variables"]["host"].update(default="example.org"),
    "where a schema stands": lambda it: (
        it["components"]["messages"][STARTED]["payload"]["properties"].update(
            ordinal=copy.deepcopy(it["components"]["schemas"]["ordinal"]),
            later_removed=None,
        )
        or it["components"]["messages"][STARTED]["payload"]["properties"].pop("later_removed")
    ),
}


TODAY = document()


def weights(mutate: Callable[[Json], object]) -> set[Weight]:
    new = copy.deepcopy(TODAY)
    mutate(new)
    return {each.weight for each in changes(TODAY, new)}


@pytest.mark.parametrize("mutate", BREAKING.values(), ids=BREAKING)
def test_it_breaks_those_who_read(mutate: Callable[[Json], object]) -> None:
    assert Weight.BREAKING in weights(mutate)


@pytest.mark.parametrize("mutate", ADDITIONS.values(), ids=ADDITIONS)
def test_it_is_an_addition(mutate: Callable[[Json], object]) -> None:
    assert max(weights(mutate)) == Weight.ADDITION


@pytest.mark.parametrize("mutate", WORDS.values(), ids=WORDS)
def test_it_is_a_matter_of_words(mutate: Callable[[Json], object]) -> None:
    assert weights(mutate) <= {Weight.WORDS}


def test_a_document_is_compatible_with_itself() -> None:
    assert changes(TODAY, copy.deepcopy(TODAY)) == []


RECEIVED = {
    "a field is removed": Weight.BREAKING,
    "an optional field is removed": Weight.BREAKING,
    "a field need not be there any more": Weight.ADDITION,
    "an optional field has to be there": Weight.BREAKING,
    "a field is added that has to be there": Weight.BREAKING,
    "a value to choose from is added": Weight.ADDITION,
    "a value to choose from is taken away": Weight.BREAKING,
    "any value may come": Weight.ADDITION,
    "a greater number may come": Weight.ADDITION,
    "a great number may not come any more": Weight.BREAKING,
    "a smaller number may come": Weight.ADDITION,
    "a small number may not come any more": Weight.BREAKING,
    "null may come": Weight.ADDITION,
    "null may not come any more": Weight.BREAKING,
    "a fraction may come": Weight.ADDITION,
    "text comes for a number": Weight.BREAKING,
    "an id has another form": Weight.BREAKING,
    "an id has no form": Weight.ADDITION,
    "a time is any text": Weight.ADDITION,
    "a longer id may come": Weight.ADDITION,
    "a longer list may come": Weight.ADDITION,
    "other things are in a list": Weight.ADDITION,
    "more names may be in a map": Weight.ADDITION,
    "other names may be in a map": Weight.ADDITION,
    "other values may be in a map": Weight.ADDITION,
    "a keyword comes that no rule knows": Weight.BREAKING,
}


@pytest.mark.parametrize(("mutate", "weight"), RECEIVED.items(), ids=RECEIVED)
def test_what_others_send_to_us_may_widen(mutate: str, weight: Weight) -> None:
    old, new = copy.deepcopy(TODAY), copy.deepcopy(TODAY)
    for each in (old, new):
        for command in each["operations"].values():
            command["action"] = "receive"
    BREAKING[mutate](new)
    assert max(each.weight for each in changes(old, new)) == weight


@pytest.mark.parametrize(
    ("weight", "least"),
    [(None, "1.4.2"), (Weight.WORDS, "1.4.3"), (Weight.ADDITION, "1.5.0"), (Weight.BREAKING, "2.0.0")],
)
def test_the_version_rises_with_what_changes(weight: Weight | None, least: str) -> None:
    mutation = {
        Weight.WORDS: WORDS["a meaning in other words"],
        Weight.ADDITION: ADDITIONS["an optional field is added"],
        Weight.BREAKING: BREAKING["a field is removed"],
    }
    new = copy.deepcopy(TODAY)
    if weight:
        mutation[weight](new)
    found = changes(TODAY, new)
    assert least_version("1.4.2", found) == least
    assert allows(least, "1.4.2", found)
    assert allows("10.0.0", "1.4.2", found)
    assert not allows("1.4.1", "1.4.2", found)
    assert allows("1.4.2", "1.4.2", found) is (weight is None)


# Whatever the rules say of two schemas holds for every value, by a validator that is not ours: all pairs of these.

PARTS: list[Json] = [
    {},
    *({"type": each} for each in ("null", "integer", "number", "string", "array", "object")),
    *({"type": each} for each in (["integer", "null"], ["number", "null"], ["string", "object"])),
    *({"enum": each} for each in (["x"], ["x", "y"], ["x", None], [0, 1])),
    *({"const": each} for each in ("x", 1)),
    *({keyword: bound} for keyword in ("minimum", "maximum") for bound in (0, 1)),
    *(
        {f"{end}{what}": bound}
        for end in ("min", "max")
        for what in ("Length", "Items", "Properties")
        for bound in (0, 1)
    ),
    *({"pattern": each} for each in ("^x", "y$")),
]
OBJECTS: list[Json] = [
    *({keyword: part} for keyword in ("items", "additionalProperties") for part in (True, False, *PARTS[:8])),
    *({"propertyNames": part} for part in ({"maxLength": 1}, {"enum": ["a", "bb"]})),
    *(
        {"properties": {"a": part}, "required": required, "additionalProperties": others}
        for part in (True, *PARTS[:6])
        for required in ([], ["a"], ["b"])
        for others in (True, False, {"type": "string"})
    ),
    *({"required": required, "additionalProperties": others} for required in ([], ["a"]) for others in (True, False)),
]
ATOMS = [None, True, -1, 0, 1, 2, 0.5, "", "x", "y", "xy", "yx"]
VALUES = [
    *ATOMS,
    [],
    *([each] for each in ATOMS),
    ["x", 1],
    {},
    *({name: each} for name in ("a", "b", "bb") for each in ATOMS),
    *({"a": one, "b": other} for one in ATOMS for other in ATOMS),
]
TWOFOLD = [{**one, **other} for one in PARTS for other in PARTS if not one.keys() & other.keys()]


@pytest.mark.parametrize("schemas", [PARTS, OBJECTS, TWOFOLD[::5]], ids=["values", "objects", "two keywords"])
def test_no_value_contradicts_the_rules(schemas: list[Json]) -> None:
    validators = [Draft202012Validator(each) for each in schemas]
    taken = [{number for number, value in enumerate(VALUES) if each.is_valid(value)} for each in validators]
    for old, before in zip(schemas, taken, strict=True):
        for new, after in zip(schemas, taken, strict=True):
            effects = {effect for _, _, effect in schema_changes(old, new)}
            if not effects & {Effect.WIDER, Effect.OTHER}:
                assert after <= before, f"{old} -> {new}: who reads by the old one meets something new"
            # A named field that is added leaves less to the unnamed ones; that is the one thing consumers are told.
            if not effects - {Effect.WORDS, Effect.WIDER}:
                assert before <= after, f"{old} -> {new}: what was written is not read any more"


KEYWORDS = ["type", "enum", "minimum", "maximum", "pattern", "properties", "required", "items", "additionalProperties"]


@given(st.dictionaries(st.sampled_from(KEYWORDS), st.just(None)), st.data())
def test_a_schema_of_several_keywords_is_judged_by_all_of_them(chosen: Json, drawn: st.DataObject) -> None:
    parts = {keyword: [each for each in PARTS + OBJECTS if keyword in each] for keyword in KEYWORDS}
    old, new = ({keyword: drawn.draw(st.sampled_from(parts[keyword]))[keyword] for keyword in chosen} for _ in range(2))
    effects = {effect for _, _, effect in schema_changes(old, new)}
    before, after = Draft202012Validator(old), Draft202012Validator(new)
    for value in VALUES:
        if not effects & {Effect.WIDER, Effect.OTHER}:
            assert before.is_valid(value) or not after.is_valid(value)
        if not effects - {Effect.WORDS, Effect.WIDER}:
            assert after.is_valid(value) or not before.is_valid(value)
