from pathlib import Path
from typing import Any

import pytest

from shared.clock import SystemClock
from shared.config import SettingsError, load


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """Settings with which every service starts."""
    for name in ("public", "private", "codes"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "password").write_text("open sesame\n")
    return {
        "AMQP_URI": "amqp://broker/speedmentor",
        "MONGO_URI": "mongodb://database/registration",
        "TOKEN_PUBLIC_KEY_FILE": str(tmp_path / "public"),
        "TOKEN_PRIVATE_KEY_FILE": str(tmp_path / "private"),
        "ACCESS_CODE_KEY_FILE": str(tmp_path / "codes"),
        "ORGANIZER_PASSWORD_FILE": str(tmp_path / "password"),
    }


def faults(service: str, environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(service, environ)
    return str(caught.value).splitlines()


def test_what_is_not_given_has_a_default(given: dict[str, str]) -> None:
    settings = load("registration", given)
    assert (settings.organization, settings.clock, settings.log_level) == ("speedmentor", SystemClock(), "INFO")
    assert (settings.health_host, settings.health_port) == ("127.0.0.1", 0)
    assert settings.token_public_key == b"public"
    assert settings.access_code_key == b"codes"


@pytest.mark.parametrize(
    ("service", "missing"),
    [
        ("registration", {"AMQP_URI", "MONGO_URI", "TOKEN_PUBLIC_KEY_FILE", "ACCESS_CODE_KEY_FILE"}),
        ("matching", {"AMQP_URI", "MONGO_URI", "TOKEN_PUBLIC_KEY_FILE"}),
        ("integrations", {"AMQP_URI", "MONGO_URI", "TOKEN_PUBLIC_KEY_FILE", "WEBHOOK_KEY_FILE"}),
        ("gateway", {"AMQP_URI", "TOKEN_PUBLIC_KEY_FILE", "TOKEN_PRIVATE_KEY_FILE", "ORGANIZER_PASSWORD"}),
    ],
)
def test_every_missing_setting_is_named_at_once(service: str, missing: set[str]) -> None:
    assert {line.partition(":")[0] for line in faults(service, {})} == missing


def test_a_secret_may_be_in_a_file(given: dict[str, str]) -> None:
    assert load("gateway", given).organizer_password == "open sesame"
    assert load("gateway", given | {"ORGANIZER_PASSWORD": "direct"}).organizer_password == "direct"


def test_a_service_gets_no_database_or_key_that_it_does_not_need(given: dict[str, str]) -> None:
    assert load("gateway", given).mongo_uri == ""
    del given["ACCESS_CODE_KEY_FILE"], given["TOKEN_PRIVATE_KEY_FILE"]
    settings = load("matching", given)
    assert settings.access_code_key is None
    assert settings.token_private_key is None


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("AMQP_URI", "http://broker", "begin it with amqp://"),
        ("MONGO_URI", "postgres://x", "begin it with mongodb://"),
        ("HEALTH_PORT", "65536", "'65536' is not valid"),
        ("HTTP_PORT", "eighty", "'eighty' is not valid"),
        ("LOG_LEVEL", "loud", "choose DEBUG, INFO, WARNING or ERROR"),
        ("RPC_TIMEOUT", "soon", "give a number of seconds"),
        ("WEBHOOK_ALLOWED", "10.0.0.1/8", "give networks such as 10.20.0.0/16"),
        ("WEBHOOK_ALLOWED", "https://x", "give networks such as 10.20.0.0/16"),
        ("CLOCK_SPEED", "0", "the speed must be above 0"),
        ("CLOCK_ORIGIN", "now", "CLOCK_ORIGIN"),
        ("TOKEN_PUBLIC_KEY_FILE", "/nowhere/key.pem", "cannot read /nowhere/key.pem"),
        ("ORGANIZATION_FILE", "/nowhere/org", "cannot read /nowhere/org"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(given: dict[str, str], name: str, value: str, says: str) -> None:
    (line,) = faults("registration", given | {name: value})
    assert name in line
    assert says in line


def test_faults_do_not_show_secrets(given: dict[str, Any]) -> None:
    lines = faults("registration", given | {"AMQP_URI": "http://user:hunter2@broker"})
    assert "hunter2" not in "".join(lines)
