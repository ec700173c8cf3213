"""Whether there is what an address names. Whoever owns it can tell; the others know only what they have heard so far.

A service that has not heard of a program cannot say that there is none: the event that tells may be on its way. So
it is asked first, since it nearly always knows, and only where it does not the owner is asked: then the answer is 404
if there is none (or none for this caller), 409 if it exists and cannot be known there, and 503 while nobody can tell.
"""

from collections.abc import Mapping
from typing import Any

from services.gateway import auth
from services.gateway.door import ask
from shared.faults import Conflict, NotFound, NotYet, Unheard
from shared.messages import say
from shared.security.principal import PARTICIPANTS


def ask_of_program(service: str, method: str, /, program_id: str, **arguments: Any) -> Any:
    """Ask ``service`` about a program.

    Raises:
        NotFound: there is no such program for this caller.
        Conflict: it is not published, or was cancelled before that, so only registration knows of it.
        NotYet: it is published, and the service has not heard of it yet; or nobody can tell.
        Fault: whatever else the service answers.
    """
    try:
        return ask(service, method, program_id=program_id, **arguments)
    except Unheard:
        _require_published(require_program(program_id))
        raise


def ask_as_participant(service: str, method: str, /, program_id: str, **arguments: Any) -> Any:
    """The same of what a service knows by the caller's own registration, where the caller is a participant."""
    try:
        return ask_of_program(service, method, program_id=program_id, **arguments)
    except NotFound:
        caller = auth.principal()
        if caller.role in PARTICIPANTS and program_id in caller.programs:
            _require_told_of(caller.subject)
        raise


def ask_of_participant(service: str, method: str, /, participant_id: str, **arguments: Any) -> Any:
    """The same of any participant."""
    try:
        return ask(service, method, participant_id=participant_id, **arguments)
    except NotFound:
        _require_told_of(participant_id)
        raise


def list_of_program(service: str, method: str, /, program_id: str) -> Any:
    """What ``service`` lists of a program; nothing may also mean that there is no such program."""
    found = ask_of_program(service, method, program_id=program_id)
    # Lists within an object count as the list.
    listed = next((each for each in found.values() if isinstance(each, list)), []) if isinstance(found, dict) else found
    if not listed:
        require_program(program_id)
    return found


def require_program(program_id: str) -> Mapping[str, Any]:
    """The program as registration has it; raises :class:`NotFound` or :class:`NotYet`."""
    found: Mapping[str, Any] = ask("registration", "get_program", program_id=program_id)
    return found


def require_site(program_id: str, site_id: str | None) -> None:
    """Raise :class:`NotFound` unless there is such a program, and such a site of it where one is given."""
    sites = require_program(program_id).get("sites", [])
    if site_id is not None and site_id not in {each["site_id"] for each in sites}:
        raise NotFound(say("The program has no such site."))


def _require_told_of(participant_id: str) -> None:
    """Raise what is true of a participant whom a service does not know; :class:`NotFound` where it is right."""
    person = ask("registration", "get_participant", participant_id=participant_id)
    _require_published(require_program(person["program_id"]))
    raise NotYet(say("This participant is not known here yet; try again in a moment."))


def _require_published(program: Mapping[str, Any]) -> None:
    if program["state"] == "draft":
        raise Conflict(say("The program is not published yet; publish it first."))
    if program["state"] == "cancelled":
        raise Conflict(say("The program is cancelled."))
