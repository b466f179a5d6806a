"""Typed reads from TOML tables that note mistakes, each with its place, instead of stopping at the first.

A read that fails notes a finding and gives a harmless stand-in, so that reading goes on; who reads must look at
`Findings.errors` before using what came out. What a value may look like stands in `unit`.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from commsd.config.position import Mark, NotToml, Place, Position, read_toml
from commsd.config.secret import KINDS, SecretSource
from commsd.config.unit import FLAG, TEXT, Form

T = TypeVar("T")
_REQUIRED = object()
LONGEST_NAME = 48
_SECRET_REMEDY = (
    'keep it out of this file: write {key} = {{ credential = "name" }}, {{ file = "…" }} or {{ env = "…" }}'
)


class Severity(StrEnum):
    """ERROR: this configuration is refused. WARNING: it works, but look at it. NOTE: what a line means."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One mistake: where, what stands there, and what to write instead."""

    place: Place
    what: str
    remedy: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        word = "" if self.severity is Severity.ERROR else f"{self.severity.value}: "
        return f"{self.place}: {word}{self.what}\n  {self.remedy}"


class Findings:
    """All mistakes of one reading, and the secrets it names. The readers fill it."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}
        self.secrets: list[tuple[Place, SecretSource]] = []

    def error(self, place: Place, what: str, remedy: str) -> None:
        """Notes that the configuration cannot be used."""
        self._found.setdefault(Finding(place, what, remedy))

    def warn(self, place: Place, what: str, remedy: str) -> None:
        """Notes something the operator should look at."""
        self._found.setdefault(Finding(place, what, remedy, Severity.WARNING))

    def note(self, place: Place, what: str, remedy: str) -> None:
        """Notes what a line means where that may surprise; nothing is to be mended."""
        self._found.setdefault(Finding(place, what, remedy, Severity.NOTE))

    @property
    def all(self) -> tuple[Finding, ...]:
        """Every finding, by file, line and column."""
        return tuple(sorted(self._found))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Those that refuse the configuration."""
        return tuple(finding for finding in self.all if finding.severity is Severity.ERROR)


def parse(text: str, filename: str, findings: Findings | None = None, folder: Path | None = None) -> "Table":
    """The root table of a TOML text. A text that is no TOML notes a finding and gives an empty table.

    folder: from which relative paths in it count; the file's own by default.
    """
    notes = Findings() if findings is None else findings
    try:
        values, mark = read_toml(text)
    except NotToml as error:
        notes.error(Place(filename, *error.where), f"this is not TOML: {error.what}", error.remedy)
        values, mark = {}, Mark()
    source = _Source(filename, Path(filename).parent if folder is None else folder, notes)
    return Table(values, mark, source, path="", present=True)


@dataclass(frozen=True, slots=True)
class _Source:
    file: str
    folder: Path
    findings: Findings


