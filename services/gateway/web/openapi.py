"""The API document (OpenAPI 3.1), written by flask-smorest from the schemas that check the requests."""

from typing import Any

from flask_smorest import Api
from werkzeug.exceptions import HTTPException

from services.gateway.auth import COOKIE
from services.gateway.schemas.problem_document import ProblemDocument
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


class DocumentedApi(Api):
    """flask-smorest's API with our errors, log-in and idempotency."""

    ERROR_SCHEMA = ProblemDocument
    DEFAULT_ERROR_RESPONSE_NAME = "DEFAULT_ERROR"

    def __init__(self, app: Any) -> None:
        # Not "any of several schemas" but the media type of the errors is what differs here.
        super().__init__(app, spec_kwargs={"info": {"description": _SUMMARY, "license": {"name": "Apache-2.0"}}})

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
        for path in self.spec._paths.values():
            for method in _CHANGING:
                operation = path.get(method)
                if operation is not None and "security" not in operation:
                    operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
        for response in components.responses.values():
            content = response.get("content", {})
            if "application/json" in content:
                content[problems.CONTENT_TYPE] = content.pop("application/json")
        # No rule of the standard, but readers look for the server first.
        self.spec.options.setdefault("servers", [{"url": "/"}])
