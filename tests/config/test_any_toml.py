"""Whatever TOML stands in the files, and whatever is no TOML: reading gives findings and never raises.

COMMSD_EXAMPLES raises the number of tries.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.config.folder import look, write

TRIES = int(os.environ.get("COMMSD_EXAMPLES", "60"))
ROOT = Path(__file__).parents[2] / "config"
TEXTS = {name: (ROOT / name).read_text("utf-8") for name in ("commsd.toml", "sla/office.toml")}
FILES = {name: tomllib.loads(text) for name, text in TEXTS.items()}
WORDS = (
    "", " ", "off", "due", "75%", "-15m", "+1h", "4h", "2bd", "0m", "2d", "customer", "owner", "standard", "germany",
    "24x7", "mon-fri 09:00-17:00", "22:00-06:00", "09:00-09:00", "closed", "as usual", "DE", "DE-BE", "Europe/Berlin",
    "2026-02-30", "2026-12-24", "99999999999h", "-", "*", "[", "ü\x00\u202e", "x" * 300, "95% / 28d", "100.5% / 0d",
)  # fmt: skip

scalars = st.one_of(
    st.sampled_from(WORDS),
    st.text(max_size=8),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.times(),
    st.datetimes(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)),
    max_leaves=5,
)


def written(value: Any) -> str:
    """A value in TOML, tables inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(key)} = {written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, bool | float):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True).replace("\\ud", "\\u0d")  # TOML has no half of a pair


def file(contents: Mapping[str, Any]) -> str:
    return "".join(f"{_quoted(key)} = {written(value)}\n" for key, value in contents.items())


def _spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value within."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(spot for key, each in inner for spot in _spots(each, (*path, key)))]


def changed(contents: dict[str, Any], spot: tuple[Any, ...], what: str, value: Any) -> dict[str, Any]:
    """One value replaced, removed, renamed or put into a list."""
    if not spot:
        return contents
    within: Any = contents
    for key in spot[:-1]:
        within = within[key]
    last = spot[-1]
    if what == "replace":
        within[last] = value
    elif what == "wrap":
        within[last] = [within[last], value]
    elif what == "rename" and isinstance(within, dict):
        within[str(value)[:60]] = within.pop(last)
    else:
        del within[last]
    return contents


SPOTS = {name: _spots(contents) for name, contents in FILES.items()}
QUIET = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)


def must_be_judged(folder: Path, texts: Mapping[str, str]) -> None:
    write(
        folder, texts["commsd.toml"], {name.removeprefix("sla/"): text for name, text in texts.items() if "/" in name}
    )
    config, findings = look(folder)
    assert (config is None) == any(finding.severity == "error" for finding in findings)
    for finding in findings:
        lines = texts[str(Path(finding.place.file).relative_to(folder))].split("\n")
        assert 1 <= finding.place.line <= len(lines)
        assert 1 <= finding.place.column <= len(lines[finding.place.line - 1]) + 1
        assert finding.what
        assert finding.remedy


@pytest.mark.parametrize("name", list(FILES))
@settings(max_examples=TRIES, deadline=None, suppress_health_check=QUIET)
@given(data=st.data())
def test_any_value_anywhere_is_judged(tmp_path: Path, name: str, data: st.DataObject) -> None:
    contents = deepcopy(FILES[name])
    for _ in range(data.draw(st.integers(1, 3))):
        spot = data.draw(st.sampled_from(_spots(contents)))
        kind = data.draw(st.sampled_from(("replace", "replace", "wrap", "rename", "remove")))
        contents = changed(contents, spot, kind, data.draw(values))
    must_be_judged(tmp_path, {**TEXTS, name: file(contents)})


@settings(max_examples=TRIES, deadline=None, suppress_health_check=QUIET)
@given(rest=st.dictionaries(st.sampled_from(("calendar", "ladder", "policy", "rule", "change", "x")), values))
def test_any_second_file_of_rules_is_judged(tmp_path: Path, rest: dict[str, Any]) -> None:
    must_be_judged(tmp_path, {**TEXTS, "sla/second.toml": file(rest)})


@pytest.mark.parametrize("name", list(FILES))
@settings(max_examples=TRIES, deadline=None, suppress_health_check=QUIET)
@given(data=st.data())
def test_any_slip_of_the_hand_is_judged(tmp_path: Path, name: str, data: st.DataObject) -> None:
    text = TEXTS[name]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.sampled_from((0, 0, 1, 1, 20, 2000)))
        put = data.draw(
            st.one_of(st.just(""), st.sampled_from(('"', "[", "]", "=", "{", "}", ",", "\n", "#", "[[rule]]\n")))
        )
        text = text[:at] + put + text[at + cut :]
    must_be_judged(tmp_path, {**TEXTS, name: text})
