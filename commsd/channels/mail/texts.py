"""The texts of the acknowledgement: shipped with commsd, overlaid by the operator's own, checked once at the start.

Reads files; everything after that is pure. What the texts must sound like is a matter of tone, tested beside them.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

from commsd.channels.mail import phrases
from commsd.channels.mail.dates import DateWords
from commsd.errors import ConfigError

Tables = Mapping[str, Mapping[str, Any]]


NEEDED: Mapping[str, frozenset[str]] = {
    "greeting": frozenset({"name"}),
    **{
        f"{hours}{person}{time}": frozenset(
            {"received"} | ({"person"} if person else set()) | ({"promised"} if time else set())
        )
        for hours in ("open", "closed", "holiday", "short", "few")
        for person in ("", "_person")
        for time in ("", "_time")
    },
    **{
        f"{name}{too}": frozenset({"phone"}) for name in ("phone", "phone_hours", "phone_opens") for too in ("", "_too")
    },
    **dict.fromkeys(("link_after", "link_alone", "mailto_after", "mailto_alone", "call_number"), frozenset({"url"})),
    **dict.fromkeys(("call_time", "ring_time"), frozenset({"called", "number"})),
    **dict.fromkeys(("call", "ring"), frozenset({"number"})),
    "done_time": frozenset({"called"}),
    "closing": frozenset({"service"}),
}
"""What a text must fill in, or a reader would not learn when, who, by when or how."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One language in one register: the sentences by their name in the file, and how it says days and times.

    page: the words of the page where a customer asks to be rung.
    """

    sentences: Mapping[str, str]
    dates: DateWords
    page: Mapping[str, str] = field(default_factory=dict)

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


class Complaint(NamedTuple):
    """What cannot be filled in. table: dotted. key: None where the table as a whole is meant."""

    table: str
    key: str | None
    what: str

    def __str__(self) -> str:
        place = f"[{self.table}] {self.key}:" if self.key else f"[{self.table}]"
        return f"{place} {self.what}"


def load_texts(folder: Path | None = None) -> Texts:
    """The shipped texts, with those of the folder's `<language>.toml` files laid over them.

    Raises ConfigError, with all that is wrong, for a file that is no TOML, an unknown or missing text, and a
    placeholder that the text cannot have.
    """
    languages = dict(_shipped())
    wrong: list[str] = []
    for path in sorted(folder.glob("*.toml")) if folder and folder.is_dir() else ():
        try:
            languages[path.stem] = over_shipped(path.stem, tomllib.loads(path.read_text("utf-8")))
            complaints = [str(complaint) for complaint in complaints_of(languages[path.stem])]
        except ValueError as error:  # no UTF-8, no TOML, no table where one must be
            complaints = [str(error)]
        wrong += (f"{path}: {complaint}" for complaint in complaints)
    if wrong:
        raise ConfigError("\n".join(wrong), remedy="compare the file with the shipped en.toml, which names every text")
    return texts_of(languages)


def over_shipped(language: str, tables: Mapping[str, Any]) -> Tables:
    """An operator's tables of a language, laid over those shipped. Raises ValueError where one is no table."""
    return _overlaid(_shipped().get(language, {}), tables)


@cache
def _shipped() -> Mapping[str, Tables]:
    folder = resources.files("commsd.channels.mail") / "templates"
    found = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return {each.name.removesuffix(".toml"): tomllib.loads(each.read_text("utf-8")) for each in found}


def texts_of(languages: Mapping[str, Tables]) -> Texts:
    """The texts that good tables make."""
    wordings: dict[tuple[str, str], Wording] = {}
    for language, tables in languages.items():
        dates = DateWords.read(tables["dates"], tables.get("zones", {}))
        wordings[language, ""] = Wording(tables["ack"], dates, tables["call_me"])
        for register, change in tables.get("register", {}).items():
            ack, page = ({**tables[name], **change.get(name, {})} for name in ("ack", "call_me"))
            wordings[language, register] = Wording(ack, dates, page)
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


def complaints_of(tables: Tables) -> Iterable[Complaint]:
    """What of a language's tables cannot be filled in. Raises ValueError where one is no table."""
    english = _shipped()["en"]
    for table in ("ack", "call_me", "dates"):
        given = _table(tables, table)
        yield from (Complaint(table, None, f"lacks `{name}`") for name in english[table] if name not in given)
        yield from _misfits(table, given, english[table])
    zones = _table(tables, "zones").items()
    yield from (
        Complaint("zones", zone, "write its name as a text") for zone, name in zones if not isinstance(name, str)
    )
    registers = _table(tables, "register")
    for register in registers:
        for table in ("ack", "call_me"):
            change = _table(_table(registers, register), table)
            yield from _misfits(f"register.{register}.{table}", change, english[table])


def _misfits(table: str, given: Mapping[str, Any], model: Mapping[str, Any]) -> Iterable[Complaint]:
    for name, value in given.items():
        if name == "weekdays_each":
            model = {**model, name: model["weekdays"]}
        if name not in model:
            near = difflib.get_close_matches(name, model, 1)
            yield Complaint(table, name, "there is no such text" + (f"; did you mean `{near[0]}`?" if near else ""))
        elif type(value) is not type(model[name]) or (isinstance(value, list) and len(value) != len(model[name])):
            yield Complaint(table, name, f"write it as in en.toml, {model[name]!r}")
        elif isinstance(value, str):
            extra = _placeholders(value) - _allowed(table, name)
            yield from (Complaint(table, name, f"{{{each}}} is not known here") for each in sorted(extra))
            missing = NEEDED.get(name, frozenset()) - _placeholders(value)
            yield from (Complaint(table, name, f"lacks {{{each}}}, which the reader needs") for each in sorted(missing))


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
