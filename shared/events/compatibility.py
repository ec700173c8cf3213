"""What changes of an AsyncAPI document mean to those who have built on the older one. Pure.

``python -m shared.events.compatibility OLD.json NEW.json`` prints every change with its weight, and ends with 1 if the
version of NEW does not allow them.

What we send is read by others today, and is kept and read again years later: so old readers must be able to read new
events (nothing may widen), and today's schema must be able to read old events (nothing may narrow). What
we receive is written by others: nothing may narrow. Fields may be added to both, if they are optional. What no rule
here knows is taken to break. (The two directions are what schema registries call forward and backward; both together
"full": Confluent, "Schema Evolution and Compatibility".)
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import orjson

Json = Mapping[str, Any]


class Weight(IntEnum):
    """How much a change weighs, and so which number of the version (by Semantic Versioning) has to rise for it."""

    WORDS = 1
    ADDITION = 2
    BREAKING = 3


class Effect(IntEnum):
    """What a change of a schema does to the set of values that it allows."""

    WORDS = 0
    ADDED = 1
    WIDER = 2
    NARROWER = 3
    OTHER = 4


@dataclass(frozen=True)
class Change:
    """One change: ``where`` in the document or the payload, and ``what`` in words."""

    where: str
    what: str
    weight: Weight


def changes(old: Json, new: Json) -> list[Change]:
    """All changes from ``old`` to ``new``, two AsyncAPI 3.0 documents whose references stay within them.

    Raises:
        KeyError: a reference leads to nothing.
    """
    return list(_Comparison(old, new).all())


def least_version(released: str, found: Iterable[Change]) -> str:
    """The lowest version that a document may have which differs by ``found`` from the one ``released`` as that."""
    major, minor, patch = _numbers(released)
    match max((each.weight for each in found), default=None):
        case Weight.BREAKING:
            return f"{major + 1}.0.0"
        case Weight.ADDITION:
            return f"{major}.{minor + 1}.0"
        case Weight.WORDS:
            return f"{major}.{minor}.{patch + 1}"
    return released


def allows(version: str, released: str, found: Iterable[Change]) -> bool:
    """Whether a document of ``version`` may differ by ``found`` from the one ``released`` as that."""
    return _numbers(version) >= _numbers(least_version(released, found))


def _numbers(version: str) -> tuple[int, int, int]:
    major, minor, patch = map(int, version.split("."))
    return major, minor, patch


class _Comparison:
    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new

    def all(self) -> Iterator[Change]:
        old, new = self._old, self._new
        judged = {"info", "servers", "channels", "operations", "components"}
        yield from self._rest(old, new, "document", judged)
        yield from self._rest(old["info"], new["info"], "info", {"version"})
        for part, compare in (
            ("servers", self._server),
            ("channels", self._channel),
            ("operations", self._operation),
        ):
            before, after = old.get(part, {}), new.get(part, {})
            yield from self._sides(before, after, part)
            for name in before.keys() & after.keys():
                yield from compare(self._old_at(before[name]), self._new_at(after[name]), f"{part} {name}")

    def _sides(self, old: Json, new: Json, part: str) -> Iterator[Change]:
        yield from (Change(f"{part} {name}", "removed", Weight.BREAKING) for name in old if name not in new)
        yield from (Change(f"{part} {name}", "added", Weight.ADDITION) for name in new if name not in old)

    def _server(self, old: Json, new: Json, where: str) -> Iterator[Change]:
        # Where a server is, the URI of one's account says.
        moving = {"host", "variables"}
        yield from self._rest(old, new, where, moving)
        if any(old.get(each) != new.get(each) for each in moving):
            yield Change(where, "is told to be elsewhere", Weight.WORDS)

    def _channel(self, old: Json, new: Json, where: str) -> Iterator[Change]:
        yield from self._rest(old, new, where, {"messages"})
        before, after = old.get("messages", {}), new.get("messages", {})
        yield from self._sides(before, after, f"{where} messages")
        for name in before.keys() & after.keys():
            yield from self._message(self._old_at(before[name]), self._new_at(after[name]), name)

    def _operation(self, old: Json, new: Json, where: str) -> Iterator[Change]:
        # Which messages there are, the channels tell.
        yield from self._rest(old, new, where, {"messages", "reply"})
        before, after = ({_last(each["$ref"]) for each in each_side.get("messages", ())} for each_side in (old, new))
        yield from (Change(where, f"no longer has {name}", Weight.BREAKING) for name in sorted(before - after))
        for name in sorted(after - before):
            # Who reads there gets what it has never seen; who writes there need not.
            weight = Weight.BREAKING if new["action"] == "send" else Weight.ADDITION
            yield Change(where, f"has {name} too", weight)
        if old.get("reply") != new.get("reply"):
            weight = Weight.BREAKING if "reply" in old else Weight.ADDITION
            yield Change(where, "is replied to in another way", weight)

    def _message(self, old: Json, new: Json, name: str) -> Iterator[Change]:
        yield from self._rest(old, new, name, {"payload"})
        received = self._received(name)
        for where, what, effect in schema_changes(old["payload"], new["payload"], self._old, self._new):
            yield Change(f"{name} {where}".rstrip(), what, _weight(effect, received))

    def _received(self, name: str) -> bool:
        """Whether the message is one that others send to us, and nobody gets from us."""
        actions = {
            operation["action"]
            for operation in self._old.get("operations", {}).values()
            for each in operation.get("messages", ())
            if _last(each["$ref"]) == name
        }
        return actions == {"receive"}

    def _rest(self, old: Json, new: Json, where: str, judged: set[str]) -> Iterator[Change]:
        """Words, and whatever no rule knows."""
        for key in sorted((old.keys() | new.keys()) - judged):
            before, after = old.get(key), new.get(key)
            if key in _REFERRING:
                before, after = self._old_at(before), self._new_at(after)
            if before == after:
                continue
            weight, what = Weight.BREAKING, "changed"
            if key in _WORDS or _without_words(before) == _without_words(after):
                weight, what = Weight.WORDS, "other words"
            elif key != "security" and _is_within(_without_words(before), _without_words(after)):
                weight, what = Weight.ADDITION, "says more"
            yield Change(f"{where} {key}", what, weight)

    def _old_at(self, value: Any) -> Any:
        return resolved(value, self._old)

    def _new_at(self, value: Any) -> Any:
        return resolved(value, self._new)


#: What says something to people only.
_WORDS = frozenset(
    {"title", "summary", "description", "examples", "tags", "license", "contact", "externalDocs", "termsOfService"}
)
#: What may be said elsewhere in the document and referred to; an operation's channel is told by its name.
_REFERRING = frozenset({"bindings", "correlationId", "security"})


def _is_within(before: Any, after: Any) -> bool:
    """Whether ``after`` says all that ``before`` does."""
    if isinstance(before, dict) and isinstance(after, dict):
        return all(name in after and _is_within(value, after[name]) for name, value in before.items())
    return before is None or bool(before == after)


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_words(each) for name, each in value.items() if name not in _WORDS}
    return [_without_words(each) for each in value] if isinstance(value, list) else value


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]


def _weight(effect: Effect, received: bool) -> Weight:
    if effect == Effect.WORDS:
        return Weight.WORDS
    if effect == Effect.ADDED or (effect == Effect.WIDER and received):
        return Weight.ADDITION
    return Weight.BREAKING


def resolved(value: Any, document: Json) -> Any:
    """``value``, or what it or the members of a list refer to within ``document``."""
    if isinstance(value, list):
        return [resolved(each, document) for each in value]
    while isinstance(value, dict) and "$ref" in value:
        found: Any = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        value = found
    return value


# Schemas

Found = Iterator[tuple[str, str, Effect]]

#: Bounds, with the least or greatest value that means no bound.
_LOWEST = {"minimum": float("-inf"), "minLength": 0, "minItems": 0, "minProperties": 0}
_HIGHEST = {each: float("inf") for each in ("maximum", "maxLength", "maxItems", "maxProperties")}
_SUBSCHEMAS = ("items", "additionalProperties", "propertyNames")
_ANNOTATIONS = frozenset({"title", "description", "examples", "$comment", "$id", "deprecated"})
_JUDGED = frozenset(
    {"type", "enum", "const", "pattern", "format", "properties", "required", *_LOWEST, *_HIGHEST, *_SUBSCHEMAS}
)


def schema_changes(
    old: Any, new: Any, old_document: Json | None = None, new_document: Json | None = None, where: str = ""
) -> Found:
    """What has changed between two JSON Schemas: where, in words, and to what effect.

    It knows the keywords that the catalogue writes; a difference in any other is :attr:`Effect.OTHER`.
    ``$ref`` is looked up in the document of its side.
    """
    old, new = _schema(old, old_document), _schema(new, new_document)
    if old == new and not _refers(old):
        return
    for keyword in sorted((old.keys() | new.keys()) - _JUDGED):
        if old.get(keyword) != new.get(keyword):
            effect = Effect.WORDS if keyword in _ANNOTATIONS else Effect.OTHER
            yield where, f"{keyword} changed", effect
    yield from _types(old, new, where)
    yield from _values(old, new, where)
    yield from _bounds(old, new, where)
    for keyword in ("pattern", "format"):
        if old.get(keyword) != new.get(keyword):
            effect = Effect.NARROWER if keyword not in old else Effect.WIDER if keyword not in new else Effect.OTHER
            yield where, f"{keyword} changed", effect
    yield from _fields(old, new, old_document, new_document, where)
    for keyword in _SUBSCHEMAS:
        before, after = old.get(keyword, True), new.get(keyword, True)
        yield from schema_changes(before, after, old_document, new_document, f"{where}{_STEPS[keyword]}")


_STEPS = {"items": "[]", "additionalProperties": ".<value>", "propertyNames": ".<name>"}
#: What allows nothing; JSON Schema writes it as ``false``.
_NOTHING: Json = {"not": {}}


def _schema(value: Any, document: Json | None) -> Json:
    if document is not None:
        value = resolved(value, document)
    return {True: {}, False: _NOTHING}[value] if isinstance(value, bool) else value


def _refers(schema: Json) -> bool:
    """Whether what is written alike may still mean something else: it refers to something."""
    return "$ref" in str(schema)


def _types(old: Json, new: Json, where: str) -> Found:
    before, after = _type_set(old), _type_set(new)
    if before != after:
        effect = Effect.WIDER if before < after else Effect.NARROWER if after < before else Effect.OTHER
        yield where, f"type was {_type(old)} and is {_type(new)}", effect


_ALL_TYPES = frozenset({"null", "boolean", "object", "array", "string", "number", "integer"})


def _type(schema: Json) -> str:
    return str(schema.get("type", "any"))


def _type_set(schema: Json) -> frozenset[str]:
    given = schema.get("type")
    if given is None:
        return _ALL_TYPES
    names = {given} if isinstance(given, str) else set(given)
    # Every integer is a number.
    return frozenset(names | {"integer"} if "number" in names else names)


def _values(old: Json, new: Json, where: str) -> Found:
    before, after = _value_set(old), _value_set(new)
    if before == after:
        return
    if before is None or (after is not None and after < before):
        effect = Effect.NARROWER
    elif after is None or before < after:
        effect = Effect.WIDER
    else:
        effect = Effect.OTHER
    yield where, "the values to choose from have changed", effect


def _value_set(schema: Json) -> frozenset[bytes] | None:
    """The values that ``enum`` and ``const`` leave, or None where there is neither."""
    sets = [frozenset(map(_canonical, each)) for each in (schema.get("enum"),) if each is not None]
    if "const" in schema:
        sets.append(frozenset({_canonical(schema["const"])}))
    return frozenset.intersection(*sets) if sets else None


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _bounds(old: Json, new: Json, where: str) -> Found:
    for keyword, none in (*_LOWEST.items(), *_HIGHEST.items()):
        before, after = old.get(keyword, none), new.get(keyword, none)
        if before != after:
            wider = after < before if keyword in _LOWEST else after > before
            yield where, f"{keyword} changed", Effect.WIDER if wider else Effect.NARROWER


def _fields(old: Json, new: Json, old_document: Json | None, new_document: Json | None, where: str) -> Found:
    before, after = old.get("properties", {}), new.get("properties", {})
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before.keys() | after.keys() | was_required | is_required):
        at = f"{where}.{name}" if where else name
        if name in before and name not in after:
            yield at, "removed", Effect.OTHER
            continue
        if name in after and name not in before and name not in was_required:
            yield at, *_addition(name in is_required, old.get("additionalProperties", True))
            continue
        if name in was_required and name not in is_required:
            yield at, "no longer always there", Effect.WIDER
        elif name in is_required and name not in was_required:
            yield at, "newly required", Effect.NARROWER
        if name in after:
            others = old.get("additionalProperties", True)
            yield from schema_changes(before.get(name, others), after[name], old_document, new_document, at)


def _addition(required: bool, others: Any) -> tuple[str, Effect]:
    if required:
        return "added as a required field", Effect.NARROWER if others is True else Effect.OTHER
    if others is True:
        return "added", Effect.ADDED
    # A closed object becomes wider by it; a map's values may have been something else under this name.
    return "added", Effect.WIDER if others is False else Effect.OTHER


def main(arguments: list[str]) -> int:
    """Print the changes between two documents; returns the exit status."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    old, new = (orjson.loads(Path(each).read_bytes()) for each in arguments)
    found = changes(old, new)
    for each in sorted(found, key=lambda each: (-each.weight, each.where)):
        print(f"{each.weight.name.lower():9} {each.where}: {each.what}")
    released, version = old["info"]["version"], new["info"]["version"]
    if allows(version, released, found):
        print(f"{len(found)} changes from {released} to {version}")
        return 0
    print(f"{len(found)} changes from {released}: {version} has to be at least {least_version(released, found)}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
