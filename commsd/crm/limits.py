"""How often one may ask: a bucket for each address before anybody is known, then one for each key, exports apart.

Counted in this process alone: two nodes grant twice as much. Addresses are held in memory and written nowhere.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from commsd.config.unit import Rate
from commsd.core.token_bucket import Bucket, Taken, charge, full, take
from commsd.crm.fault import TooOften
from commsd.world import World

PER_ADDRESS = 4
"""Keys that may share an address: a CRM's servers behind one gateway."""

NOT_LET_IN = 100
"""What it costs an address to come without a key that holds: guessing and filling our audit end soon."""

MOST_KEPT = 10_000
SITE = 64
"""Bits of an IPv6 address that name who has it; the rest they choose themselves."""


@dataclass(slots=True)
class Buckets:
    """A bucket for each name; of too many, those not asked for longest are forgotten, which fills them."""

    rate: Rate
    _known: "OrderedDict[str, Bucket]" = field(default_factory=OrderedDict)

    def take(self, name: str, world: World, cost: float = 1.0) -> Taken:
        """Take of the bucket of this name."""
        now = world.now()
        taken = take(self._known.get(name) or full(self.rate, now), self.rate, now, cost)
        self._keep(name, taken.bucket)
        return taken

    def charge(self, name: str, world: World, cost: float) -> None:
        """Take whatever is left."""
        now = world.now()
        self._keep(name, charge(self._known.get(name) or full(self.rate, now), self.rate, now, cost))

    def _keep(self, name: str, bucket: Bucket) -> None:
        self._known[name] = bucket
        self._known.move_to_end(name)
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)


class Limits:
    """The rates of `[http]` at work. rate: requests of one key; exports: snapshots and the like of one key."""

    def __init__(self, world: World, rate: Rate, exports: Rate) -> None:
        self._world = world
        self._addresses = Buckets(Rate(rate.count * PER_ADDRESS, rate.per))
        self._keys: Mapping[str, Buckets] = {"requests": Buckets(rate), "exports": Buckets(exports)}

    def come(self, address: str | None) -> None:
        """Somebody asks from this address. Raises TooOften."""
        taken = self._addresses.take(_site(address), self._world)
        if not taken.granted:
            raise _too_often("this address", taken)

    def not_let_in(self, address: str | None) -> None:
        """Whoever asked had no key that holds."""
        self._addresses.charge(_site(address), self._world, NOT_LET_IN)

    def ask(self, key: str, quota: str) -> Mapping[str, str]:
        """A key asks; gives the headers that tell what is left of its quota. Raises TooOften."""
        buckets = self._keys[quota]
        taken = buckets.take(key, self._world)
        if not taken.granted:
            raise _too_often(f"this key ({quota})", taken)
        rate = buckets.rate
        return {
            "RateLimit-Policy": f'"{quota}";q={rate.count};w={_seconds(rate.per)}',
            "RateLimit": f'"{quota}";r={int(taken.bucket.left)};t={_seconds(taken.full_in)}',
        }


def _too_often(who: str, taken: Taken) -> TooOften:
    seconds = _seconds(taken.wait)
    return TooOften(
        f"{who} asks more often than [http] allows", remedy=f"wait {seconds} s, then go on", wait=taken.wait
    )


def _seconds(span: timedelta) -> int:
    return math.ceil(span.total_seconds())


def _site(address: str | None) -> str:
    """What an address is counted under."""
    try:
        known = ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ip_network((int(known), SITE), strict=False))
    return str(known)
