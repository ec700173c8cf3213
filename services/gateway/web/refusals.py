"""Refusals that only a door knows."""

from shared.faults import Fault
from shared.messages import Message, say


class Refused(Fault):
    """A request that HTTP itself does not allow; ``status`` is the HTTP status that says so."""

    def __init__(self, status: int, code: str, detail: Message) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code  # type: ignore[misc]


def refusal(status: int) -> Refused:
    """The refusal for an HTTP status that the framework gave."""
    code, detail = _BY_STATUS.get(status, _OTHER)
    return Refused(status, code, detail)


def unreadable(detail: Message) -> Refused:
    """The refusal of a body that cannot be read, with the reason."""
    return Refused(400, _OTHER[0], detail)


def malformed(header: str) -> Refused:
    """The refusal of a request that two readers could understand in two ways because of ``header``."""
    return Refused(
        400,
        _OTHER[0],
        say("The header {header} is missing, not valid, or there more than once; send it once.", header=header),
    )


_OTHER = ("bad-request", say("The request cannot be understood; compare it with /openapi.json."))
_BY_STATUS = {
    404: ("no-such-address", say("There is nothing at this address; all addresses are in /openapi.json.")),
    405: ("no-such-method", say("This address does not know that method; all methods are in /openapi.json.")),
    408: ("too-slow", say("The body did not come in time; send it again, over a better line or in smaller parts.")),
    413: ("too-large", say("The request is too large; send at most 20 MB of files, or 1 MB of anything else.")),
    415: ("not-json", say("The request is not JSON; send it with Content-Type: application/json.")),
    500: ("fault", say("Something went wrong inside; the operators find it in the log by the instance given here.")),
}
