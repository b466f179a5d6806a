"""Which zones a country has: zone.tab, which comes with the time zone data. Pure."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo


@cache
def zones_in(country: str) -> tuple[ZoneInfo, ...]:
    """All zones of a country, ISO 3166; empty where we know none."""
    return tuple(ZoneInfo(zone) for zone, where in countries().items() if where == country)


@cache
def countries() -> Mapping[str, str]:
    """The country a zone is named in, from the time zone database."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {row[2]: row[0] for row in rows if len(row) > 2}
