"""Where webhooks may be sent."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integrations.domain.addresses import Allowed, embedded, refusal, target_of
from shared.faults import Invalid

NOBODY = Allowed()
HOST = "hooks.example.org"

OWN = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "168.63.129.16",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "::8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::1",
    "2002:a00:1::",
    "2600:1234::5efe:10.0.0.1",
    "2600:1234::200:5efe:192.168.0.1",
    "fd00:ec2::254",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", OWN)
def test_the_own_network_is_refused_in_every_spelling(address: str) -> None:
    assert refusal(HOST, address, NOBODY) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internet_is_not(address: str) -> None:
    assert refusal(HOST, address, NOBODY) is None


v4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
v6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)


@given(address=v4 | v6)
def test_what_is_let_through_is_global_to_the_standard_library_too(address: ipaddress.IPv4Address) -> None:
    if refusal(HOST, str(address), NOBODY) is None:
        inner = embedded(address)
        assert (inner or address).is_global
        assert not (inner or address).is_multicast


@given(inner=v4)
def test_an_address_in_an_address_is_judged_like_the_one_inside(inner: ipaddress.IPv4Address) -> None:
    plain = refusal(HOST, str(inner), NOBODY)
    number = int(inner)
    for outer in (
        (0xFFFF << 32) | number,
        (0x64FF9B << 96) | number,
        (0x2002 << 112) | (number << 80),
        (0x2600 << 112) | (0x5EFE << 32) | number,
    ):
        carrier = ipaddress.IPv6Address(outer)
        assert embedded(carrier) == inner
        assert (refusal(HOST, str(carrier), NOBODY) is None) == (plain is None)


def test_the_operator_opens_networks_and_hosts_but_never_where_clouds_keep_secrets() -> None:
    allowed = Allowed.parse("10.20.0.0/16, fd12::/16 Hooks.Example.org,192.168.7.7,0.0.0.0/0")
    narrow = Allowed.parse("10.20.0.0/16 fd12::/16")
    assert refusal("any", "10.20.3.4", narrow) is None
    assert refusal("any", "::ffff:10.20.3.4", narrow) is None
    assert refusal("any", "fd12::1", narrow) is None
    assert refusal("any", "10.21.3.4", narrow) is not None
    assert refusal("any", "::1", narrow) is not None
    assert refusal(HOST, "172.16.0.1", Allowed.parse(HOST)) is None
    assert refusal("other.example.org", "172.16.0.1", Allowed.parse(HOST)) is not None
    for metadata in ("169.254.169.254", "::ffff:169.254.169.254", "100.100.100.200", "fd00:ec2::254"):
        assert refusal(HOST, metadata, allowed) is not None


@pytest.mark.parametrize("text", ["10.20.0.1/16", "10.0.0.0/33", "a b/c", "1.2.3", "-x", "über mich/3"])
def test_a_list_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of ipaddress, idna or our own
        Allowed.parse(text)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "header"),
    [
        ("https://hooks.example.org", HOST, 443, "/", HOST),
        ("HTTPS://Hooks.Example.ORG.:8443/a/b?c=d", HOST, 8443, "/a/b?c=d", f"{HOST}:8443"),
        ("https://bücher.example/x", "xn--bcher-kva.example", 443, "/x", "xn--bcher-kva.example"),
        ("https://8.8.8.8:443/%41", "8.8.8.8", 443, "/%41", "8.8.8.8"),
        ("https://[2606:4700::1111]:444/", "2606:4700::1111", 444, "/", "[2606:4700::1111]:444"),
    ],
)
def test_a_url_is_taken_apart_once(url: str, host: str, port: int, path: str, header: str) -> None:
    target = target_of(url, NOBODY)
    assert (target.is_tls, target.host, target.port, target.path, target.host_header) == (
        True,
        host,
        port,
        path,
        header,
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "//hooks.example.org/",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "http://hooks.example.org/",
        "https://",
        "https:///x",
        "https://user:word@hooks.example.org/",
        "https://hooks.example.org@127.0.0.1/",
        "https://hooks.example.org/#part",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:/",
        "https://hooks.example.org:65536/",
        "https://hooks.example.org:x/",
        "https://hooks.example.org\\@127.0.0.1/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nHost: x",
        " https://hooks.example.org/",
        "https://hooks.example.org/ü",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://-x.example/",
        "https://x_y.example/",
        "https://a..b/",
        "https://①②⑦.⓪.⓪.①/",
        "https://" + "a" * 64 + ".example/",
        "https://hooks.example.org/" + "a" * 2000,
    ],
)
def test_what_is_no_address_of_a_receiver_is_refused_by_name(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        target_of(url, NOBODY)
    assert [each.field for each in refused.value.problems] == ["/url"]


@given(url=st.text() | st.text().map(lambda rest: "https://" + rest) | st.from_regex(r"https?://[^/]{0,20}/.{0,9}"))
def test_no_text_is_too_strange(url: str) -> None:
    try:
        target = target_of(url, NOBODY)
    except Invalid:
        return
    assert target.is_tls
    assert target.host.isascii()
    assert target.path.isascii()


def test_without_encryption_only_where_the_operator_says_so() -> None:
    allowed = Allowed.parse("127.0.0.0/8 receiver.internal")
    assert not target_of("http://127.0.0.1:8080/", allowed).is_tls
    assert target_of("http://receiver.internal/x", allowed).port == 80
    with pytest.raises(Invalid):
        target_of("http://hooks.example.org/", allowed)
