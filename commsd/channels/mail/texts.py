"""The texts of the acknowledgement: shipped with commsd, overlaid by the operator's own, checked once at the start.

Reads files; everything after that is pure. What the texts must sound like is a matter of tone, tested beside them.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any

from commsd.channels.mail import phrases
from commsd.channels.mail.dates import DateWords
from commsd.errors import ConfigError

Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Wording:
    """One language in one register: the sentences by their name in the file, and how it says days and times."""

    sentences: Mapping[str, str]
    dates: DateWords

    def say(self, name: str, values: Mapping[str, str]) -> str:
        """The sentence of that name, filled in."""
        return self.sentences[name].format_map(values)


@dataclass(frozen=True, slots=True)
class Texts:
    """All languages. own_subject: matches what we put before a customer's subject, also behind a `Re:`."""

    wordings: Mapping[tuple[str, str], Wording]
    own_subject: re.Pattern[str]

    def of(self, language: str, address_as: str | None = None) -> Wording:
        """The wording in that language and register; its ordinary register, then English, where there is none."""
        for key in ((language, address_as or ""), (language, ""), ("en", "")):
            if key in self.wordings:
                return self.wordings[key]
        return next(iter(self.wordings.values()))

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages there are texts for."""
        return tuple(language for language, register in self.wordings if not register)


def load_texts(folder: Path | None = None) -> Texts:
    """The shipped texts, with those of the folder's `<language>.toml` files laid over them.

    Raises ConfigError, with all that is wrong, for a file that is no TOML, an unknown or missing text, and a
    placeholder that the text cannot have.
    """
    languages = dict(_shipped())
    wrong: list[str] = []
    for path in sorted(folder.glob("*.toml")) if folder and folder.is_dir() else ():
        try:
            languages[path.stem] = _overlaid(languages.get(path.stem, {}), tomllib.loads(path.read_text("utf-8")))
            complaints = list(_complaints(languages[path.stem]))
        except ValueError as error:  # no UTF-8, no TOML, no table where one must be
            complaints = [str(error)]
        wrong += (f"{path}: {complaint}" for complaint in complaints)
    if wrong:
        raise ConfigError("\n".join(wrong), remedy="compare the file with the shipped en.toml, which names every text")
    return _texts(languages)


@cache
def _shipped() -> Mapping[str, Tables]:
    folder = resources.files("commsd.channels.mail") / "templates"
    found = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return {each.name.removesuffix(".toml"): tomllib.loads(each.read_text("utf-8")) for each in found}


def _texts(languages: Mapping[str, Tables]) -> Texts:
    wordings: dict[tuple[str, str], Wording] = {}
    for language, tables in languages.items():
        dates = DateWords.read(tables["dates"], tables.get("zones", {}))
        wordings[language, ""] = Wording(tables["ack"], dates)
        for register, change in tables.get("register", {}).items():
            wordings[language, register] = Wording({**tables["ack"], **change.get("ack", {})}, dates)
    begins = {wording.sentences["subject"].partition("{subject}")[0].strip() for wording in wordings.values()}
    own = "|".join(re.escape(each) for each in sorted(begins, key=len, reverse=True) if each)
    prefix = rf"\s*(?:(?:{phrases.REPLY_PREFIXES})\s*:\s*)*"
    return Texts(wordings, re.compile(rf"{prefix}(?:{own}){prefix}" if own else r"(?!)", re.IGNORECASE))


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both: dict[str, Any] = dict(below)
    for name, value in above.items():
        both[name] = _overlaid(_table(both, name), value) if isinstance(value, dict) else value
    return both


def _table(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tables.get(name, {})
    if not isinstance(found, Mapping):
        raise ValueError(f"`{name}` must be a table, [{name}]")
    return found


def _complaints(tables: Tables) -> Iterable[str]:
    english = _shipped()["en"]
    for table in ("ack", "dates"):
        given = _table(tables, table)
        yield from (f"[{table}] lacks `{name}`" for name in english[table] if name not in given)
        yield from _misfits(table, given, english[table])
    zones = _table(tables, "zones").items()
    yield from (f"[zones] {zone}: write its name as a text" for zone, name in zones if not isinstance(name, str))
    registers = _table(tables, "register")
    for register in registers:
        change = _table(_table(registers, register), "ack")
        yield from _misfits(f"register.{register}.ack", change, english["ack"])


def _misfits(table: str, given: Mapping[str, Any], model: Mapping[str, Any]) -> Iterable[str]:
    for name, value in given.items():
        if name == "weekdays_each":
            model = {**model, name: model["weekdays"]}
        if name not in model:
            near = difflib.get_close_matches(name, model, 1)
            yield f"[{table}] {name}: there is no such text" + (f"; did you mean `{near[0]}`?" if near else "")
        elif type(value) is not type(model[name]) or (isinstance(value, list) and len(value) != len(model[name])):
            yield f"[{table}] {name}: write it as in en.toml, {model[name]!r}"
        elif isinstance(value, str):
            extra = _placeholders(value) - _allowed(table, name)
            yield from (f"[{table}] {name}: {{{each}}} is not known here" for each in sorted(extra))


def _allowed(table: str, name: str) -> set[str]:
    """What any shipped language fills in there, and our own name."""
    used = {"service"} if table.endswith("ack") else set()
    for tables in _shipped().values():
        used |= _placeholders(tables[table.rpartition(".")[2]].get(name, ""))
    return used


def _placeholders(text: Any) -> set[str]:
    if not isinstance(text, str):
        return set()
    try:
        return {
            f"{field}{'!' + conversion if conversion else ''}{':' + form if form else ''}"
            for _, field, form, conversion in Formatter().parse(text)
            if field is not None
        }
    except ValueError:
        return {"a brace without its pair"}
