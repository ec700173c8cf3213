"""Where webhooks may be sent: not into the network that the sender itself stands in.

An endpoint's address is a stranger's. Its host is resolved by the sender, every address is judged here, and the
connection goes to an address that was judged. Sources: OWASP API Security Top 10 (2023), API7; IANA IPv4 and IPv6
Special-Purpose Address Registries; RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4291 (IPv4 in IPv6), RFC 5214 (ISATAP).
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import idna

from shared.faults import Invalid, Problem
from shared.messages import Message, say

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL: Final = 2000
_PORTS: Final = {"https": 443, "http": 80}
#: What a URL is made of (RFC 3986). What parsers take in different ways, such as a backslash or a line break, is out.
_CHARACTERS: Final = re.compile(r"[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%\[\]]+")
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")

_RESERVED: Final = say("{address} is not in use on the internet")
#: Not reached from outside, or not one machine's: what is said of them, and the networks.
_SPECIAL: Final = (
    (say("{address} is the machine itself"), ("127.0.0.0/8", "::1/128")),
    (say("{address} is the address of no machine"), ("0.0.0.0/8", "::/128")),
    (
        say("{address} is in a private network"),
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10", "64:ff9b:1::/48"),
    ),
    (say("{address} is on the own link only"), ("169.254.0.0/16", "fe80::/10")),
    (say("{address} is in a carrier's own network"), ("100.64.0.0/10",)),
    (say("{address} is a group of machines"), ("224.0.0.0/4", "ff00::/8")),
    (
        _RESERVED,
        (
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
        ),
    ),
)
_NETWORKS: Final = [(ipaddress.ip_network(each), said) for said, those in _SPECIAL for each in those]
#: All that is given to hosts of the internet today.
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
#: Where clouds tell a machine its own secrets. No list of the operator opens these.
_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
        ),
    )
)
#: IPv6 networks in which an IPv4 address is the last 32 bits: those in use (mapped, NAT64), and those that were once.
_TRANSLATED: Final = tuple(map(ipaddress.IPv6Network, ("::ffff:0:0/96", "64:ff9b::/96")))
_CARRIERS: Final = (*_TRANSLATED, *map(ipaddress.IPv6Network, ("::ffff:0:0:0/96", "::/96")))
_SIX_TO_FOUR: Final = ipaddress.IPv6Network("2002::/16")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})


@dataclass(frozen=True)
class Allowed:
    """What the operator allows although it is not on the internet: networks, and hosts by their names."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def parse(cls, text: str) -> "Allowed":
        """A list such as ``10.20.0.0/16, hooks.example.org``, separated by commas or spaces.

        Raises:
            ValueError: an entry is neither; a network with bits of a host in it is one too.
        """
        networks: list[Network] = []
        hosts: set[str] = set()
        for entry in re.split(r"[,\s]+", text.strip()):
            if not entry:
                continue
            if "/" in entry or _literal(entry) is not None:
                networks.append(ipaddress.ip_network(entry))
            else:
                hosts.add(_name(entry))
        return cls(tuple(networks), frozenset(hosts))

    def takes(self, host: str, address: Address | None) -> bool:
        """Whether ``host``, or the address that it has, is in the list."""
        if host in self.hosts:
            return True
        return address is not None and any(
            address.version == network.version and address in network for network in self.networks
        )


@dataclass(frozen=True)
class Target:
    """A checked address of an endpoint, in the parts that a request is made of; nobody parses it a second time."""

    url: str
    is_tls: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """What goes into ``Host``."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS["https" if self.is_tls else "http"] else f"{name}:{self.port}"


def refusal(host: str, address: str, allowed: Allowed) -> Message | None:
    """Why nothing is sent to ``address`` (of ``host``), or None. An address in an address is judged as well."""
    judged = ipaddress.ip_address(address.partition("%")[0])
    inner = embedded(judged)
    for each in (judged, inner):
        if each in _METADATA:
            return say("{address} is where clouds keep secrets of the machine", address=str(each))
    if allowed.takes(host, judged) or (inner is not None and allowed.takes(host, inner)):
        return None
    shown = str(judged) if inner is None else f"{judged} ({inner})"
    said = (_said_of(inner) if inner is not None else None) or _said_of(judged)
    return None if said is None else Message(said.msgid, {"address": shown})


def embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to ``address`` may end up at, where it is an IPv6 one that carries one."""
    if address.version == 4:
        return None
    number = int(address)
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address((number >> 80) & 0xFFFFFFFF)
    # "::" and "::1" are addresses of their own.
    if (number > 1 and any(address in each for each in _CARRIERS)) or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    return None


def target_of(url: str, allowed: Allowed) -> Target:
    """The parts of ``url``, if webhooks may be sent there as far as can be told without resolving its name.

    Raises:
        Invalid: it is no such URL; ``/url`` is named with the reason and the remedy.
    """
    # A name may have letters of any script, the rest may not.
    fits = 0 < len(url) <= LONGEST_URL and _CHARACTERS.fullmatch(url.encode("ascii", "replace").decode())
    try:
        parts = urlsplit(url if fits else "")
        port = parts.port
    except ValueError:
        raise _invalid(say("it is not a URL"), say("write it as https://hooks.example.org/path")) from None
    if not fits or not (parts.path + parts.query).isascii():
        raise _invalid(
            say("it is empty, too long, or has characters that a URL cannot have"),
            say("write it as https://hooks.example.org/path, with other characters in percent-encoding"),
        )
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname:
        raise _invalid(say("it does not begin with https://"), say("write it as https://hooks.example.org/path"))
    if "@" in parts.netloc or "#" in url:
        raise _invalid(say("it has a password or a part after #"), say("leave that out; requests are signed instead"))
    host, literal = _host(parts.hostname)
    if port == 0 or (parts.netloc.endswith(":") and port is None):
        raise _invalid(say("its port is not one"), say("give a port from 1 to 65535, or none"))
    if literal is not None and (reason := refusal(host, str(literal), allowed)):
        raise _invalid(
            reason,
            say("give an address on the internet; the operator can allow others by WEBHOOK_ALLOWED"),
        )
    if scheme == "http" and not allowed.takes(host, literal):
        raise _invalid(
            say("it is not encrypted"), say("use https://; the operator can allow this host by WEBHOOK_ALLOWED")
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(url, scheme == "https", host, port or _PORTS[scheme], path)


def _host(text: str) -> tuple[str, Address | None]:
    literal = _literal(text)
    if literal is not None:
        return str(literal), literal
    try:
        return _name(text), None
    except ValueError:
        raise _invalid(
            say("its host is not a name or an address"),
            say("give a name such as hooks.example.org, or an address in its usual form"),
        ) from None


def _literal(text: str) -> Address | None:
    # A zone ("%eth0") is an interface of the sender's.
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _name(text: str) -> str:
    """The name as it is looked up: lower case, in ASCII.

    Raises:
        ValueError: it is none. Neither is what ends in a number (127.1, 0x7f.1, 2130706433): to some it is an address.
    """
    name = text.rstrip(".").lower()
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode()
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(each) for each in labels):
        raise ValueError("not a name")
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise ValueError("it ends in a number")
    return name


def _said_of(address: Address) -> Message | None:
    for network, said in _NETWORKS:
        if address.version == network.version and address in network:
            return said
    if address.version == 6 and not any(address in each for each in (_GLOBAL_UNICAST, *_TRANSLATED)):
        return _RESERVED
    return None


def _invalid(what: Message, remedy: Message) -> Invalid:
    return Invalid(say("The address of the webhook cannot be used."), [Problem("/url", what, remedy)])
