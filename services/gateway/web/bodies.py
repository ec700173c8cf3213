"""Reading the bodies of requests: bounded, and every fault in them named by its place."""

from dataclasses import replace
from typing import Any

from flask import Request
from marshmallow import Schema
from webargs import core
from webargs.flaskparser import FlaskParser, is_json_request

from services.gateway.domain.json_documents import UnreadableError, read
from services.gateway.web.refusals import refusal, unreadable
from shared.faults import Invalid
from shared.messages import say
from shared.values import problems_in


class BoundedParser(FlaskParser):
    """webargs' parser, with the bounds that :mod:`json_documents <services.gateway.domain.json_documents>` has."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The document in the body; ``missing`` where there is none."""
        data = req.get_data(cache=True)
        if not data:
            return core.missing
        if not is_json_request(req):
            raise refusal(415)
        try:
            document, problems = read(data)
        except UnreadableError as error:
            raise unreadable(error.detail) from error
        if problems:
            raise Invalid(say("The request is not valid; every fault is named."), problems)
        return document

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """What the address asks for."""
        problems = [replace(each, field=f"?{each.field[1:]}") for each in problems_in(req.args.to_dict())]
        if problems:
            raise Invalid(say("The request is not valid; every fault is named."), problems)
        return super().load_querystring(req, schema)
