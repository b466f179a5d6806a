"""Whether the receiving server vouches for the From domain, by the fields it wrote on top of the mail. mail.md N19.

Pure. Nothing is verified here: keys rotate and bodies change on the way, so the word of our own server counts, and of
nobody else. What follows from it is `suppression`'s and `intake`'s business.
"""

import re
from collections.abc import Iterator
from itertools import dropwhile, takewhile
from typing import Literal

import authres

from commsd.channels.mail.message import Message

Authenticated = Literal["pass", "fail"]
_Said = Literal["pass", "fail", "else", "nothing"]

NAMELESS = "-"
"""In `authserv_ids`: a server that writes no id of its own, as Microsoft 365."""

LONGEST = 4096
"""A longer field vouches for nobody; the library's time grows with its square."""

DEEPEST = 20
"""Brackets within brackets. The library follows them by calling itself."""

_COMMENTS = r"\s*(?:\([^()]*\)\s*)*"
_NAMED = re.compile(rf'{_COMMENTS}"?([^\s;()="]+)"?{_COMMENTS}(?:\d+{_COMMENTS})?(?:;|$)')
_FAILED = re.compile(r"(?:^|;)\s*dmarc\s*(?:/\s*\d+\s*)?=\s*fail(?![\w.-])", re.IGNORECASE)
_WIDE = re.compile(r"[^\x00-\x7f]")
_STRAY = re.compile(r"[()]")


def authenticated(message: Message, authserv_ids: frozenset[str]) -> Authenticated | None:
    """What DMARC came to, "pass" or "fail"; None where nobody we trust says either. RFC 8601 sections 5 and 7.1.

    Only the topmost fields of a configured id are read, as servers write one for each check; of them the first that
    speaks of DMARC decides. Whoever wrote the mail can put others below: a "pass" counts in the topmost alone, and
    only where it speaks of no other From domain than the mail has, as it may where there are two From fields.
    """
    for place, value in enumerate(_block(message, authserv_ids)):
        said = _dmarc(value, message)
        if said == "fail":
            return "fail"
        if said != "nothing":
            return "pass" if said == "pass" and place == 0 else None
    return None


def _block(message: Message, authserv_ids: frozenset[str]) -> Iterator[str]:
    """The topmost fields of one server of ours that stand together."""
    if not authserv_ids:
        return iter(())
    named = ((_author(value), value) for value in message.all("authentication-results"))
    ours = dropwhile(lambda each: each[0] not in authserv_ids, named)
    first = next(ours, None)
    if first is None:
        return iter(())
    return iter([first[1], *(value for _, value in takewhile(lambda each: each[0] == first[0], ours))])


def _author(value: str) -> str:
    """Who wrote the field, lower case; a field without an id begins with a result."""
    named = _NAMED.match(value[:LONGEST])
    return named[1].lower() if named else NAMELESS


def _dmarc(value: str, message: Message) -> _Said:
    """A sender chooses the names of HELO and MAIL FROM, and may spoil the field with them, but not hide a fail."""
    bare, depth = _without_comments(value)
    said = [result for result in _results(value, bare, depth) if result.method.lower() == "dmarc"]
    words = {result.result.lower() for result in said}
    if "fail" in words or (not words and _FAILED.search(bare)):
        return "fail"
    if not words:
        return "nothing"
    froms = {mailbox.domain for mailbox in message.from_}
    about = {domain for result in said for domain in _domains(result)}
    return "pass" if words == {"pass"} and len(froms) == 1 and about <= froms else "else"


def _results(value: str, bare: str, depth: int) -> list[authres.AuthenticationResult]:
    """The results in a field; none where it cannot be read to its end. The library passes over what it cannot read."""
    if len(value) > LONGEST or depth > DEEPEST or _STRAY.search(bare) or bare.count('"') % 2:
        return []
    named = value if _NAMED.match(value) else f"{NAMELESS}; {value}"
    plain = _WIDE.sub("_", named).rstrip("; \t")  # international addresses, which the library does not know
    try:
        return list(authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {plain}").results)
    except authres.AuthResError:
        return []


def _without_comments(value: str) -> tuple[str, int]:
    """The field without what stands in brackets, and how deep they go; one that is never closed is a sign as others."""
    opened: list[int] = []
    closed: list[tuple[int, int]] = []
    depth = 0
    for place, sign in enumerate(value):
        if sign == "(":
            opened.append(place)
            depth = max(depth, len(opened))
        elif sign == ")" and opened:
            closed.append((opened.pop(), place))
    kept, end = [], 0
    for start, last in sorted(closed):
        if start >= end:
            kept.append(value[end:start])
            end = last + 1
    return "".join([*kept, value[end:]]), depth


def _domains(result: authres.AuthenticationResult) -> set[str]:
    """The From domains a result is about; none where it does not say."""
    return {
        each.value.lower().rpartition("@")[2].rstrip(".")
        for each in result.properties
        if (each.type.lower(), each.name.lower()) == ("header", "from")
    }
