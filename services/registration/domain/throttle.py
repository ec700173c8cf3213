"""How fast guesses at a log-in are looked at, so that guessing is bounded and nobody is locked out.

Failed tries are counted in *lanes*: one of each address, one of each device that was let in before, one of the account.
A lane is a leaky bucket as a meter (generic cell rate algorithm, ITU-T I.371, annex A): all it keeps is the instant at
which it will be empty, so one atomic operation counts a try, and an empty lane need not be kept. How full it is, is its
*backlog* in seconds. Right tries wait and are turned away like wrong ones, or the difference would tell; they fill
nothing.

**Passwords** are few and chosen by people, so what is bounded is how many are looked at: within any T seconds at most
``ACCOUNT.most + T / ACCOUNT.seconds_each`` wrong ones of an account, whatever the number of addresses, devices and
replicas, and of one address ``ADDRESS.most + T / ADDRESS.seconds_each``. The last part of the account's bucket is for
those who need not wait in a lane of their own, and the very last for known devices: who guesses has filled a lane, and
is the first to be turned away. Sources: OWASP Authentication Cheat Sheet, and "Slow Down Online Guessing Attacks with
Device Cookies"; NIST SP 800-63B, 5.2.2, allows 100 failures, and then nobody gets in.

**Access codes** have 60 bits and name the account themselves, so a right one is let in whatever goes on: a hall of
phones has one address. The bound is in their number: with 100,000 people and 10,000 guesses a second it takes
2^60 / 10^9 seconds, 36 years, until one guess is right. Wrong ones are counted by address, so that it can be said.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address


@dataclass(frozen=True)
class Lane:
    """A kind of lane: ``free`` tries at once, then one each ``seconds_each``; none waits over ``longest_wait`` s."""

    free: int
    seconds_each: float
    longest_wait: float = 0.0

    def wait(self, backlog: float) -> float:
        """Seconds that the next try waits."""
        return max(0.0, backlog - (self.free - 1) * self.seconds_each)

    @property
    def fullest(self) -> float:
        """The backlog at which a try still comes in."""
        return (self.free - 1) * self.seconds_each + self.longest_wait

    @property
    def most(self) -> float:
        """Tries that can come in at one time."""
        return self.fullest / self.seconds_each + 1

    def limited(self, free: int) -> "Lane":
        """The same lane for those who may use only so much of it."""
        return Lane(free, self.seconds_each)


#: Passwords from one address, or one device that was let in before: 14 at most at once, the last of them 8 s late.
ADDRESS = DEVICE = Lane(free=10, seconds_each=2.0, longest_wait=8.0)
#: Passwords of one account from everywhere: for known devices, for who does not wait in the own lane, and for who does.
ACCOUNT = Lane(free=100, seconds_each=1.0)
ACCOUNT_FROM_ELSEWHERE, ACCOUNT_FOR_SLOWED = ACCOUNT.limited(80), ACCOUNT.limited(40)
#: Wrong access codes from one address.
CODES = Lane(free=60, seconds_each=5.0, longest_wait=30.0)

#: ``fill(kind, whose, fullest, seconds)``: the backlog of a lane, to which ``seconds`` are added unless it is above
#: ``fullest``; both in one step, whoever else does the same.
Fill = Callable[[str, str, float, float], float]


@dataclass(frozen=True)
class Decision:
    """What becomes of a try: looked at after ``wait`` s, or not at all (None); the next may be in ``retry_after`` s."""

    wait: float | None
    retry_after: int


def try_password(fill: Fill, account: str, address: str, device: str | None, *, right: bool) -> Decision:
    """Count a try of a password; ``device`` names a device that was let in before, ``address`` is an IP address.

    Whether the password is ``right`` must not be told before ``wait`` is over, nor where there is none.
    """
    own, kind, whose = (DEVICE, "device", device) if device else (ADDRESS, "address", network(address))
    backlog = fill(kind, f"{account} {whose}", own.fullest, 0.0 if right else own.seconds_each)
    if backlog > own.fullest:
        return Decision(None, _whole(backlog - own.fullest))
    wait = own.wait(backlog)
    everybody = ACCOUNT_FOR_SLOWED if wait else ACCOUNT if device else ACCOUNT_FROM_ELSEWHERE
    together = fill("account", account, everybody.fullest, 0.0 if right else everybody.seconds_each)
    if together > everybody.fullest:
        return Decision(None, _whole(together - everybody.fullest))
    return Decision(wait, _whole(own.wait(backlog + own.seconds_each)))


def try_code(fill: Fill, address: str, *, right: bool, kind: str = "codes") -> int:
    """Count a try of an access code; seconds after which to try again, 0 for a right one and while few are wrong.

    API keys, which have 256 bits, are a ``kind`` of their own, so that a hall's slips are not another system's.
    """
    if right:
        return 0
    backlog = fill(kind, network(address), CODES.fullest, CODES.seconds_each)
    wait = min(CODES.wait(backlog), CODES.longest_wait)
    return _whole(wait) if wait else 0


def network(address: str) -> str:
    """What an address is counted as: of IPv6 the network of 64 bits, all of which one customer has (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))
