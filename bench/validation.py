"""What reading and writing an event costs: ``python bench/validation.py`` writes bench/out/validation.json.

Microseconds per call, the best of several runs, on data of three types; the same data are checked by marshmallow and,
where it is installed, by fastjsonschema from the JSON Schema that integrators get.
"""

import json
import sys
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from marshmallow import RAISE

from shared.events import NewEvent, decode, encode, full_type, seal
from shared.events.catalogue import TYPES
from shared.ids import new_id

OUT = Path(__file__).with_name("out") / "validation.json"
NAMES = ("registration.mentee-registered", "registration.mentor-registered", "matching.meeting-assigned")


def microseconds(call: Callable[[], Any], number: int = 2000) -> float:
    """The best of nine runs: what the call costs when nothing else is in the way."""
    return round(min(timeit.repeat(call, number=number, repeat=9)) / number * 1e6, 2)


def measure(name: str) -> dict[str, float]:
    """The costs of one type of event."""
    kind = TYPES[full_type(name)]
    data = kind.example()
    new = NewEvent(name, data[kind.subject_field], data, org="org", program=data["program_id"], site="jkt")
    place = {"id": new_id(), "ordinal": 7, "time": datetime.now(UTC), "correlationid": new_id()}
    event = seal(new, **place)
    body = encode(event)
    marshmallow = kind.data(unknown=RAISE)
    costs = {
        "body_bytes": len(body),
        "seal": microseconds(lambda: seal(new, **place)),
        "encode_and_validate": microseconds(lambda: encode(event)),
        "decode_and_validate": microseconds(lambda: decode(body)),
        "check": microseconds(lambda: kind.may_be_published(data)),
        "marshmallow": microseconds(lambda: marshmallow.load(data), 200),
    }
    try:
        import fastjsonschema
    except ImportError:
        return costs
    compiled = fastjsonschema.compile(kind.json_schema() | {"additionalProperties": False})
    return costs | {"fastjsonschema": microseconds(lambda: compiled(data))}


def main() -> None:
    """Measure, print and keep."""
    figures = {name: measure(name) for name in NAMES}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"unit": "microseconds", "events": figures}, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
