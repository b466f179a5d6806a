"""Where Twilio lets the account call, in the stand-in: the DialingPermissions resource of its Voice API, to be read.

The countries are those of `phonenumbers`, which knows no continents. Left out: changing them, prefixes
of high risk, filters by calling code or continent.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import phonenumbers
from starlette.responses import JSONResponse, Response

from commsd.demo.exchange_answer import Handler, RestRequest, listed, not_found
from commsd.demo.exchange_call import region as region_of

_COUNTRIES = "/v1/DialingPermissions/Countries"
_FILTERS = (
    ("IsoCode", "iso_code"),
    ("LowRiskNumbersEnabled", "low_risk_numbers_enabled"),
    ("HighRiskSpecialNumbersEnabled", "high_risk_special_numbers_enabled"),
    ("HighRiskTollfraudNumbersEnabled", "high_risk_tollfraud_numbers_enabled"),
)
_WITH_US = "CA"
"""Twilio has one permission for the United States and Canada, under US."""


@dataclass(slots=True, kw_only=True)
class Permissions:
    """Which regions may be called.

    low: None: all. special, fraud: where numbers of high risk may be called too. here: the exchange's own address.
    """

    here: Callable[[], str]
    low: frozenset[str] | None = None
    special: frozenset[str] = frozenset()
    fraud: frozenset[str] = frozenset()

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """path, method, handler."""
        return ((_COUNTRIES, "GET", self._list), (f"{_COUNTRIES}/{{region}}", "GET", self._fetch))

    def allow(self, number: str) -> bool:
        """Whether a call to this number is placed; the short and the strange ones are for others to judge."""
        region = region_of(number)
        return self.low is None or not region or ("US" if region == _WITH_US else region) in self.low

    def _list(self, _path: Mapping[str, str], request: RestRequest) -> Response:
        query = dict(request.query)
        found = [record for record in map(self._record, _regions()) if _wanted(record, query)]
        return listed("content", found, request, self.here())

    def _fetch(self, path: Mapping[str, str], request: RestRequest) -> Response:
        if path["region"] not in _regions():
            raise not_found(request.path)
        return JSONResponse(self._record(path["region"]))

    def _record(self, region: str) -> dict[str, Any]:
        url = f"{self.here()}{_COUNTRIES}/{region}"
        return {
            "iso_code": region,
            "name": region,
            "continent": None,
            "country_codes": [f"+{phonenumbers.country_code_for_region(region)}"],
            "low_risk_numbers_enabled": self.low is None or region in self.low,
            "high_risk_special_numbers_enabled": region in self.special,
            "high_risk_tollfraud_numbers_enabled": region in self.fraud,
            "url": url,
            "links": {"highrisk_special_prefixes": f"{url}/HighRiskSpecialPrefixes"},
        }


def _regions() -> Iterable[str]:
    return sorted(phonenumbers.SUPPORTED_REGIONS - {_WITH_US})


def _wanted(record: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    return all(str(record[field]).casefold() == query[name].casefold() for name, field in _FILTERS if query.get(name))
