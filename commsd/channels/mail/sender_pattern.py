"""Where the mail of a gateway or scanner says who sent a fax or letter, as the config has it. `letter` applies it."""

import re
from dataclasses import dataclass

from commsd.config.read import Table
from commsd.config.unit import TEXT, Form


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderPattern:
    """Where a gateway's mail says who wrote. Expressions whose groups are called as in `SAYS`; address: of the post.

    subject, body: searched for there. header: the name of a field, searched for by `field`.
    """

    subject: str | None = None
    header: str | None = None
    field: str | None = None
    body: str | None = None


SAYS = ("number", "mail", "name", "customer", "address", "subject")
"""What a group of a sender's pattern may be called."""

LETTERHEAD = 5
"""Lines over a printed page, as many as find room there."""


def _expression(value: object) -> str | None:
    """A regular expression, or None."""
    if not isinstance(value, str) or not value:
        return None
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError):
        return None
    return value


EXPRESSION = Form("a regular expression", r'write one such as "from (?P<number>\\+[0-9]+)"', _expression, "")


def senders_of(table: Table, *, on_paper: bool) -> tuple[SenderPattern, ...]:
    """The list `senders`; every mistake is noted with its place."""
    rows = table.rows("senders")
    if rows and not on_paper:
        what = 'senders say who wrote a letter or fax, and this is a mailbox with channel = "email"'
        table.error("senders", what, 'write channel = "fax" or "letter", or remove it; for web forms: contact_forms')
    return tuple(_sender(row) for row in rows)


def _sender(table: Table) -> SenderPattern:
    pattern = SenderPattern(
        subject=table.maybe("subject", EXPRESSION),
        header=table.maybe("header", TEXT),
        field=table.maybe("field", EXPRESSION),
        body=table.maybe("body", EXPRESSION),
    )
    if not (table.has("subject") or table.has("header") or table.has("body")):
        table.error(None, "this says nothing to look for", 'write subject = "…", body = "…", or header and field')
    if table.has("header") != table.has("field"):
        given, lacking = ("header", "field") if table.has("header") else ("field", "header")
        remedy = "header names the field, such as X-Fax-From, and field is the expression looked for in it"
        table.error(given, f"{given} without {lacking}", remedy)
    for key in ("subject", "field", "body"):
        expression = table.value(key)
        if isinstance(expression, str) and EXPRESSION.parse(expression):
            for group in set(re.compile(expression).groupindex) - set(SAYS):
                table.error(key, f"no group can be called {group}", f"call it one of: {', '.join(SAYS)}")
    return pattern


def letterhead_of(table: Table, *, on_paper: bool) -> tuple[str, ...]:
    """The lines `letterhead`; every mistake is noted with its place."""
    lines = table.many("letterhead", TEXT)
    if lines and not on_paper:
        table.error("letterhead", "nothing is printed for mail", 'remove it, or write channel = "letter" or "fax"')
    if len(lines) > LETTERHEAD:
        table.error("letterhead", f"{len(lines)} lines find no room", f"write at most {LETTERHEAD}")
    return lines
