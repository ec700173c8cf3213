"""Who may read which events."""

from services.integrations.domain.scope import Scope
from shared.faults import Forbidden
from shared.messages import say
from shared.security.principal import OPERATOR, ORGANIZER, Principal


def scope_for(principal: Principal) -> Scope:
    """The events that ``principal`` may read.

    An operator reads all; an organizer those of the organization, or of his or her programs, but none who organizes
    single sites only. Of an integrator its account says.

    Raises:
        Forbidden: none.
    """
    if principal.role == OPERATOR:
        return Scope()
    if principal.role == ORGANIZER and not principal.sites:
        return Scope(programs=principal.programs or None, org=principal.org)
    raise Forbidden(say("only organizers of whole programs and integrators may read events; log in as one"))
