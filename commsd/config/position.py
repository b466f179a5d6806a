"""Where each key and value of a TOML text stands: tomllib gives the values without positions, tree-sitter has them.

tomllib is the authority on what is TOML; a place that tree-sitter does not know is that of the table around it.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

_LANGUAGE = Language(tree_sitter_toml.language())
_KEYS = ("bare_key", "quoted_key", "dotted_key")
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Place(NamedTuple):
    """A place in a file; line and column count from 1, columns in characters."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Position(NamedTuple):
    """Line and column, from 1."""

    line: int = 1
    column: int = 1


_START = Position()

_REMEDIES = (
    ("Invalid value", 'write text in quotes, such as name = "value"'),
    ("Expected '=' after a key", "write key = value; a key with spaces or signs stands in quotes"),
    ("Cannot", "each key and each table stands once: remove one of the two"),
    ("Invalid date", "write a date that exists, such as 2026-02-28"),
    ("Expected newline", "begin a new line after each value"),
    ("Illegal character", "close the quotes on the same line; three quotes open text of several lines"),
)


@dataclass(slots=True)
class Mark:
    """Where one key (or list item) stands, and all within it. Grows while the text is walked, then is only read."""

    key: Position = _START
    value: Position = _START
    keys: "dict[str, Mark]" = field(default_factory=dict)
    items: "list[Mark]" = field(default_factory=list)


class NotToml(Exception):
    """The text is not TOML. where: line and column; what: tomllib's words; remedy: what to write."""

    def __init__(self, where: Position, what: str) -> None:
        super().__init__(what)
        self.where, self.what = where, what[:1].lower() + what[1:]
        found = (remedy for start, remedy in _REMEDIES if what.startswith(start))
        self.remedy = next(found, "mend it here; what follows was not read")


def read_toml(text: str) -> tuple[dict[str, Any], Mark]:
    """The values, as tomllib has them, and where they stand. Raises NotToml."""
    try:
        values = tomllib.loads(text)
        return values, _marks(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(text, str(error)) from None
    except RecursionError:
        raise NotToml(Position(), "values are nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits
        raise NotToml(Position(), str(error).partition(";")[0]) from None


def _not_toml(text: str, message: str) -> NotToml:
    at = _AT.search(message)
    what = _AT.sub("", message)
    if at and at[1]:
        return NotToml(Position(int(at[1]), int(at[2])), what)
    lines = text.split("\n")
    return NotToml(Position(len(lines), len(lines[-1]) + 1), f"{what} at the end of the file")


def _marks(text: str) -> Mark:
    source = text.encode("utf-8", "surrogatepass")
    return _Walk(source).document(Parser(_LANGUAGE).parse(source).root_node)


class _Walk:
    """One pass over the syntax tree."""

    def __init__(self, source: bytes) -> None:
        self.lines = source.split(b"\n")

    def document(self, node: Node) -> Mark:
        root = Mark()
        for child in node.named_children:
            if child.type == "pair":
                self.pair(child, root)
            elif child.type in ("table", "table_array_element"):
                self.table(child, root)
        return root

    def table(self, node: Node, root: Mark) -> None:
        header = next((child for child in node.named_children if child.type in _KEYS), None)
        if header is None:
            return
        mark = self.descend(root, header)
        if node.type == "table_array_element":
            mark.items.append(Mark(key=self.at(header), value=self.at(header)))
            mark = mark.items[-1]
        for child in node.named_children:
            if child.type == "pair":
                self.pair(child, mark)

    def pair(self, node: Node, into: Mark) -> None:
        parts = node.named_children
        if len(parts) < 2 or parts[0].type not in _KEYS:
            return
        mark = self.descend(into, parts[0])
        value = next((part for part in parts[1:] if part.type not in ("comment", "ERROR")), parts[1])
        mark.value = self.at(value)
        self.value(value, mark)

    def value(self, node: Node, mark: Mark) -> None:
        if node.type == "inline_table":
            for child in node.named_children:
                if child.type == "pair":
                    self.pair(child, mark)
        elif node.type == "array":
            for child in node.named_children:
                if child.type not in ("comment", "ERROR"):
                    item = Mark(key=self.at(child), value=self.at(child))
                    mark.items.append(item)
                    self.value(child, item)

    def descend(self, mark: Mark, key: Node) -> Mark:
        """The mark a key names; a list stands for its last item, as in TOML's own rule for [[tables]]."""
        for part in self.parts(key):
            if mark.items:
                mark = mark.items[-1]
            mark = mark.keys.setdefault(_name(part), Mark(key=self.at(part), value=self.at(part)))
        return mark

    def parts(self, key: Node) -> Iterator[Node]:
        if key.type != "dotted_key":
            yield key
            return
        for child in key.named_children:
            yield from self.parts(child)

    def at(self, node: Node) -> Position:
        row, column = node.start_point
        before = self.lines[row][:column] if row < len(self.lines) else b""
        return Position(row + 1, len(before.decode("utf-8", "surrogatepass")) + 1)


def _name(key: Node) -> str:
    text = (key.text or b"").decode("utf-8", "surrogatepass")
    if key.type == "bare_key":
        return text
    try:
        name: str = tomllib.loads(f"k = {text}")["k"]
    except tomllib.TOMLDecodeError:
        return text
    return name
