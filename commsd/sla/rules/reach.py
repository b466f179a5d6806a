"""Which rules can never match, because those above them take every case that they would.

Says so only where it is certain: patterns are compared as patterns, and several rules may take a case together where
each of its values is taken by one of them. What no rule names (a new tier, a new team) may always come.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from commsd.core.policy import PATTERN_KEYS, Rule

MOST = 4096
"""Combinations of values looked at for one rule; one with more is taken to be reachable."""

_TOKEN = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)

Match = Mapping[str, tuple[str, ...]]


def takers(earlier: Sequence[Rule], rule: Rule) -> tuple[int, ...]:
    """Which of the earlier rules (from 0) together take every case that `rule` matches; () where one may be left."""
    alone = next((place for place, other in enumerate(earlier) if _covers(other.match, rule.match)), None)
    if alone is not None:
        return (alone,)
    found: dict[int, None] = {}
    for one in _single(rule.match):
        place = next((place for place, other in enumerate(earlier) if _covers(other.match, one)), None)
        if place is None:
            return ()
        found.setdefault(place)
    return tuple(sorted(found))


def _single(match: Match) -> Iterator[Match]:
    """The match as matches of one value a key; a case that fits it fits one of these."""
    count = 1
    for values in match.values():
        count *= len(values)
    if not match or count > MOST:
        yield {"": ("more than anybody would write",)}
        return
    for values in product(*match.values()):
        yield {key: (value,) for key, value in zip(match, values, strict=True)}


def _covers(earlier: Match, later: Match) -> bool:
    """Whether every case that fits `later` fits `earlier`. One that takes everything is told elsewhere."""
    return bool(earlier) and all(
        key in later and all(any(_within(key, mine, theirs) for theirs in values) for mine in later[key])
        for key, values in earlier.items()
    )


def _within(key: str, inner: str, outer: str) -> bool:
    inner, outer = inner.casefold(), outer.casefold()
    return inner == outer or (key in PATTERN_KEYS and _narrower(_TOKEN.findall(inner), _TOKEN.findall(outer)))


def _narrower(inner: Sequence[str], outer: Sequence[str]) -> bool:
    """Whether all that the inner pattern matches is matched by the outer one; False where that is not certain."""
    row = [True, *[False] * len(inner)]  # row[i]: the outer tokens so far match any text of the first i inner ones
    for token in outer:
        wide = token[0] == "*"
        after = [wide and row[0]]
        for i, each in enumerate(inner):
            after.append((wide and (after[i] or row[i + 1])) or (row[i] and not wide and _same(each, token)))
        row = after
    return row[-1]


def _same(inner: str, outer: str) -> bool:
    """Whether one character of the inner pattern is one of the outer; "*" may be none or many."""
    if inner[0] == "*":
        return False
    return inner == outer or outer == "?"
