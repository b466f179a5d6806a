"""Whether the receiving server vouches for the From domain, by the field it wrote on top of the mail. mail.md N19.

Pure. Nothing is verified here: keys rotate and bodies change on the way, so the word of our own server counts, and of
nobody else. What follows from it is `suppression`'s and `intake`'s business.
"""

import re
from typing import Literal

import authres

from commsd.channels.mail.message import Message

Authenticated = Literal["pass", "fail"]

NAMELESS = "-"
"""In `authserv_ids`: a server that writes no id of its own, as Microsoft 365."""

LONGEST = 4096
DEEPEST = 20
"""Open brackets in one field. The library follows them by calling itself."""

_COMMENTS = r"\s*(?:\([^()]*\)\s*)*"
_NAMED = re.compile(rf'{_COMMENTS}"?([^\s;()="]+)"?{_COMMENTS}(?:\d+{_COMMENTS})?(?:;|$)')


def authenticated(message: Message, authserv_ids: frozenset[str]) -> Authenticated | None:
    """What DMARC came to, "pass" or "fail"; None where nobody we trust says either. RFC 8601 sections 5 and 7.1.

    Only the topmost field of a configured id is read: whoever wrote the mail can put others below it. One that speaks
    of another From domain than the mail has, as where there are two From fields, does not say "pass".
    """
    for value in message.all("authentication-results") if authserv_ids else ():
        if _author(value) in authserv_ids:
            return _dmarc(value, message)
    return None


def _author(value: str) -> str:
    """Who wrote the field, lower case; a field without an id begins with a result."""
    named = _NAMED.match(value[:LONGEST])
    return named[1].lower() if named else NAMELESS


def _dmarc(value: str, message: Message) -> Authenticated | None:
    if len(value) > LONGEST or value.count("(") > DEEPEST:
        return None
    named = value if _NAMED.match(value) else f"{NAMELESS}; {value}"
    try:
        known = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {named}")
    except authres.AuthResError:
        return None
    said = [result for result in known.results if result.method.lower() == "dmarc"]
    words = {result.result.lower() for result in said}
    if "fail" in words:
        return "fail"
    froms = {mailbox.domain for mailbox in message.from_}
    about = {domain for result in said for domain in _domains(result)}
    return "pass" if words == {"pass"} and len(froms) == 1 and about <= froms else None


def _domains(result: authres.AuthenticationResult) -> set[str]:
    """The From domains a result is about; none where it does not say."""
    return {
        each.value.lower().rpartition("@")[2].rstrip(".")
        for each in result.properties
        if (each.type.lower(), each.name.lower()) == ("header", "from")
    }
