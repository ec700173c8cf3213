"""What marshmallow says of a value, as messages that can be translated."""

import re
from functools import cache

from shared.messages import Message, say

#: marshmallow's texts for the kinds of fields and rules that our requests have.
TEMPLATES = (
    say("Missing data for required field."),
    say("Unknown field."),
    say("Field may not be null."),
    say("Invalid value."),
    say("Invalid input type."),
    say("Invalid JSON body."),
    say("Not a valid list."),
    say("Not a valid string."),
    say("Not a valid number."),
    say("Not a valid integer."),
    say("Not a valid boolean."),
    say("Not a valid mapping type."),
    say("Must be one of: {choices}."),
    say("Must be greater than or equal to {min}."),
    say("Must be less than or equal to {max}."),
    say("Must be greater than or equal to {min} and less than or equal to {max}."),
    say("Length must be between {min} and {max}."),
    say("Longer than maximum length {max}."),
    say("Shorter than minimum length {min}."),
    say("Give one of the password, the access code and the API key."),
    say("Not a name such as hr-dashboard: small letters, digits and hyphens, up to 40."),
    say("Not a code such as too-few-mentors."),
    say("Not a pattern of types."),
    say("Not types such as registration.#,*.round-ended."),
    say("Not a language tag such as id, en or zh-Hant."),
)


def as_message(text: str) -> Message:
    """The template and the values that ``text`` was made of; a text we do not know stays as it is."""
    for pattern, template in _patterns():
        found = pattern.fullmatch(text)
        if found:
            return Message(template.msgid, found.groupdict())
    return say(text)


@cache
def _patterns() -> list[tuple[re.Pattern[str], Message]]:
    return [(re.compile(_pattern(template.msgid)), template) for template in TEMPLATES]


def _pattern(msgid: str) -> str:
    # Odd pieces are the names of fields. Limits hold no space, so a limit never swallows a second rule.
    pieces = re.split(r"\{(\w+)\}", msgid)
    return "".join(
        (r"(?P<%s>.+)" if piece == "choices" else r"(?P<%s>\S+)") % piece if odd % 2 else re.escape(piece)
        for odd, piece in enumerate(pieces)
    )