class Table:
    """One table of a file. Remembers what was asked for, so that `done` can name the keys nobody knows.

    path: its dotted name, "" for the root. name: its last part, "support" for [mailbox.support].
    present: whether it stands in the file at all.
    """

    def __init__(
        self, values: Mapping[str, Any], mark: Mark, source: _Source, *, path: str, name: str = "", present: bool
    ) -> None:
        self.path, self.name, self.present = path, name, present
        self._values, self._mark, self._source = values, mark, source
        self._children: dict[tuple[str, ...], Table] = {}
        self._known: dict[str, None] = {}
        self._usual: set[str] = set()
        self._passed_over = False

    @property
    def findings(self) -> Findings:
        """Where the mistakes of this reading go."""
        return self._source.findings

    @property
    def folder(self) -> Path:
        """The folder from which relative paths count."""
        return self._source.folder

    @property
    def contents(self) -> Mapping[str, Any]:
        """All of it as tomllib read it."""
        return self._values

    def has(self, key: str) -> bool:
        """Whether the key stands here."""
        self._known.setdefault(key)
        return key in self._values

    def value(self, key: str) -> Any:
        """What tomllib read, or None: for values that may be of several kinds."""
        return self._values[key] if self.has(key) else None

    def every_key(self) -> tuple[str, ...]:
        """All keys that stand here, where any name will do; `done` then knows them all."""
        self._known.update(dict.fromkeys(self._values))
        return tuple(self._values)

    def names(self, key: str) -> tuple[str, ...]:
        """The names of the tables under a key: ("support",) for [mailbox.support]. Does not count as reading."""
        within = self._values.get(key)
        return (
            tuple(name for name, each in within.items() if isinstance(each, dict)) if isinstance(within, dict) else ()
        )

    def place(self, key: str | None = None, item: int | None = None, *, of_key: bool = False) -> Place:
        """Where a value (or list item, or the key itself) stands; of this table's header without a key."""
        mark = self._mark if key is None else self._mark.keys.get(key)
        if mark is None:
            return self._at(self._mark.key)
        if item is not None and item < len(mark.items):
            return self._at(mark.items[item].value)
        return self._at(mark.key if key is None or of_key else mark.value)

    def _at(self, position: Position) -> Place:
        return Place(self._source.file, *position)

    def error(self, key: str | None, what: str, remedy: str, item: int | None = None) -> None:
        """Notes a mistake at the key's value."""
        self.findings.error(self.place(key, item), what, remedy)

    def warn(self, key: str | None, what: str, remedy: str, item: int | None = None) -> None:
        """Notes a warning at the key's value."""
        self.findings.warn(self.place(key, item), what, remedy)

    def note(self, key: str | None, what: str, remedy: str, item: int | None = None) -> None:
        """Notes what the key's value means."""
        self.findings.note(self.place(key, item), what, remedy)

    def read(self, key: str, form: Form[T], default: Any = _REQUIRED) -> T:
        """The value in this form. default: as it would be written; without one the key must stand here."""
        if not self.has(key):
            if default is _REQUIRED:
                self._missing(key, form.remedy)
                return form.blank
            return _parsed(form, default)
        found = self._form(key, self._values[key], form)
        if default is not _REQUIRED and found == form.parse(default):
            self._usual.add(key)
        return found

    def maybe(self, key: str, form: Form[T]) -> T | None:
        """The value in this form, None where the key does not stand here."""
        return self._form(key, self._values[key], form) if self.has(key) else None

    def many(self, key: str, form: Form[T], default: Sequence[Any] = ()) -> tuple[T, ...]:
        """A list of values in this form."""
        if not self.has(key):
            return tuple(_parsed(form, each) for each in default)
        values = self._values[key]
        if not isinstance(values, list):
            shown = f"{key} = {_shown(values)}" if form.echo else key
            self.error(key, f"{shown} is not a list", f"put brackets around it, as in {key} = [ … ]")
            return ()
        found = tuple(self._form(key, each, form, item) for item, each in enumerate(values))
        if found == tuple(map(form.parse, default)):
            self._usual.add(key)
        return found

    def _form(self, key: str, value: Any, form: Form[T], item: int | None = None) -> T:
        parsed = form.parse(value)
        if parsed is not None:
            return parsed
        shown = f"{key} = {_shown(value)}" if item is None else f"{key}: {_shown(value)}"
        near = difflib.get_close_matches(value, form.known(), 1) if isinstance(value, str) else []
        remedy = f'did you mean "{near[0]}"? {form.remedy}' if near else form.remedy
        empty = form is TEXT and isinstance(value, str)
        what = f"{key} is empty" if empty else f"{shown if form.echo else key} is not {form.what}"
        self.error(key, what, remedy, item)
        return form.blank

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """Text that is not empty."""
        return self.read(key, TEXT, default)

    def flag(self, key: str, default: Any = _REQUIRED) -> bool:
        """true or false."""
        return self.read(key, FLAG, default)

    def choice(self, key: str, options: Sequence[str], default: Any = _REQUIRED) -> str:
        """One of these words."""
        return self.read(key, one_of(options), default)

    def table(self, key: str, *, required: bool = False) -> "Table":
        """The table under a key; an empty one, not `present`, where none stands here."""
        if not self.has(key) and required:
            self._missing(key, f"add [{self._dotted(key)}]")
        return self._child((key,), self._values.get(key, {}), self._mark.keys.get(key), self._dotted(key))

    def tables(self, key: str) -> dict[str, "Table"]:
        """The named tables under a key: {"support": [mailbox.support]}."""
        within = self.table(key)
        return {
            name: within._child((name,), within._values[name], within._mark.keys.get(name), within._dotted(name))
            for name in within.every_key()
            if within._can_be_a_name(name)
        }

    def _can_be_a_name(self, name: str) -> bool:
        """Names are kept in columns of LONGEST_NAME characters, and stand in log lines."""
        fits = 0 < len(name) <= LONGEST_NAME and name.isprintable() and bool(name.strip())
        if not fits:
            self.error(name, f"this cannot be a name in [{self.path}]", f"write 1 to {LONGEST_NAME} letters")
        return fits

    def rows(self, key: str) -> tuple["Table", ...]:
        """The tables of a list: [[rule]] after [[rule]], or inline."""
        values = self.value(key)
        if values is None:
            return ()
        if not isinstance(values, list):
            self.error(key, f"{key} is not a list of tables", f"write [[{self._dotted(key)}]], or {key} = [ {{ … }} ]")
            return ()
        mark = self._mark.keys.get(key) or Mark()
        marks = [*mark.items, *[None] * len(values)]
        return tuple(
            self._child((key, str(item)), value, marks[item], f"{self._dotted(key)} {item + 1}")
            for item, value in enumerate(values)
        )

    def _child(self, key: tuple[str, ...], value: Any, mark: Mark | None, path: str) -> "Table":
        """One table object for one table of the file, however often it is asked for."""
        if key not in self._children:
            stands = mark or Mark(key=self._mark.key, value=self._mark.value)
            if not isinstance(value, dict):
                self.findings.error(
                    self._at(stands.value), f"{path} is not a table", f"write [{path}], or {key[-1]} = {{ … }}"
                )
            values = value if isinstance(value, dict) else {}
            present = isinstance(value, dict) and (key[0] in self._values)
            self._children[key] = Table(values, stands, self._source, path=path, name=key[-1], present=present)
        return self._children[key]

    def _dotted(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def secret(self, key: str, *, required: bool = False) -> SecretSource | None:
        """Where a secret is kept. A secret written out is refused and never shown."""
        if not self.has(key):
            if required:
                self._missing(key, _SECRET_REMEDY.format(key=key))
            return None
        return self._secret(key, self._values[key], None)

    def secrets(self, key: str) -> tuple[SecretSource, ...]:
        """A list of places of secrets."""
        values = self.value(key)
        if values is None:
            return ()
        if not isinstance(values, list):
            self.error(key, f"{key} is not a list", f'write {key} = [{{ credential = "name" }}]')
            return ()
        found = (self._secret(key, value, item) for item, value in enumerate(values))
        return tuple(source for source in found if source)

    def _secret(self, key: str, value: Any, item: int | None) -> SecretSource | None:
        if not isinstance(value, dict):
            self.error(key, f"{key} holds a secret itself", _SECRET_REMEDY.format(key=key), item)
            return None
        if len(value) == 1:
            for kind in KINDS:
                name = value.get(kind)
                if isinstance(name, str) and name and "\0" not in name and (kind == "file" or "/" not in name):
                    source = SecretSource(kind, name, self.folder)
                    self.findings.secrets.append((self.place(key, item), source))
                    return source
        self.error(key, f"{key} does not say where the secret is kept", _SECRET_REMEDY.format(key=key), item)
        return None

    def _missing(self, key: str, remedy: str) -> None:
        where = f" in [{self.path}]" if self.path else ""
        self.error(None, f"{key} is missing{where}", remedy)

    def asked(self) -> Iterator[tuple[str, str]]:
        """Every key that was asked for, here and in the tables within, with the path of its table."""
        yield from ((self.path, key) for key in self._known)
        for child in self._children.values():
            yield from child.asked()

    def departures(self) -> Iterator[tuple[str, Any]]:
        """What was written and is not the default, as the file has it: dotted key and value."""
        for key, value in self._values.items():
            child = self._children.get((key,))
            if child and isinstance(value, dict):
                yield from child.departures() if value else [(child.path, value)]
            elif key not in self._usual:
                yield self._dotted(key), value

    def pass_over(self) -> None:
        """Says that this table will not be read, so that `done` finds nothing unknown in it."""
        self._passed_over = True

    def done(self) -> None:
        """Notes every key that nobody asked for, here and in the tables within."""
        if self._passed_over:
            return
        for key in self._values:
            if key not in self._known:
                where = f" in [{self.path}]" if self.path else ""
                self.findings.error(
                    self.place(key, of_key=True), f'unknown key "{key}"{where}', did_you_mean(key, self._known)
                )
        for child in self._children.values():
            child.done()


def one_of(options: Sequence[str]) -> Form[str]:
    """One of these words."""
    words = [f'"{option}"' for option in options]
    return Form(
        f"one of {', '.join(words)}",
        f"write {' or '.join(words)}",
        lambda value: value if isinstance(value, str) and value in options else None,
        options[0],
        known=lambda: options,
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The remedy for a word nobody knows: the nearest one, and all there are."""
    names = sorted(set(known))
    near = difflib.get_close_matches(word, names, 1)
    suggestion = f'did you mean "{near[0]}"? ' if near else ""
    shown = ", ".join(names[:40]) + (", …" if len(names) > 40 else "")
    if not names:
        return "remove it"
    return f"{suggestion}known here: {shown}"


def _parsed(form: Form[T], default: Any) -> T:
    parsed = form.parse(default)
    if parsed is None:
        raise ValueError(f"the default {default!r} is not {form.what}")
    return parsed


def _shown(value: Any) -> str:
    """A value as the file might have it, on one line, cut short."""
    if isinstance(value, dict):
        return "{ … }"
    if isinstance(value, list):
        return "[ … ]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return value.isoformat()
    if not isinstance(value, str):
        return str(value)[:60]
    text = value if len(value) <= 60 else f"{value[:60]}…"
    return '"' + text.encode("unicode_escape").decode("ascii") + '"' if not text.isprintable() else f'"{text}"'
