"""SELECTs that are asked all the time: compiled once for a database and the sizes of their sets, then run as text.

Handed to SQLAlchemy anew for each batch, a statement costs several times what the database needs to answer it.
"""

from collections import namedtuple
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Select

Process = Callable[[Any], Any] | None
Sizes = tuple[tuple[str, int | None], ...]

MOST_FILLED = 8192
"""Larger sets stay as they are: filled up, they could pass the 32,767 parameters a statement may have."""


def ask(connection: Connection, statement: Select[Any], **given: object) -> Sequence[Any]:
    """All rows, with their columns by name. statement: one that is kept. given: its parameters; no set is empty.

    All at once: row by row, SQLite's driver would let go of the interpreter for each.
    """
    sets = {name: _filled_up(each) for name, each in given.items() if isinstance(each, list | tuple | set)}
    sizes = tuple((name, len(sets[name]) if name in sets else None) for name in given)
    asked = _asked(connection.dialect, statement, sizes)
    values = tuple(place.value(given, sets) for place in asked.places)
    found = connection.exec_driver_sql(asked.sql, values).all()
    if not any(asked.reads) or not found:
        return found
    columns = zip(asked.reads, zip(*found, strict=True), strict=True)
    return list(map(asked.made, *(map(read, column) if read else column for read, column in columns)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A parameter of the text. name None: always this constant. index: which of its set. bind: makes a value fit."""

    name: str | None
    index: int | None = None
    constant: object = None
    bind: Process = None

    def value(self, given: Mapping[str, object], sets: Mapping[str, Sequence[object]]) -> object:
        if self.name is None:
            return self.constant
        value = given[self.name] if self.index is None else sets[self.name][self.index]
        return self.bind(value) if self.bind else value


class _Asked(NamedTuple):
    """A SELECT as text. reads: for each column what makes a value ours; made: the row from its values."""

    sql: str
    places: tuple[_Place, ...]
    reads: tuple[Process, ...]
    made: Callable[..., Any]


def _filled_up(values: Collection[object]) -> list[object]:
    """The set, repeating one of its own up to a power of two, so that few sizes are ever compiled."""
    known = list(values)
    if len(known) > MOST_FILLED:
        return known
    return known + known[:1] * ((1 << (len(known) - 1).bit_length()) - len(known))


@lru_cache(maxsize=512)
def _asked(dialect: Dialect, statement: Select[Any], sizes: Sizes) -> _Asked:
    marks = {
        name: _Place(name=name) if size is None else [_Place(name=name, index=index) for index in range(size)]
        for name, size in sizes
    }
    compiled = statement.compile(dialect=dialect)
    text = compiled.construct_expanded_state(marks)
    own = {name: known.type.dialect_impl(dialect).bind_processor(dialect) for name, known in compiled.binds.items()}
    binds = own | dict(text.processors)  # those of the sets' values
    columns = statement.selected_columns
    return _Asked(
        text.statement,
        tuple(_place(text.parameters[name], binds.get(name)) for name in text.positiontup or ()),
        tuple(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns),
        namedtuple("Found", [column.name for column in columns]),
    )


def _place(mark: object, bind: Any) -> _Place:
    if isinstance(mark, _Place):
        return replace(mark, bind=bind)
    return _Place(name=None, constant=bind(mark) if bind else mark)
