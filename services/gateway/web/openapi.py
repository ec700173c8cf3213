"""The API document (OpenAPI 3.1), written by flask-smorest from the schemas that check the requests."""

from http import HTTPStatus
from typing import Any

from flask_smorest import Api
from marshmallow.fields import Dict, Field, String
from werkzeug.exceptions import HTTPException

from services.gateway.auth import COOKIE
from services.gateway.schemas.problem_document import ProblemDocument
from services.gateway.schemas.views import View
from services.gateway.web import problems

_SUMMARY = """\
Speed mentoring at many sites: programs and their participants, the plan of who meets whom, the timer of each site, and
what came of it.

Times are RFC 3339 in UTC, durations whole seconds. Ids are opaque. What is wrong comes as `application/problem+json`
(RFC 9457) in the language of `Accept-Language` (`en`, `id`), with every fault, its place and its remedy in `problems`.
Repeat a change whose answer got lost with the same `Idempotency-Key`: it takes effect once.
"""

_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": (
        "A fresh random text for each intended change. The same key with the same request has its effect once and gets "
        "the first answer again; with another request it is refused. Without it a repetition may take effect twice."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}

_CHANGING = ("post", "put", "delete")

#: What each refusal means, for whichever operation it is.
_REFUSALS: dict[int, str] = {
    400: "The request cannot be understood: no JSON, too deep, too many values, or no clear end",
    401: "Not logged in, or not any more",
    403: "Not for this caller, or sent from another site",
    404: "There is none, or not for this caller",
    408: "The body did not come in time",
    409: "Not possible in this state, given on an older one, or the idempotency key was used for something else",
    410: "Not kept any more",
    413: "Too large",
    415: "The body is not JSON",
    422: "Something in the request is not valid; every fault is named",
    429: "Too many tries have failed from here",
    503: "Not available yet: a service is away, or has not heard of it yet",
}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {
        "WWW-Authenticate": {"description": "how to log in", "required": True, "schema": {"type": "string"}},
    },
    **{
        status: {
            "Retry-After": {
                "description": "seconds to wait",
                "required": True,
                "schema": {"type": "string", "pattern": "^[0-9]+$"},
            }
        }
        for status in (429, 503)
    },
}


class DocumentedApi(Api):
    """flask-smorest's API with our refusals, log-in and idempotency, and all that the schemas check."""

    ERROR_SCHEMA = ProblemDocument
    #: Every status is there by its name.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Any) -> None:
        super().__init__(app, spec_kwargs={"info": {"description": _SUMMARY, "license": {"name": "Apache-2.0"}}})

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(**options)
        for function in (bounds_of_dicts, characters):
            self.ma_plugin.converter.add_attribute_function(function)

    def handle_http_exception(self, error: HTTPException) -> Any:
        """A problem document, as for every other fault."""
        return problems.of_http(error)

    def complete(self) -> None:
        """Add what is the same for all operations; after all blueprints are registered."""
        components = self.spec.components
        components.security_scheme("token", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
        components.security_scheme("cookie", {"type": "apiKey", "in": "cookie", "name": COOKIE})
        components.parameter("IdempotencyKey", "header", _KEY)
        self.spec.options["security"] = [{"token": []}, {"cookie": []}]
        for path, item in self.spec._paths.items():
            for method, operation in item.items():
                if method in ("get", *_CHANGING):
                    _complete(path, method, operation)
        components.responses.clear()
        for status, means in _REFUSALS.items():
            components.responses[_name(status)] = {
                "description": means,
                "headers": _HEADERS.get(status, {}),
                "content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
            }
        # Of the ways to log in, one at a time.
        components.schemas["LogIn"] |= {"minProperties": 1, "maxProperties": 1}
        # flask-smorest's own, for lists in pages: there are none here.
        components.schemas.pop("PaginationMetadata", None)
        # No rule of the standard, but readers look for the server first.
        self.spec.options.setdefault("servers", [{"url": "/"}])


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Say which statuses the operation can give: by what it takes, and those that its route names."""
    signed = "security" not in operation
    changing = method in _CHANGING
    if signed and changing:
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
    statuses = {400, *operation.pop("x-refusals", ())}
    if signed:
        statuses.add(401)
    if changing:
        # A cookie that another site made a browser send, and a body that is too large for anything.
        statuses |= {403, 413}
    if signed and changing:
        statuses |= {409, 503}
    if "{" in path:
        statuses |= {404, 503}
    if "requestBody" in operation:
        statuses |= {408, 415}
    if operation.get("parameters") or "requestBody" in operation:
        statuses.add(422)
    answers = operation["responses"]
    for status in list(answers):
        if not status.startswith("2"):
            del answers[status]
    for status in sorted(statuses):
        answers[str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def bounds_of_dicts(self: Any, field: Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """What apispec leaves out of an object of any names: how many there may be, and what they look like."""
    if not isinstance(field, Dict):
        return {}
    bounds = {}
    for given, right in (("minLength", "minProperties"), ("maxLength", "maxProperties")):
        if given in ret:
            bounds[right] = ret.pop(given)
    if field.key_field is not None:
        bounds["propertyNames"] = self.field2property(field.key_field)
    return bounds


def characters(self: Any, field: Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """That a text that comes in has no NUL in it (:mod:`shared.values`)."""
    comes_in = isinstance(field, String) and not isinstance(field.root, View) and not field.dump_only
    return {"pattern": r"^[^\u0000]*$"} if comes_in and not {"pattern", "enum"} & ret.keys() else {}
