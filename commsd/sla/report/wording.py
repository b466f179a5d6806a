"""Plain words for what the rules and the code name shortly, so that a page needs no glossary beside it. Pure.

One home for them: the report and the what-if report say the same. JSON keeps the short names.
"""

import re
from collections.abc import Mapping

from commsd.core.clock import State
from commsd.core.policy import ClockKind

CLOCKS: Mapping[str, str] = {
    ClockKind.FIRST_RESPONSE: "first answer",
    ClockKind.NEXT_RESPONSE: "next answer",
    ClockKind.CALLBACK: "callback",
    ClockKind.PROMISE: "promise",
    ClockKind.UPDATE: "update",
    ClockKind.RESOLUTION: "resolution",
    ClockKind.ACK: "acknowledgement",
}
"""What is owed, in the order in which a customer feels it."""

ABOUT: Mapping[str, str] = {
    ClockKind.FIRST_RESPONSE: "From a customer's first word to the first answer by a person.",
    ClockKind.NEXT_RESPONSE: "From a customer's further message to the next answer by a person.",
    ClockKind.CALLBACK: "From a missed call until we reached the customer.",
    ClockKind.PROMISE: "What somebody said would be done by a certain time.",
    ClockKind.UPDATE: "How long a customer heard nothing while the matter was open.",
    ClockKind.RESOLUTION: "From the first contact until the matter was closed.",
    ClockKind.ACK: "From a customer's first word to the word that it reached us, which a machine may give.",
}

REASONS: Mapping[str, str] = {
    "closed": "closed unanswered",
    "void_case": "junk or wrong number",
    "void": "taken back",
    "merged": "merged into another case",
    "replaced": "replaced by a later promise, or withdrawn",
    "callback_closed": "callback closed without a talk, or put off by the customer",
    "no_policy": "not asked for by the rules",
    "unknown": "reason not known",
}
"""Why a clock was cancelled."""

STATES: Mapping[str, str] = {
    State.MET: "in time",
    State.BREACHED: "late",
    State.RUNNING: "still open",
    State.PAUSED: "on hold",
    State.CANCELLED: "cancelled",
    "none": "no clock",
}

LEGEND: tuple[tuple[str, str], ...] = (
    (
        "Clock",
        "runs from when we owe a customer something until it is done: an acknowledgement, the first answer, each "
        "next answer, a callback, a promise, a resolution.",
    ),
    ("Policy", "the set of targets that a customer's matter falls under, by its name in the rules."),
    ("Open time", "counts only while we are open, as the policy's calendar says. 2h 05m is 2 hours 5 minutes of it."),
    ("In time, late", "ended by its due time, or not. A clock that still runs past its due time is late."),
    (
        "Cancelled",
        "nothing was owed any more: junk or a wrong number, merged into another case, closed without an answer. It "
        "is neither in time nor late.",
    ),
    (
        "50 % within 36m",
        "half of them had their answer within 36 minutes of open time. What still waits is counted as waiting longer, "
        "never left out; with ≥ so many still wait that more cannot be said.",
    ),
)
"""The words that a table cannot explain in passing."""

_PART = re.compile(r"(\d+)(bd|h|m|s)")
_UNITS = {"bd": "business days", "h": "h", "m": "min", "s": "s"}
_LENGTH = re.compile(r"(?<![\w.:-])(?:\d+bd|(?:\d+h)?(?:\d+m)?(?:\d+s)?)(?![\w%])")


def clock(kind: str) -> str:
    """One clock of this kind: "first answer"."""
    return CLOCKS.get(kind, kind)


def many(kind: str) -> str:
    """Several of them: "first answers"."""
    return f"{clock(kind)}s"


def title(kind: str) -> str:
    """Several of them, as a heading: "First answers"."""
    return many(kind).capitalize()


def numbered(kind: str, n: int) -> str:
    """Which clock of its kind in a case: "next answer 3"; the first has no number."""
    return clock(kind) if n == 1 else f"{clock(kind)} {n}"


def reason(word: str) -> str:
    """Why it was cancelled."""
    return REASONS.get(word, word)


def state(word: str) -> str:
    """How a clock stands."""
    return STATES.get(word, word)


def spoken(text: str) -> str:
    """The text with lengths as one says them: "1h30m" as "1 h 30 min", "2bd" as "2 business days"."""
    return _LENGTH.sub(lambda found: " ".join(f"{n} {_unit(n, unit)}" for n, unit in _PART.findall(found[0])), text)


def _unit(number: str, unit: str) -> str:
    return "business day" if (number, unit) == ("1", "bd") else _UNITS[unit]
