"""The free days of one country, from the `holidays` package. The only file that knows where that keeps its countries.

To ask it for a single country makes it import all 250: 8 MB and a quarter of a second, which every command would pay.
A package of that name that only says where its files lie, without what its `__init__` does, leads to the one file.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import holidays
from holidays.registry import COUNTRIES, EntityLoader

_PACKAGE = "holidays.countries"

if _PACKAGE not in sys.modules:
    _bare = ModuleType(_PACKAGE)
    _bare.__path__ = [str(Path(holidays.__path__[0]) / "countries")]
    sys.modules[_PACKAGE] = _bare


def country(code: str) -> Any | None:
    """The class that lists the free days of "DE"; None where the package knows no such country."""
    return getattr(holidays, code, None) if code in codes() else None


def codes() -> frozenset[str]:
    """Of two letters each."""
    return frozenset(code for code in EntityLoader.get_country_codes() if len(code) == 2)


def words() -> dict[str, str]:
    """What people write for a country, in small letters -> its code of two: its name, code and other codes."""
    found = {name.casefold(): code for names in COUNTRIES.values() for name in names[:1] for code in names[1:2]}
    return found | {other.casefold(): names[1] for names in COUNTRIES.values() for other in names[1:]}
