import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.faults import Forbidden, Unauthenticated
from shared.security.principal import MENTEE, MENTOR, OPERATOR, ORGANIZER, Principal
from shared.security.tokens import AUDIENCE, mark_of, read_log_in, sign, verify


def pair() -> tuple[bytes, bytes]:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), public


PRIVATE, PUBLIC = pair()

names = st.text("abcdefghij-", min_size=1, max_size=6)
principals = st.builds(
    Principal,
    subject=names,
    role=st.sampled_from([ORGANIZER, OPERATOR, MENTOR, MENTEE]),
    org=names,
    programs=st.lists(names, max_size=3).map(tuple),
    sites=st.lists(names, max_size=3).map(tuple),
)


@given(principals)
def test_a_token_says_who_was_signed(principal: Principal) -> None:
    assert verify(sign(principal, PRIVATE), PUBLIC) == principal


@given(principals, st.data())
def test_a_token_with_other_claims_is_refused(principal: Principal, data: st.DataObject) -> None:
    head, _, signature = sign(principal, PRIVATE).split(".")
    other = data.draw(principals.filter(lambda each: each != principal))
    claims = json.dumps({**other.to_claims(), "aud": AUDIENCE, "exp": 2**33}).encode()
    forged = ".".join([head, base64.urlsafe_b64encode(claims).rstrip(b"=").decode(), signature])
    with pytest.raises(Unauthenticated):
        verify(forged, PUBLIC)


@given(principals, st.one_of(st.none(), st.uuids().map(str)))
def test_a_token_names_its_log_in_and_what_ends_it(principal: Principal, log_in_id: str | None) -> None:
    before = datetime.now(UTC)
    found = read_log_in(sign(principal, PRIVATE, timedelta(hours=1), log_in_id), PUBLIC)
    assert (found.principal, found.log_in_id) == (principal, log_in_id)
    assert abs(found.expires_at - before - timedelta(hours=1)) < timedelta(minutes=1)
    ends = {log_in_id} if log_in_id else set()
    # Accounts are not erased, and an organizer's may be called as a participant is.
    ends |= {principal.subject} if principal.role in (MENTOR, MENTEE) else set()
    assert set(found.ended_by) == {mark_of(each) for each in ends}
    assert not any(each in str(found.ended_by) for each in ends if len(each) > 6), "and marks name nobody"


@given(st.text(max_size=80))
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        verify(text, PUBLIC)


ANA = Principal("ana", ORGANIZER, "acme")


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        verify(sign(ANA, pair()[0]), PUBLIC)


def test_a_token_that_is_over_says_so() -> None:
    with pytest.raises(Unauthenticated, match="over"):
        verify(sign(ANA, PRIVATE, timedelta(seconds=-1)), PUBLIC)


@pytest.mark.parametrize(
    "claims",
    [{"aud": "somebody-else"}, {"exp": None}, {"sub": None}, {"role": None}, {"programs": None}],
    ids=lambda claims: next(iter(claims)),
)
def test_a_token_that_lacks_something_is_refused(claims: dict[str, str | None]) -> None:
    whole = {**ANA.to_claims(), "aud": AUDIENCE, "exp": 2**33, **claims}
    token = jwt.encode({key: value for key, value in whole.items() if value is not None}, PRIVATE, algorithm="EdDSA")
    with pytest.raises(Unauthenticated):
        verify(token, PUBLIC)


def test_a_log_in_of_just_now_holds_where_the_clock_is_behind() -> None:
    claims = {**ANA.to_claims(), "aud": AUDIENCE, "iat": datetime.now(UTC) + timedelta(hours=1), "exp": 2**33}
    assert verify(jwt.encode(claims, PRIVATE, algorithm="EdDSA"), PUBLIC) == ANA


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    def part(document: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    token = f"{part({'alg': algorithm})}.{part({**ANA.to_claims(), 'aud': AUDIENCE, 'exp': 2**33})}."
    with pytest.raises(Unauthenticated):
        verify(token, PUBLIC)


@pytest.mark.parametrize(
    ("principal", "org", "program", "site", "may"),
    [
        (Principal("a", ORGANIZER, "acme"), "acme", "p", "s", True),
        (Principal("a", ORGANIZER, "acme"), "other", "p", "s", False),
        (Principal("a", ORGANIZER, "acme", ("p",)), "acme", "p", None, True),
        (Principal("a", ORGANIZER, "acme", ("p",)), "acme", "q", None, False),
        (Principal("a", ORGANIZER, "acme", ("p",), ("s",)), "acme", "p", "s", True),
        (Principal("a", ORGANIZER, "acme", ("p",), ("s",)), "acme", "p", "t", False),
        # All of a program's sites is more than one of them.
        (Principal("a", ORGANIZER, "acme", ("p",), ("s",)), "acme", "p", None, False),
        (Principal("m", MENTOR, "acme", ("p",), ("s",)), "acme", "p", "s", False),
        (Principal("o", OPERATOR, "acme"), "acme", "p", "s", False),
    ],
)
def test_who_organizes_what(principal: Principal, org: str, program: str, site: str | None, may: bool) -> None:
    assert principal.organizes(org, program, site) is may
    if may:
        principal.require_organizer(org, program, site)
    else:
        with pytest.raises(Forbidden):
            principal.require_organizer(org, program, site)


@given(principals)
def test_only_operators_and_organizers_of_everything_operate(principal: Principal) -> None:
    everything = principal.role == ORGANIZER and not principal.programs and not principal.sites
    if principal.role == OPERATOR or everything:
        principal.require_operator()
    else:
        with pytest.raises(Forbidden):
            principal.require_operator()
