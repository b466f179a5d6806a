"""Where nothing is posted, however it is written. crm-ops.md WHK-6."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.egress.target import Exits, UnsafeTarget, checked, is_public, target

EVIL = [
    "https://127.0.0.1/", "https://127.0.0.1:8025/v1/keys", "https://127.8.9.1/", "https://0.0.0.0/", "https://0.1.2.3/",
    "https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/", "https://169.254.169.254/",
    "https://169.254.0.1/", "https://100.64.0.1/", "https://192.0.0.8/", "https://192.0.2.7/", "https://198.18.0.1/",
    "https://198.51.100.1/", "https://203.0.113.9/", "https://192.88.99.1/", "https://224.0.0.1/", "https://239.255.255.250/",
    "https://240.0.0.1/", "https://255.255.255.255/",
    "https://[::]/", "https://[::1]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fec0::1]/",
    "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[ff02::1]/", "https://[ff0e::1]/",
    "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:8.8.8.8]/", "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::808:808]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/",
    "https://[2002:808:808::1]/", "https://[2001::1]/", "https://[2001:db8::1]/", "https://[3fff::1]/", "https://[100::1]/",
    "https://[5f00::1]/", "https://[::ffff:0:127.0.0.1]/",
    "https://2130706433/", "https://017700000001/", "https://0x7f000001/", "https://127.1/", "https://127.0.1/",
    "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://127.0.0.1./", "https://127.0.0.01/", "https://1.2.3.4.5/",
    "https://256.1.1.1/", "https://example.0x1/", "https://example.1/",
    "https://user@example.com/", "https://user:pass@example.com/", "https://example.com@127.0.0.1/",
    "https://example.com\\@127.0.0.1/", "https://example.com#@127.0.0.1/", "https://example.com/#a",
    "https://127.0.0.1%2f@example.com/", "https://%31%32%37.0.0.1/", "https://①②⑦.0.0.1/", "https://exämple.com/",
    "https://example.com /", "https://example.com/\n", "https://example.com/\r\nHost: x", "https://example.com\t/",
    " https://example.com/", "https:example.com/", "https:///example.com/", "https://", "https://.example.com/",
    "https://example..com/", "https://-example.com/", "https://exa mple.com/", "https://example.com:0/",
    "https://example.com:65536/", "https://example.com:x/", "https://[::1/", "https://::1/", "https://[v1.a]/",
    "http://example.com/", "http://93.184.216.34/", "http://localhost/", "ftp://example.com/", "file:///etc/passwd",
    "gopher://example.com/", "javascript:alert(1)", "//example.com/", "", "example.com", "https://" + "a" * 2001,
    "https://" + "a." * 130 + "com/",
]  # fmt: skip


@pytest.mark.parametrize("url", EVIL)
def test_whk_6_nothing_is_posted_to_an_evil_address(url: str) -> None:
    with pytest.raises(UnsafeTarget) as refused:
        target(url, Exits())
    assert "user" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com", "https://example.com/", "https://hooks.example.com:8443/a?b=c&d=%20", "https://8.8.8.8/x",
        "https://[2606:4700:4700::1111]:8443/x", "https://xn--exmple-cua.com/", "HTTPS://Example.COM/A", "https://a_b.example.com/",
        "https://example.com./", "https://1password.com/", "https://example.com/~(x)!*'[]@:$,;+",
    ],
)  # fmt: skip
def test_a_usual_address_is_posted_to(url: str) -> None:
    assert target(url, Exits()).url == url


def test_whk_6_a_network_of_ones_own_is_posted_to_where_the_file_allows_it() -> None:
    allowed = Exits(networks=("10.1.0.0/16", "fd00:1::/32"))
    assert target("https://10.1.2.3/", allowed).address == ip_address("10.1.2.3")
    assert target("https://[fd00:1::5]/", allowed)
    for other in ("https://10.2.0.1/", "https://[fd00:2::1]/", "https://[::ffff:10.1.2.3]/", "https://127.0.0.1/"):
        with pytest.raises(UnsafeTarget):
            target(other, allowed)


def test_whk_6_without_tls_only_this_machine_is_posted_to_and_only_where_the_file_allows_it() -> None:
    allowed = Exits(networks=("127.0.0.0/8", "10.0.0.0/8"))
    assert target("http://127.0.0.1:8080/", allowed).plain
    for other in ("http://10.1.2.3/", "http://8.8.8.8/"):
        with pytest.raises(UnsafeTarget):
            target(other, allowed)
    name = target("http://localhost:8080/", allowed)  # what it means, is seen when it is resolved
    assert checked(["127.0.0.1"], name, allowed)
    with pytest.raises(UnsafeTarget):
        checked(["10.1.2.3"], name, allowed)


@pytest.mark.parametrize(
    "found", [[], ["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::1"], ["::ffff:93.184.216.34"], ["169.254.169.254"]]
)
def test_whk_6_a_name_is_judged_by_every_address_it_has(found: list[str]) -> None:
    to = target("https://example.com/", Exits())
    with pytest.raises(UnsafeTarget):
        checked(found, to, Exits())
    assert checked(["93.184.216.34", "2606:4700::1"], to, Exits()) == ["93.184.216.34", "2606:4700::1"]


@given(st.ip_addresses())
def test_whk_6_whatever_is_public_is_public_in_every_list_there_is(address: object) -> None:
    known = ip_address(str(address))
    if is_public(known):
        odd = ("multicast", "private", "loopback", "link_local", "reserved", "unspecified")
        assert known.is_global
        assert [name for name in odd if getattr(known, f"is_{name}")] == []
        assert getattr(known, "ipv4_mapped", None) is None
        assert getattr(known, "sixtofour", None) is None
        assert getattr(known, "teredo", None) is None
