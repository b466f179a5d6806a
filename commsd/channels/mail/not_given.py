"""The mails of one folder that its server names and does not give: how often they were asked for, when to stop asking.

A mail that breaks the connection must not stop its mailbox, and a connection that breaks must not spoil a mail: it is
the mail's fault only where others were given over the same connection. Knows no server; `hand_in` asks.
"""

from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

SUSPECT = 2
"""In hand so often when the connection died, it is asked for alone, and last."""

PROOFS = 3
"""So often the connection died over it alone, after it had given another: it is this mail."""

LOOKS = 3
SHOWS_UP = timedelta(minutes=2)
"""So long a clustered server may name a mail before it gives it. mail.md I20."""

UNPROVEN = timedelta(minutes=15)
"""So long a mail may break each connection while there is no other to compare it with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """since: when it was first asked for in vain. looks: times it did not come; deaths: times the connection went."""

    since: datetime
    looks: int = 0
    deaths: int = 0
    proofs: int = 0


class NotGiven:
    """Remembers across connections; a restart begins anew."""

    def __init__(self) -> None:
        self._uidvalidity = 0
        self._cases: dict[int, _Case] = {}

    def begin(self, uidvalidity: int) -> None:
        """Other numbers mean other mails."""
        if uidvalidity != self._uidvalidity:
            self._uidvalidity = uidvalidity
            self._cases.clear()

    def only(self, named: Collection[int]) -> None:
        """What a fresh search names no more was expunged."""
        self._cases = {uid: case for uid, case in self._cases.items() if uid in named}

    def died(self, uids: Collection[int], now: datetime, *, proven: bool) -> None:
        """The connection went while these were in hand. proven: it had given another mail."""
        proof = 1 if proven and len(uids) == 1 else 0
        for uid in uids:
            case = self._case(uid, now)
            self._cases[uid] = replace(case, deaths=case.deaths + 1, proofs=case.proofs + proof)

    def missed(self, uid: int, now: datetime) -> None:
        """The server answered without it, refused it, or gave nothing of its text."""
        case = self._case(uid, now)
        self._cases[uid] = replace(case, looks=case.looks + 1)

    def given(self, uid: int) -> None:
        """It came, or nothing more is asked of it."""
        self._cases.pop(uid, None)

    def is_suspect(self, uid: int) -> bool:
        return uid in self._cases and self._cases[uid].deaths >= SUSPECT

    def suspects(self, uids: Iterable[int]) -> list[int]:
        """Those of them, the least suspect first."""
        return sorted(filter(self.is_suspect, uids), key=lambda uid: (self._cases[uid].deaths, uid))

    def is_hopeless(self, uid: int, now: datetime) -> bool:
        """Whether it is time to decide without it."""
        case = self._cases.get(uid)
        if case is None:
            return False
        waited = abs(now - case.since)
        unproven = case.deaths >= SUSPECT + PROOFS and waited >= UNPROVEN
        return case.proofs >= PROOFS or unproven or (case.looks >= LOOKS and waited >= SHOWS_UP)

    def lowest(self, named: Set[int]) -> int | None:
        """The first of these that is still waited for. Asked once for each mail, so it walks those in trouble alone."""
        return min((uid for uid in self._cases if uid in named), default=None)

    def lasting(self, known: Iterable[int]) -> int | None:
        """The newest of these that is no trouble."""
        return max((uid for uid in known if uid > 0 and uid not in self._cases), default=None)

    def _case(self, uid: int, now: datetime) -> _Case:
        return self._cases.get(uid) or _Case(since=now)
