"""YAML read as text with places: typed reads of a mapping that note mistakes, each with file and line, and go on.

No value is guessed from its looks, as YAML 1.1 does: `on`, `22:30` and `2026-12-24` stay what was typed until somebody
asks for a flag or a time. Nothing in a file can make an object. TOML has its own reader in config/read.py.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from commsd.config.position import Place
from commsd.config.read import Findings, did_you_mean

T = TypeVar("T")

TRUE, FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})
_NULL = frozenset({"", "~", "null"})
_DIGITS = re.compile(r"[0-9]{1,12}")
_DEEPEST = 60
_FAST: type = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(slots=True)
class Reading:
    """One file being read. mistakes: how many errors were noted. strange: unknown keys that were told already."""

    file: str
    findings: Findings
    mistakes: int = 0
    strange: set[str] = field(default_factory=set)

    def error(self, place: Place, what: str, remedy: str) -> None:
        """Notes that something cannot be used."""
        self.mistakes += 1
        self.findings.error(place, what, remedy)


def read_sheet(text: str, file: str, findings: Findings) -> "Sheet | None":
    """The mapping that a YAML text is; None where it is none, which is noted."""
    reading = Reading(file, findings)
    try:
        node = _composed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        reading.error(place, f"this is not YAML: {error.problem or error.context}", "mend the text at this place")
        return None
    except (yaml.YAMLError, RecursionError) as error:
        reading.error(Place(file), f"this is not YAML: {error}".splitlines()[0], "store it as plain UTF-8 text")
        return None
    if not isinstance(node, yaml.MappingNode):
        said = "this file is empty" if node is None else "this is no mapping of names to values"
        reading.error(Place(file), said, "begin with `cases:` and a list of cases")
        return None
    return Sheet(node, reading, "")


def _composed(text: str) -> yaml.Node | None:
    """libyaml is ten times as fast; where it gives up, the other reader has the better words, or none to say."""
    try:
        _must_be_flat(text)
        return yaml.compose(text, Loader=_FAST)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.BaseLoader)


def _must_be_flat(text: str) -> None:
    """Raises RecursionError: libyaml builds nested values by recursion and would end the process with them."""
    depth = 0
    for event in yaml.parse(text, Loader=_FAST):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise RecursionError(f"values are nested more than {_DEEPEST} deep")


class Sheet:
    """One mapping. Remembers what was asked for, so that `done` can name the keys nobody knows.

    path: how a message calls it. Absent and null are one to every read but `has` and `is_null`.
    """

    def __init__(self, node: yaml.MappingNode, reading: Reading, path: str) -> None:
        self.path, self._node, self.reading = path, node, reading
        self._values: dict[str, yaml.Node] = {}
        self._known: dict[str, None] = {}
        for key, value in _entries(node, _DEEPEST):
            if not isinstance(key, yaml.ScalarNode):
                reading.error(self._at(key), "a key must be a word", "write `name: value`")
            elif key.value in self._values:
                reading.error(self._at(key), f'"{key.value}" stands twice', "remove one of the two")
            else:
                self._values[key.value] = value

    def place(self, key: str | None = None) -> Place:
        """Where a value stands, else the mapping itself."""
        return self._at(self._values.get(key or "", self._node))

    def error(self, key: str | None, what: str, remedy: str) -> None:
        """Notes that this row cannot be used."""
        self.reading.error(self.place(key), f"{self.path}: {what}" if self.path else what, remedy)

    def names(self) -> tuple[str, ...]:
        """Every key, where any name will do."""
        self._known.update(dict.fromkeys(self._values))
        return tuple(self._values)

    def has(self, key: str) -> bool:
        """Whether the key stands here, null included."""
        self._known.setdefault(key)
        return key in self._values

    def is_null(self, key: str) -> bool:
        """Whether it stands here and is null."""
        return self.has(key) and _null(self._values[key])

    def text(self, key: str) -> str | None:
        """The value as it was typed."""
        return self.form(key, str, "a text")

    def form(self, key: str, read: Callable[[str], T], what: str, remedy: str = "") -> T | None:
        """What `read` makes of the text; its ValueError, or a list or mapping, is noted. what: "a duration"."""
        if not self.has(key) or _null(node := self._values[key]):
            return None
        if not isinstance(node, yaml.ScalarNode):
            self.error(key, f"{key} is not {what}", remedy or f"write {what}")
            return None
        try:
            return read(node.value)
        except (ValueError, OverflowError):
            self.error(key, f'{key}: "{node.value}" is not {what}', remedy or f"write {what}")
            return None

    def flag(self, key: str) -> bool:
        """True or false; false where it is absent."""
        return self.form(key, truth, "true or false") or False

    def choice(self, key: str, known: Collection[str], what: str) -> str | None:
        """One of some words."""
        value = self.text(key)
        if value is not None and value not in known:
            self.error(key, f'no {what} "{value}"', did_you_mean(value, known))
            return None
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; one alone will do."""
        if not self.has(key) or _null(node := self._values[key]):
            return ()
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not all(isinstance(item, yaml.ScalarNode) for item in items):
            self.error(key, f"{key} is not a list of words", "write [one, other]")
            return ()
        return tuple(item.value for item in items)

    def is_list(self, key: str) -> bool:
        """Whether a list stands there."""
        return isinstance(self._values.get(key), yaml.SequenceNode)

    def is_mapping(self, key: str) -> bool:
        """Whether a mapping stands there."""
        return isinstance(self._values.get(key), yaml.MappingNode)

    def part(self, key: str) -> "Sheet | None":
        """The mapping under a key."""
        if not self.has(key) or _null(node := self._values[key]):
            return None
        if not isinstance(node, yaml.MappingNode):
            self.error(key, f"{key} is no mapping", "write {name: value}")
            return None
        return Sheet(node, self.reading, f"{self.path} {key}".strip())

    def named(self, key: str) -> dict[str, "Sheet"]:
        """The mappings under a mapping, by name."""
        inner = self.part(key)
        found: dict[str, Sheet] = {}
        for name in inner.names() if inner else ():
            if inner and (part := inner.part(name)):
                found[name] = part
        return found

    def parts(self, key: str, called: str) -> tuple["Sheet", ...]:
        """The mappings of a list. called: what a message calls them, with their number where they have no id."""
        if not self.has(key) or _null(node := self._values[key]):
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.error(key, f"{key} is no list", f"write a list: `- ` before each {called}")
            return ()
        found = []
        for number, item in enumerate(node.value, start=1):
            if isinstance(item, yaml.MappingNode):
                found.append(Sheet(item, self.reading, f"{self.path} {called} {number}".strip()))
            else:
                said = f"{called} {number} is no mapping"
                self.reading.error(self._at(item), f"{self.path}: {said}" if self.path else said, "write {name: value}")
        return tuple(found)

    def knows(self, *keys: str) -> None:
        """These keys may stand here, though nobody asks for each of them."""
        self._known.update(dict.fromkeys(keys))

    def done(self, harmless: Collection[str] = ()) -> None:
        """Names each key nobody asked for: an error where it looks like one that is known, else a warning, once."""
        for key in self._values:
            if key in self._known or key in harmless:
                continue
            near = difflib.get_close_matches(key, [*self._known, *harmless], 1, 0.75)
            if near and near[0] not in harmless:
                self.error(key, f'unknown key "{key}"', f'did you mean "{near[0]}"?')
            elif key not in self.reading.strange:
                self.reading.strange.add(key)
                self.reading.findings.warn(self.place(key), f'unknown key "{key}"', "it has no effect")

    def _at(self, node: yaml.Node) -> Place:
        return Place(self.reading.file, node.start_mark.line + 1, node.start_mark.column + 1)


