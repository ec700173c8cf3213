"""What an earlier release still told of people does not come into the log."""

from typing import Any

import orjson
import pytest

from services.integrations.domain.withholding import without_withheld
from shared.events.catalogue import TYPES
from shared.events.composites import event_fields


@pytest.mark.parametrize("name", sorted(TYPES))
def test_withheld_fields_are_emptied_and_all_else_stays(name: str) -> None:
    kind = TYPES[name]
    fields = event_fields(kind.data)
    data: dict[str, Any] = {field: each.example() for field, each in fields.items()}
    # As others write: with spaces, and one field that is not known here.
    filled = {
        field: ([value] if isinstance(value, str) and "list" in fields[field].form else value)
        for field, value in data.items()
    }
    secrets = {field for field, each in fields.items() if each.withheld}
    for field in secrets:
        if filled[field] in ([], {}):
            filled[field] = ["secret"] if filled[field] == [] else {"secret": 1}
    body = orjson.dumps({"type": name, "data": {**filled, "later": 1}}, option=orjson.OPT_INDENT_2)
    left, left_data = without_withheld(name, body, {**filled, "later": 1})
    if not secrets:
        assert (left, left_data) == (body, {**filled, "later": 1})
        return
    document = orjson.loads(left)
    assert document["data"] == left_data
    assert not any(document["data"].get(field) for field in secrets)
    assert {field: value for field, value in document["data"].items() if field not in secrets} == {
        field: value for field, value in {**filled, "later": 1}.items() if field not in secrets
    }
    # Once more changes nothing, and it can still be read.
    assert without_withheld(name, left, left_data) == (left, left_data)
    assert kind.refusal(left_data, publishing=False) is None


def test_there_are_such_fields() -> None:
    ratings = {"ratings": {"time_well_spent": 1}}
    body = orjson.dumps({"data": ratings})
    left, _ = without_withheld("speedmentor.feedback.feedback-submitted.v1", body, ratings)
    assert left == b'{"data":{"ratings":{}}}'
