"""Mail addresses: one mailbox is one person, what cannot be an address is named, a look-alike is asked about."""

import hmac
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain import walk_in
from services.registration.domain.access_codes import AccessCodes
from services.registration.domain.files import read_event
from services.registration.domain.participant import excluded
from services.registration.domain.texts import mailbox
from shared.faults import Conflict, Invalid

HEADER = "ref,name,email,site,languages,motive,topics\n"

# Ways to write one mailbox, the first as it is compared.
SAME = [
    ("ana@x.example", "Ana@x.example", "ana@X.EXAMPLE", "ana@x.example.", "ａｎａ@ｘ．example", "ana@x。example"),
    (
        "a@münchen.example",
        "a@xn--mnchen-3ya.example",
        "A@MÜNCHEN.example",
        "a@mu\u0308nchen.example",
        "a@XN--MNCHEN-3YA.example",
    ),
    ("müller@x.example", "MÜLLER@x.example", "mu\u0308ller@x.example"),
    ("用户@例子.公司", "用户@xn--fsqu00a.xn--55qx5d"),
    ("a@straße.example", "a@xn--strae-oqa.example"),
]


def rows(*addresses):
    return HEADER + "".join(f"e{at},Ana,{each},jkt,en,career,funding\n" for at, each in enumerate(addresses))


@pytest.fixture
def read(files):
    def reader(*addresses, mentor="", confirmed=()):
        files["mentors.csv"] = f"ref,name,email,site,languages,topics\nm1,Ada,{mentor},jkt,en,hiring:3\n"
        event = {**files, "mentees.csv": rows(*addresses)}
        return read_event(event, "org", (f"id-{n}" for n in itertools.count()).__next__, confirmed)

    return reader


@pytest.fixture
def refused(read):
    def reader(*addresses, **more):
        with pytest.raises(Invalid) as caught:
            read(*addresses, **more)
        return caught.value.problems

    return reader


@pytest.mark.parametrize("spellings", SAME)
def test_spellings_of_one_mailbox_are_one_and_are_refused_as_two_people(refused, spellings):
    assert {mailbox.canonical(mailbox.tidy(each)) for each in spellings} == {spellings[0]}
    for one, other in itertools.combinations(spellings, 2):
        (problem,) = refused(one, other)
        assert (problem.row, problem.field, str(problem.what)) == (3, "email", "row 2 has the same")


@pytest.mark.parametrize("invisible", ["\u200b", "\u200d", "\ufeff", "\u00ad", "\u2060", "\u200e"])
@pytest.mark.parametrize("at", [0, 1, 4, 13])
def test_an_invisible_character_makes_no_other_mailbox(refused, invisible, at):
    address = "ana@x.example"
    spelt = address[:at] + invisible + address[at:]
    assert mailbox.canonical(spelt) == address
    problems = refused(address, spelt)
    assert {each.row for each in problems} == {3}
    assert any(f"U+{ord(invisible):04X}" in str(each.what) for each in problems)


NONE = [
    ("an..a@x.example", "two dots"), ("ana@x..example", "two dots"), ("an..a.@x.example", "two dots"),
    ("ana.@x.example", "a dot"), (".ana@x.example", "a dot"), ("ana@.x.example", "a dot"),
    ("ana", "not a mail address"), ("ana@x", "not a mail address"), ("@x.example", "not a mail address"),
    ("ana@", "not a mail address"), ("ana@@x.example", "not a mail address"), ("ana @x.example", "not a mail address"),
    ("ana@x y.example", "not a mail address"), ("ana@-x.example", "not a mail address"),
    ("ana@x_y.example", "not a mail address"), ("ana(home)@x.example", "not a mail address"),
    ("ana@xn--99zzzz.example", "not a mail address"), ("mailto:ana@x.example", "not a mail address"),
    ("Ana <ana@x.example>", "a name with a mail address"), ("ana@x.example / bo@x.example", "several mail addresses"),
    ("a" * 65 + "@x.example", "not a mail address"), ("ana@" + "x" * 64 + ".example", "not a mail address"),
    ("anonymous", "not a mail address"), ("ana@☃.example", "not a mail address"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "what"), NONE)
def test_what_cannot_be_an_address_is_a_fault_with_field_and_remedy(refused, address, what):
    (problem,) = refused(address)
    assert (problem.row, problem.field, problem.confirm) == (2, "email", ())
    assert what in str(problem.what)
    assert str(problem.remedy)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "ana@x.example",
            "a+b@x.example",
            "o'neill@x.example",
            "a/b@x.example",
            "A.B-c_d@sub.x.co.id",
            "x@kantor.local",
        ),
        *(
            "müller@x.example",
            "ана@пример.рф",
            "用户@例子.公司",
            "иван.smith@x.example",
            "山田たろう@x.example",
            "a@x.test",
        ),
        *("ana.müller@münchen.example", "1@x.example", "محمد@x.example", "ñandú@x.example"),
    ],
)
def test_addresses_in_one_script_a_word_are_taken(read, address):
    assert read(address).mentees[0].email == address