def truth(text: str) -> bool:
    """The flag that a word means. Raises ValueError."""
    word = text.strip().lower()
    if word not in TRUE and word not in FALSE:
        raise ValueError(text)
    return word in TRUE


def whole_number(text: str) -> int:
    """The number of some digits and nothing else. Raises ValueError."""
    if not _DIGITS.fullmatch(text.strip()):
        raise ValueError(text)
    return int(text)


def must_be_new(row: Sheet, name: str, names: dict[str, Sheet]) -> None:
    """Notes the id of a row among `names`, or that another row has it already."""
    if name in names:
        line = names[name].place("id").line
        row.error("id", f'the id "{name}" stands in line {line} already', "give each an id of its own")
    names.setdefault(name, row)


def _entries(node: yaml.MappingNode, deepest: int) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """The entries of a mapping, then those it takes over by `<<` and does not have itself."""
    bases: list[yaml.Node] = []
    own: set[str] = set()
    for key, value in node.value:
        if key.value == "<<":
            bases += value.value if isinstance(value, yaml.SequenceNode) else [value]
            continue
        own |= {key.value} if isinstance(key, yaml.ScalarNode) else set()
        yield key, value
    for basis in (each for each in bases if deepest and isinstance(each, yaml.MappingNode)):
        for key, value in _entries(basis, deepest - 1):
            if isinstance(key, yaml.ScalarNode) and key.value not in own:
                own.add(key.value)
                yield key, value


def _null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value.lower() in _NULL
