#!/usr/bin/env bash
# apispec documents less than marshmallow checks: clients and fuzzers that go by the document send what is refused.
#
# Guessed: a JSON Schema made of a marshmallow schema allows what the schema loads, and nothing else.
# Seen, with apispec 6.10.1 (also as flask-smorest 0.47.0 uses it) and marshmallow 4.4.0, under OpenAPI 3.1.0 and 3.0.3:
#   - Range(min=0, min_inclusive=False) becomes "minimum": 0, not "exclusiveMinimum": the document allows 0;
#   - Dict(keys=String(validate=Length(max=3)), ...) becomes an object of any names: no "propertyNames";
#   - Dict(..., validate=Length(1, 2)) becomes "minLength" and "maxLength", which mean nothing for an object;
#   - Nested(..., allow_none=True) becomes, under 3.0.3, "anyOf": [{"type": "object", "nullable": true}, ref]: any object
#     at all is allowed, whatever the nested schema says. Under 3.1.0 it is right ("anyOf": [ref, {"type": "null"}]).
# What to do: add attribute functions for Dict fields and exclusive bounds, and write OpenAPI 3.1.
# Exits with 0 while this is so, and with 1 once it is not.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check apispec==6.10.1 marshmallow==4.4.0 jsonschema==4.25.1
"$folder/venv/bin/python" - <<'PY'
import json
import sys
from importlib.metadata import version

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from jsonschema import Draft202012Validator
from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length, Range


class Inner(Schema):
    name = fields.String()


class Order(Schema):
    amount = fields.Float(validate=Range(min=0, min_inclusive=False))
    labels = fields.Dict(keys=fields.String(validate=Length(max=3)), values=fields.Integer(), validate=Length(1, 2))
    inner = fields.Nested(Inner, allow_none=True)


def made(openapi):
    spec = APISpec("x", "1", openapi, plugins=[MarshmallowPlugin()])
    spec.components.schema("Order", schema=Order)
    return spec.to_dict()["components"]["schemas"]["Order"]["properties"]


def loads(body):
    try:
        Order().load(body)
    except ValidationError:
        return False
    return True


print("apispec", version("apispec"), "marshmallow", version("marshmallow"))
new, old = made("3.1.0"), made("3.0.3")
print(json.dumps({"3.1.0": new, "3.0.3 inner": old["inner"]}, indent=1))
as_before = []
for name, value in (("amount", 0), ("labels", {"long": 1}), ("labels", {})):
    documented = Draft202012Validator({key: each for key, each in new[name].items()}).is_valid(value)
    loaded = loads({name: value})
    print(f"{name} = {value!r}: allowed by the document: {documented}, loaded by the schema: {loaded}")
    as_before.append(documented and not loaded)
as_before.append("exclusiveMinimum" not in new["amount"] and "propertyNames" not in new["labels"])
as_before.append({"minLength", "maxLength"} <= new["labels"].keys())
as_before.append({"type": "object", "nullable": True} in old["inner"]["anyOf"] and not loads({"inner": {"other": 1}}))
sys.exit(0 if all(as_before) else 1)
PY
