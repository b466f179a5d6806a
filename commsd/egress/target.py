"""Where commsd may post to: addresses in the open Internet, and those networks of one's own that the file allows.

Pure. A URL is judged as written; what its name resolves to is judged anew at each post, by `posting`. crm-ops.md WHK-6.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from commsd.errors import Refused

Address = IPv4Address | IPv6Address
LONGEST = 2000

_WHOLE = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?][!$-\[\]-~]*)?",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SECRET_SAFE = "write it as https://host.example.com/path, with the port behind the host where it needs one"

GLOBAL_V6 = ip_network("2000::/3")
NEVER = tuple(
    ip_network(each)
    for each in (
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.175.48.0/24",  # AS112
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address lies in it
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation, RFC 9637
    )
)
"""Nobody's server stands there, or another address lies in it. The rest of what is refused, `ipaddress` knows."""


class UnsafeTarget(Refused):
    """Nothing is posted there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """How posts leave the house. networks: of one's own, allowed by the file.

    anywhere: the operator wrote the address into the configuration, so it is judged by nobody.
    proxy: all goes through it, and it judges what names resolve to. ca: a file of authorities that are trusted besides.
    timeout: for one post, from the first packet to the answer's head.
    """

    networks: tuple[str, ...] = ()
    anywhere: bool = False
    proxy: str | None = None
    ca: str | None = None
    timeout: timedelta = timedelta(seconds=20)

    def admits(self, address: Address, *, plain: bool = False) -> bool:
        """Whether a connection may be made to it. plain: without TLS, which is for this machine alone."""
        allowed = any(_in(address, ip_network(network)) for network in self.networks)
        if plain:
            return allowed and address.is_loopback
        return allowed or is_public(address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that may be posted to, as far as its text tells. address: where the host is one already."""

    url: str
    host: str
    plain: bool
    address: Address | None


def target(url: str, exits: Exits) -> Target:
    """The target of a URL. Raises UnsafeTarget, whose words hold nothing of the URL's path, which may be a secret."""
    found = _WHOLE.fullmatch(url) if len(url) <= LONGEST else None
    if found is None or not 0 < int(found["port"] or 443) < 65536:
        raise UnsafeTarget("this is no web address that can be posted to", remedy=_SECRET_SAFE)
    host, plain = found["host"].lower(), found["scheme"].lower() == "http"
    address = _address(host)
    if address is None:
        _must_be_a_name(host)
    if address is not None and not exits.admits(address, plain=plain):
        raise _refused(plain)
    if plain and not exits.networks:
        raise _refused(plain)
    return Target(url=url, host=host, plain=plain, address=address)


def checked(addresses: list[str], to: Target, exits: Exits) -> list[str]:
    """The addresses a name resolved to. Raises UnsafeTarget where one of them is refused: a name that points to a
    public and a private address at once is somebody's trick.
    """
    if not addresses or not all(exits.admits(ip_address(each), plain=to.plain) for each in addresses):
        raise _refused(to.plain)
    return addresses


def is_public(address: Address) -> bool:
    """Whether it is a host's in the open Internet; no other address lies hidden in it."""
    if address.is_multicast or not address.is_global or any(_in(address, network) for network in NEVER):
        return False
    return isinstance(address, IPv4Address) or address in GLOBAL_V6


def _in(address: Address, network: IPv4Network | IPv6Network) -> bool:
    return network.version == address.version and address in network


def _address(host: str) -> Address | None:
    """The address a host is written as, in its usual form alone."""
    try:
        return IPv6Address(host[1:-1]) if host.startswith("[") else IPv4Address(host)
    except ValueError:
        return None


def _must_be_a_name(host: str) -> None:
    """Refuses what some systems read as an address: 2130706433, 0x7f.1, 127.1, 0177.0.0.1. WHATWG URL section 3.5."""
    labels = host.removesuffix(".").split(".")
    whole = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    if host.startswith("[") or not whole or _NUMERIC.fullmatch(labels[-1]):
        raise UnsafeTarget("this host is neither a name nor an address in its usual form", remedy=_SECRET_SAFE)


def _refused(plain: bool) -> UnsafeTarget:
    if plain:
        return UnsafeTarget(
            "without TLS nothing is posted but to this machine itself, and that only where the configuration allows it",
            remedy='write https://, or allow this machine: private_networks = ["127.0.0.1"] in [webhooks]',
        )
    return UnsafeTarget(
        "this address is not in the open Internet",
        remedy='if it is your own network, allow it: private_networks = ["10.1.0.0/16"] in [webhooks]',
    )
