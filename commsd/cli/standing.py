"""The first people or firms of a list that stand for themselves: what was merged, deleted or erased is left out."""

from collections.abc import Callable, Iterator

from commsd.store.query import Page, Row

AT_ONCE = 500
"""Read at a time."""

_GONE = ("merged_into", "deleted_at", "erased_at")


def first_standing(page: Callable[[str | None], Page], limit: int) -> Iterator[Row]:
    """So many of them at most, in the order they were made. page: AT_ONCE of the list that come after an id."""
    after: str | None = None
    while limit > 0:
        found = page(after)
        rows = [row for row in found.rows if not any(row.record.get(name) for name in _GONE)]
        yield from rows[:limit]
        limit -= len(rows)
        if found.next is None:
            return
        after = found.next[1]
