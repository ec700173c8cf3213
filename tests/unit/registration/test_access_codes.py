"""Access codes: typed as people type, told by nobody without the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.access_codes import ALPHABET, AccessCodes

KEY = b"0123456789abcdef0123456789abcdef"
ids = st.uuids().map(str)


@given(ids)
def test_a_code_is_the_same_every_time_and_looks_like_one(participant_id):
    code = AccessCodes(KEY).code(participant_id)
    assert code == AccessCodes(KEY).code(participant_id)
    groups = code.split("-")
    assert [len(each) for each in groups] == [4, 4, 4]
    assert set("".join(groups)) <= set(ALPHABET)


@given(ids, st.randoms())
def test_a_code_is_known_however_it_is_typed(participant_id, random):
    codes = AccessCodes(KEY)
    code = codes.code(participant_id)
    typed = "".join(
        random.choice({"1": "1IiLl", "0": "0Oo"}.get(each, each + each.lower())) for each in code.replace("-", "")
    )
    typed = random.choice(["", " ", "-"]).join(typed[at : at + 4] for at in range(0, 12, 4))
    assert codes.fingerprint(f" {typed}\n") == codes.fingerprint(code) is not None


@given(ids)
def test_another_key_makes_another_code_and_fingerprint(participant_id):
    codes, others = AccessCodes(KEY), AccessCodes(KEY[::-1])
    code = codes.code(participant_id)
    assert others.code(participant_id) != code
    assert others.fingerprint(code) != codes.fingerprint(code)
    assert code.replace("-", "") not in (codes.fingerprint(code) or "").upper()


def test_codes_of_many_differ_and_use_all_their_bits():
    codes = AccessCodes(KEY)
    made = {codes.code(f"participant-{number}") for number in range(20_000)}
    assert len(made) == 20_000
    for place in (0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13):
        assert {code[place] for code in made} == set(ALPHABET)


@given(st.text(max_size=30))
def test_what_is_no_code_has_no_fingerprint_or_is_twelve_symbols(typed):
    found = AccessCodes(KEY).fingerprint(typed)
    assert found is None or len(found) == 64


@pytest.mark.parametrize("typed", ["", "K7QF", "K7QF-2M9X-7TBDD", "K7QF-2M9X-7TBU", "K7QF/2M9X/7TBD"])
def test_what_cannot_be_a_code_is_known_as_such(typed):
    assert AccessCodes(KEY).fingerprint(typed) is None


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        AccessCodes(b"short")