@pytest.mark.parametrize(
    ("address", "looks"),
    [
        ("an\u0430@x.example", "a"),
        ("ana@\u0445y.example", "x"),
        ("p\u0430yr\u043ell@x.example", "a"),
        ("an\u03bf@x.example", "o"),
        ("g\u05e1@x.example", "o"),
    ],
)
def test_an_address_with_a_letter_that_only_looks_right_is_asked_about(refused, read, address, looks):
    (problem,) = refused(address)
    assert (problem.row, problem.field) == (2, "email")
    assert f"only looks like “{looks}”" in str(problem.what)
    assert read(address, confirmed=problem.confirm).mentees[0].email == address


@pytest.mark.parametrize(
    "order",
    [
        ("an\u0430@x.example", "ana@x.example"),
        ("ana@x.example", "an\u0430@x.example"),
        ("\u0441\u043e\u0441\u043e@x.example", "coco@x.example"),
    ],
)
def test_two_addresses_that_look_alike_are_asked_about(refused, read, order):
    problems = refused(*order)
    (pair,) = [each for each in problems if "only looks like the address in row 2" in str(each.what)]
    assert (pair.row, pair.field) == (3, "email")
    confirmed = [code for each in problems for code in each.confirm]
    assert len(read(*order, confirmed=confirmed).mentees) == 2


def test_addresses_of_plain_letters_are_never_taken_for_each_other(read):
    assert len(read("annal@x.example", "anna1@x.example", "anna0@x.example", "annao@x.example").mentees) == 4


def test_a_look_alike_in_the_other_table_is_asked_about(refused):
    problems = refused("an\u0430@x.example", mentor="ana@x.example")
    assert any("row 2 of mentors.csv" in str(each.what) for each in problems)


def test_who_is_in_both_tables_with_one_mailbox_never_meets_herself(read):
    found = read("a@xn--mnchen-3ya.example", "bo@x.example", mentor="A@münchen.example")
    assert found.mentors[0].never == (found.mentees[0].id,)
    assert excluded(found.mentors[0], found.mentees[0])


@given(st.from_regex(r"[a-zA-Z0-9.+_-]{1,20}@[a-zA-Z0-9-]{1,20}\.[a-z]{2,9}", fullmatch=True))
def test_the_id_of_an_ordinary_address_is_what_it_always_was(address):
    if mailbox.is_unusual(address):
        return
    before = hmac.digest(b"k" * 32, b"person|org|" + address.casefold().encode(), "sha256").hex()[:32]
    assert AccessCodes(b"k" * 32).person_id("org", address) == before


@pytest.mark.parametrize("spellings", SAME)
def test_one_mailbox_has_one_id_however_it_is_written(spellings):
    codes = AccessCodes(b"k" * 32)
    assert len({codes.person_id("org", each) for each in spellings}) == 1
    assert codes.person_id("org", spellings[0] + "\u200b") == codes.person_id("org", spellings[0])


@given(st.text(max_size=30))
def test_the_one_form_of_a_mailbox_has_itself_as_its_form(text):
    once = mailbox.canonical(text)
    assert mailbox.canonical(once) == once


# At the door


@pytest.fixture
def pair(read):
    """One who is registered, and one who comes with another address."""
    ana, bo = read("a@münchen.example", "bo@x.example").mentees
    return replace(ana, name="Ana"), replace(bo, name="Bo")


def come(person, others, *, confirmed=(), sees=True):
    walk_in.require_new(person, others, confirmed, lambda _: sees)


def test_who_comes_with_the_mailbox_of_somebody_registered_is_asked_whether_it_is_she(pair):
    ana, bo = pair
    with pytest.raises(Conflict) as caught:
        come(replace(bo, email="A@xn--mnchen-3ya.example"), [ana])
    (problem,) = caught.value.problems
    assert problem.field == "/mentee/email"
    assert str(problem.what) == "Ana has it already (site jkt, registered)"


def test_who_may_not_see_the_other_site_learns_nothing_of_her(pair):
    ana, bo = pair
    for email in ("a@münchen.example", "\u0430@münchen.example"):
        with pytest.raises(Conflict) as caught:
            come(replace(bo, email=email), [ana], sees=False)
        said = str(caught.value) + "".join(map(str, caught.value.problems))
        assert "Ana" not in said
        assert "another site" in said


def test_who_comes_with_a_look_alike_is_asked_about_and_let_in_after_a_yes(pair):
    ana, bo = pair
    new = replace(bo, email="\u0430@münchen.example")
    with pytest.raises(Conflict) as caught:
        come(new, [ana])
    come(new, [ana], confirmed=caught.value.problems[0].confirm)


def test_without_an_address_nobody_is_the_same(pair):
    ana, bo = pair
    come(replace(bo, email=""), [replace(ana, email="")])
    come(bo, [ana])
