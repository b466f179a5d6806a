"""Whether a submission server lets an account in: nobody is sent ahead to a closed door in numbers, and after a refused
login it rests. Pure: time is seconds by a clock that nobody sets.
"""

from datetime import timedelta

from commsd.channels.mail.outcome import Outcome
from commsd.channels.mail.settle import LOGIN_RESTS, about_us

KNOCK = 60.0
"""Seconds after a try at a closed door until the next, if no message is tried before."""


class Door:
    """As the last words of the server left it. mark: of the secret that is presented; another may be tried at once."""

    def __init__(self) -> None:
        self.is_open = True
        self._told_closed = False
        self._refusals = 0
        self._rests_until = self._tried_at = -KNOCK
        self._mark = self._tried_mark = ""

    @property
    def may_rest(self) -> bool:
        """Whether the last login was refused."""
        return self._refusals > 0

    def rests_for(self, now: float, mark: str) -> float:
        """Seconds for which nothing shall be tried with this secret."""
        return max(self._rests_until - now, 0.0) if self._refusals and mark == self._mark else 0.0

    def knocks_in(self, now: float, mark: str) -> float:
        """Seconds until it should be seen whether it is open again; at once with a secret that was not tried yet."""
        return max(self._tried_at + KNOCK - now, 0.0) if mark == self._tried_mark else 0.0

    def shut(self) -> None:
        """Taken for closed until somebody was let in: what waits was turned away in an earlier life."""
        self.is_open = False

    def heard(self, word: Outcome, now: float, mark: str) -> timedelta | None:
        """Takes a word in; the rest that begins with it, if one does."""
        self._tried_at, self._tried_mark = now, mark
        if not about_us(word):
            self._refusals = 0 if word.kind != "later" else self._refusals
            return None
        if self.rests_for(now, mark):
            return None
        before = self._refusals if mark == self._mark else 0
        rest = LOGIN_RESTS[min(before, len(LOGIN_RESTS) - 1)]
        self._refusals, self._mark, self._rests_until = before + 1, mark, now + rest.total_seconds()
        return rest

    def closed(self) -> bool:
        """Nobody was let in; says whether that is news."""
        news, self.is_open, self._told_closed = not self._told_closed, False, True
        return news

    def opened(self) -> bool:
        """Somebody was let in; says whether that is news after it was told closed."""
        news, self.is_open, self._told_closed = self._told_closed, True, False
        return news
