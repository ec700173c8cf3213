"""Who asks, and what that one may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.faults import Forbidden
from shared.messages import say

ORGANIZER: Final = "organizer"
OPERATOR: Final = "operator"
MENTOR: Final = "mentor"
MENTEE: Final = "mentee"
#: Another system: it reads events within its scope, and nothing else.
INTEGRATOR: Final = "integrator"
PARTICIPANTS: Final = frozenset({MENTOR, MENTEE})


@dataclass(frozen=True)
class EventScope:
    """Which events an integrator may read: patterns over short names of types, and programs (None: of all)."""

    types: tuple[str, ...]
    programs: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Principal:
    """A caller: ``subject`` is a participant's id or an account's name.

    An organizer with no ``programs`` may act on all of the organization's, one with no ``sites`` on all of a
    program's sites. A participant has exactly one program and site. An integrator has a ``scope`` and no programs: what
    asks for those is not for it.
    """

    subject: str
    role: str
    org: str
    programs: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    scope: EventScope | None = None

    def organizes(self, org: str, program: str | None = None, site: str | None = None) -> bool:
        """Whether this is an organizer of the organization, the program and the site (where given)."""
        return (
            self.role == ORGANIZER
            and self.org == org
            and (program is None or not self.programs or program in self.programs)
            and (not self.sites if site is None else not self.sites or site in self.sites)
        )

    def knows(self, org: str, program: str) -> bool:
        """Whether the caller may learn that there is such a program; to all others it is as if there were none."""
        return self.role == OPERATOR or (
            self.org == org and (program in self.programs or (self.role == ORGANIZER and not self.programs))
        )

    def require_organizer(self, org: str, program: str | None = None, site: str | None = None) -> None:
        """Raise :class:`Forbidden` unless :meth:`organizes`; ``site`` ``None`` means all of the program's sites."""
        if not self.organizes(org, program, site):
            raise Forbidden(say("only an organizer of this program may do this; log in as one"))

    def require_operator(self) -> None:
        """Raise :class:`Forbidden` unless this is an operator of the platform or an organizer of everything."""
        if self.role != OPERATOR and not (self.role == ORGANIZER and not self.programs and not self.sites):
            raise Forbidden(say("only an operator may do this; log in as one"))

    def scoped(self, key: str | None) -> str | None:
        """An idempotency key as this caller's own: two callers may use the same one without meeting."""
        return f"{self.org}|{self.subject}|{key}" if key else None

    def to_claims(self) -> dict[str, Any]:
        """The principal as claims of a token."""
        scope = self.scope
        return {
            "sub": self.subject,
            "role": self.role,
            "org": self.org,
            "programs": list(self.programs),
            "sites": list(self.sites),
            **({"scope": {"types": scope.types, "programs": scope.programs}} if scope else {}),
        }

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> "Principal":
        """The inverse of :meth:`to_claims`."""
        scope = claims.get("scope")
        return cls(
            claims["sub"],
            claims["role"],
            claims["org"],
            tuple(claims["programs"]),
            tuple(claims["sites"]),
            scope
            and EventScope(tuple(scope["types"]), None if scope["programs"] is None else tuple(scope["programs"])),
        )
