"""Errors as they go out (RFC 9457)."""

from marshmallow import Schema, fields


def text(means: str, **more: object) -> fields.String:
    """A text with its meaning."""
    return fields.String(metadata={"description": means}, **more)  # type: ignore[arg-type]


class OneProblem(Schema):
    """One thing that is wrong with a request."""

    field = text("JSON pointer into the body, `?name` of the query, or a column of a file", required=True)
    what = text("what is wrong", required=True)
    remedy = text("what mends it", required=True)
    file = text("the file it is in, of files")
    row = fields.Integer(metadata={"description": "the row it is in as a spreadsheet counts; the header is row 1"})
    rows = fields.List(fields.Integer(), metadata={"description": "of one cause in many rows: the first of them"})
    count = fields.Integer(metadata={"description": "of one cause in many rows: how many they are"})
    confirm = fields.List(
        fields.String(),
        metadata={"description": "send these codes as `confirmed` with the same request to say that it is right"},
    )


class ProblemDocument(Schema):
    """What went wrong, and how to mend it."""

    type = text("`urn:speedmentor:problem:` and the code", required=True)
    title = text("the kind of problem, for people", required=True)
    status = fields.Integer(required=True, metadata={"description": "the HTTP status"})
    detail = text("what went wrong this time, for people", required=True)
    instance = text("`urn:uuid:` and the correlation id, by which the logs of all services tell more", required=True)
    code = text("the kind of problem, for programs", required=True)
    problems = fields.List(fields.Nested(OneProblem), metadata={"description": "every single fault"})
    current = fields.Dict(metadata={"description": "with code `stale`: what holds now"})
