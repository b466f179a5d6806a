"""What would break a consumer between two schemas of what we give: growing is fine, all else is not."""

from collections.abc import Iterator
from typing import Any

_SAID = frozenset({"description", "examples", "title", "$comment", "properties", "items", "required", "type"})


def breaks(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Each place where what fitted before need not fit now, or what was there is gone."""
    return list(_breaks(before, after, ""))


def _breaks(before: dict[str, Any], after: dict[str, Any], place: str) -> Iterator[str]:
    lost = _types(before) - _types(after)
    if "type" in after and (lost or "type" not in before):
        yield f"{place}/type: {before.get('type')} became {after['type']}"
    if more := set(after.get("required", ())) - set(before.get("required", ())):
        yield f"{place}/required: {', '.join(sorted(more))}; old events lack it"
    if less := set(before.get("required", ())) - set(after.get("required", ())):
        yield f"{place}/required: {', '.join(sorted(less))} may be missing now"
    for word in sorted((before.keys() | after.keys()) - _SAID):
        if before.get(word) != after.get(word):
            yield f"{place}/{word}: {before.get(word)!r} became {after.get(word)!r}"
    for name, known in before.get("properties", {}).items():
        found = after.get("properties", {}).get(name)
        if found is None:
            yield f"{place}/properties/{name} is gone"
        else:
            yield from _breaks(known, found, f"{place}/properties/{name}")
    if "items" in before:
        yield from _breaks(before["items"], after.get("items", {}), f"{place}/items")


def _types(schema: dict[str, Any]) -> set[str]:
    found = schema.get("type", [])
    return {found} if isinstance(found, str) else set(found)
