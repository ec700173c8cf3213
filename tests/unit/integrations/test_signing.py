"""Signatures, as a receiver with the public library checks them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from services.integrations.domain.signing import (
    OLD_SECRET_SIGNS,
    Secret,
    headers,
    raw_secret,
    rotated,
    secret_from,
    valid,
)

ID = "0198f3a2-7c11-7abc-8def-0123456789ab"
raw = st.binary(min_size=24, max_size=64)


@given(raw=raw, body=st.text().map(str.encode), offset=st.integers(-14, 14))
def test_the_public_library_takes_what_is_signed_whatever_the_offset_of_the_time(
    raw: bytes, body: bytes, offset: int
) -> None:
    # The library's own signing takes the wall clock of an aware time for UTC; only its verifying is trusted here.
    now = datetime.now(timezone(timedelta(hours=offset)))
    secret = secret_from(raw)
    sent = headers([Secret(secret)], ID, now, body)
    Webhook(secret).verify(body, dict(sent), json_parse=False)
    assert sent["webhook-id"] == ID
    assert sent["webhook-timestamp"] == str(int(now.timestamp()))


@given(raw=raw, other=raw, body=st.text(min_size=1).map(str.encode))
def test_another_secret_another_body_another_id_or_an_old_time_is_refused(
    raw: bytes, other: bytes, body: bytes
) -> None:
    now = datetime.now(UTC)
    sent = dict(headers([Secret(secret_from(raw))], ID, now, body))
    receiver = Webhook(secret_from(raw))
    if other != raw:
        with pytest.raises(WebhookVerificationError):
            Webhook(secret_from(other)).verify(body, sent, json_parse=False)
    for changed, theirs in ((body + b" ", sent), (body, {**sent, "webhook-id": "x"})):
        with pytest.raises(WebhookVerificationError):
            receiver.verify(changed, theirs, json_parse=False)
    old = dict(headers([Secret(secret_from(raw))], ID, now - timedelta(minutes=6), body))
    with pytest.raises(WebhookVerificationError):
        receiver.verify(body, old, json_parse=False)


def test_the_example_of_the_specification_libraries_gives_the_signature_they_state() -> None:
    # From the tests of the reference libraries.
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    sent = headers(
        [secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), b'{"test": 2432232314}'
    )
    assert sent["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_during_a_rotation_both_secrets_sign_and_afterwards_only_the_new_one() -> None:
    # The public library goes by the machine's clock, so the rotation was some time ago.
    now = datetime.now(UTC)
    first, second, third = (secret_from(bytes([number]) * 32) for number in (1, 2, 3))
    in_between = rotated([Secret(first)], second, now - timedelta(hours=1))
    sent = dict(headers(in_between, ID, now, b"{}"))
    assert len(sent["webhook-signature"].split(" ")) == 2
    for each in (first, second):
        Webhook(each).verify(b"{}", sent)
    over = rotated([Secret(first)], second, now - OLD_SECRET_SIGNS)
    assert [each.text for each in valid(over, now)] == [second]
    sent = dict(headers(over, ID, now, b"{}"))
    Webhook(second).verify(b"{}", sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(b"{}", sent)
    twice = rotated(in_between, third, now)
    assert [each.text for each in valid(twice, now)] == [third, second]


@given(raw=raw)
def test_secrets_read_back(raw: bytes) -> None:
    assert raw_secret(secret_from(raw)) == raw


@pytest.mark.parametrize("length", [0, 23, 65])
def test_a_secret_that_is_too_short_or_too_long_is_none(length: int) -> None:
    with pytest.raises(ValueError, match="24 to 64"):
        secret_from(bytes(length))


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_!!!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_YWJj"])
def test_what_is_no_secret_is_not_read_as_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64"):
        raw_secret(text)


def test_an_id_that_could_be_read_in_two_ways_and_a_time_without_offset_are_refused() -> None:
    secret = [Secret(secret_from(bytes(24)))]
    with pytest.raises(ValueError, match="full stop"):
        headers(secret, "a.b", datetime.now(UTC), b"")
    with pytest.raises(ValueError, match="offset"):
        headers(secret, "a", datetime(2026, 1, 1), b"")
