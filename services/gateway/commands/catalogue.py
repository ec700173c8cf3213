"""Which commands there are by message, and the request over HTTP that each is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.gateway.routes.common import PREFIX
from shared.faults import Invalid, NotFound, Problem
from shared.messages import say
from shared.messaging.topology import COMMAND_PREFIX, command_key

#: What ids look like in an address.
_is_id = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}").fullmatch


@dataclass(frozen=True, slots=True)
class Command:
    """A command: ``path`` is under the API's prefix, and names in braces are fields of the message's body."""

    method: str
    path: str
    means: str

    @property
    def ids(self) -> list[str]:
        """The fields of the body that go into the address."""
        return re.findall(r"{(\w+)}", self.path)

    def request(self, data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The address, and the body that is left.

        Raises:
            Invalid: an id is missing or is none.
        """
        problems = [
            Problem(
                f"/{name}",
                say("it is missing") if name not in data else say("it is no id"),
                say("give the id as it was answered over HTTP"),
            )
            for name in self.ids
            if not (isinstance(data.get(name), str) and _is_id(data[name]))
        ]
        if problems:
            raise Invalid(say("The request is not valid; every fault is named."), problems)
        address = PREFIX + self.path.format(**{name: data[name] for name in self.ids})
        return address, {name: value for name, value in data.items() if name not in self.ids}


COMMANDS: Final[Mapping[str, Command]] = {
    "register-mentor": Command("POST", "/programs/{program_id}/mentors", "Register a mentor."),
    "register-mentee": Command("POST", "/programs/{program_id}/mentees", "Register a mentee."),
    "check-in": Command("POST", "/participants/{participant_id}/check-in", "Somebody is there."),
    "withdraw": Command("POST", "/participants/{participant_id}/withdrawal", "Somebody takes no part any more."),
    "state-preference": Command(
        "PUT", "/participants/{participant_id}/preferences", "Whom somebody wants to meet, and whom not."
    ),
}


def command_of(routing_key: str) -> tuple[str, Command]:
    """The command that a message with ``routing_key`` gives, by its name.

    Raises:
        NotFound: there is none.
    """
    name = routing_key.removeprefix(COMMAND_PREFIX).rpartition(".")[0]
    if name not in COMMANDS or routing_key != command_key(name):
        raise NotFound(
            say("There is no such command; there are: {known}.", known=", ".join(map(command_key, COMMANDS)))
        )
    return name, COMMANDS[name]
