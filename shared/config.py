"""The settings of a service, read once from the environment, with every fault named at start.

The same names serve the local launcher, compose and Kubernetes. A setting may also be given as a file: where
``NAME`` is not set, ``NAME_FILE`` names a file that holds it, so that secrets need not be in an environment.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shared.clock import Clock, SystemClock, clock_from


class SettingsError(Exception):
    """One or more settings are missing or wrong; the text names each with its remedy, a line each."""


@dataclass(frozen=True)
class Settings:
    """What a service is told from outside. Files hold keys as PEM or raw bytes."""

    service: str
    organization: str
    amqp_uri: str
    mongo_uri: str
    clock: Clock
    log_level: str
    health_host: str
    health_port: int
    http_host: str
    http_port: int
    token_public_key: bytes
    token_private_key: bytes | None
    access_code_key: bytes | None
    organizer_password: str | None
    rpc_timeout: float
    public_url: str
    #: Proxies in front of the gateway whose ``X-Forwarded-…`` headers tell the client's address.
    trusted_proxies: int = 0
    #: The broker's management API with the account that makes other systems' accounts; None where there is none.
    broker_admin_uri: str | None = None
    #: Scheme, host and port by which other systems reach the broker; None where it is as services do.
    integrators_uri: str | None = None
    #: For how many months before the current one published events are kept for other systems to read.
    events_kept_months: int = 13
    #: One or more keys, a line each, by which secrets of webhooks are kept.
    webhook_key: bytes | None = None
    #: Networks and hosts that webhooks may go to although they are not on the internet, separated by commas.
    webhook_allowed: str = ""


class _Reader:
    """Collects faults instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environ.get(name, "")
        path = self._environ.get(f"{name}_FILE", "")
        if not value and path:
            try:
                value = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                self.faults.append(f"{name}_FILE: cannot read {path} ({error.strerror}); make it readable")
                return ""
        if value:
            return value
        if default is None:
            self.faults.append(f"{name}: not set; give it, or {name}_FILE with a file that holds it")
            return ""
        return default

    def parsed(self, name: str, default: str, parse: Callable[[str], Any], remedy: str) -> Any:
        text = self.text(name, default)
        try:
            return parse(text)
        except ValueError:
            self.faults.append(f"{name}: {text!r} is not valid; {remedy}")
            return parse(default)

    def uri(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(name, default)
        if value and urlsplit(value).scheme not in schemes:
            self.faults.append(f"{name}: not a URI of {' or '.join(schemes)}; begin it with {schemes[0]}://")
        return value

    def clock(self) -> Clock:
        origin, speed = self.text("CLOCK_ORIGIN", ""), self.text("CLOCK_SPEED", "1")
        try:
            return clock_from(origin, float(speed))
        except ValueError as error:
            self.faults.append(
                f"CLOCK_SPEED, CLOCK_ORIGIN: {speed!r}, {origin!r}: {error}; give a number above 0, "
                "and CLOCK_ORIGIN as <real instant>/<event instant> where it is not 1"
            )
            return SystemClock()

    def key(self, name: str, *, required: bool) -> bytes | None:
        path = self._environ.get(name, "")
        if not path:
            if required:
                self.faults.append(f"{name}: not set; name the key file")
            return None
        try:
            return Path(path).read_bytes()
        except OSError as error:
            self.faults.append(f"{name}: cannot read {path} ({error.strerror}); make it readable")
            return None


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _months(text: str) -> int:
    months = int(text)
    if not 0 <= months <= 1200:
        raise ValueError(text)
    return months


def _level(text: str) -> str:
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError(text)
    return text.upper()


def _networks_and_hosts(text: str) -> str:
    for entry in re.split(r"[,\s]+", text.strip()):
        if "/" in entry:
            ipaddress.ip_network(entry)
        elif entry and not re.fullmatch(r"[A-Za-z0-9.:-]+", entry):
            raise ValueError(entry)
    return text


def load(service: str, environ: Mapping[str, str]) -> Settings:
    """Read the settings of ``service`` from ``environ``.

    Raises:
        SettingsError: naming every setting that is missing or wrong, not just the first.
    """
    read = _Reader(environ)
    settings = Settings(
        service=service,
        organization=read.text("ORGANIZATION", "speedmentor"),
        amqp_uri=read.uri("AMQP_URI", ("amqp", "amqps", "pyamqp")),
        # The gateway keeps nothing, so it has no database.
        mongo_uri="" if service == "gateway" else read.uri("MONGO_URI", ("mongodb", "mongodb+srv")),
        clock=read.clock(),
        log_level=read.parsed("LOG_LEVEL", "INFO", _level, "choose DEBUG, INFO, WARNING or ERROR"),
        health_host=read.text("HEALTH_HOST", "127.0.0.1"),
        health_port=read.parsed("HEALTH_PORT", "0", _port, "give a port from 0 to 65535"),
        http_host=read.text("HTTP_HOST", "127.0.0.1"),
        http_port=read.parsed("HTTP_PORT", "8000", _port, "give a port from 0 to 65535"),
        token_public_key=read.key("TOKEN_PUBLIC_KEY_FILE", required=True) or b"",
        token_private_key=read.key("TOKEN_PRIVATE_KEY_FILE", required=service == "gateway"),
        access_code_key=read.key("ACCESS_CODE_KEY_FILE", required=service == "registration"),
        organizer_password=read.text("ORGANIZER_PASSWORD", None if service == "gateway" else "") or None,
        rpc_timeout=read.parsed("RPC_TIMEOUT", "10", float, "give a number of seconds"),
        public_url=read.text("PUBLIC_URL", ""),
        broker_admin_uri=read.uri("BROKER_ADMIN_URI", ("http", "https"), "") or None,
        integrators_uri=read.uri("INTEGRATORS_URI", ("amqp", "amqps"), "") or None,
        events_kept_months=read.parsed("EVENTS_KEPT_MONTHS", "13", _months, "give a number of months from 0 to 1200"),
        trusted_proxies=read.parsed("TRUSTED_PROXIES", "0", _port, "give the number of proxies in front"),
        webhook_key=read.key("WEBHOOK_KEY_FILE", required=service == "integrations"),
        webhook_allowed=read.parsed(
            "WEBHOOK_ALLOWED", "", _networks_and_hosts, "give networks such as 10.20.0.0/16 and names of hosts"
        ),
    )
    if read.faults:
        raise SettingsError("\n".join(dict.fromkeys(read.faults)))
    return settings
