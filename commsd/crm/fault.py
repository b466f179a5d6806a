"""What can be wrong with a request, as exceptions; problem.py says each in HTTP. Pure."""

from collections.abc import Mapping
from datetime import timedelta

from commsd.errors import CommsdError


class Invalid(CommsdError):
    """The request cannot be read as one. mistakes: JSON pointer or query parameter -> what to write."""

    def __init__(self, what: str, *, remedy: str, mistakes: Mapping[str, str] | None = None) -> None:
        super().__init__(what, remedy=remedy)
        self.mistakes = dict(mistakes or {})


class NoKey(CommsdError):
    """No key, or one we do not know."""


class NoScope(CommsdError):
    """The key is known and may not do this."""


class WrongNetwork(CommsdError):
    """The key is known and not good from where it was sent."""


class NotJson(CommsdError):
    """A body in a form that this route does not read."""


class SameKeyOtherBody(CommsdError):
    """An Idempotency-Key used twice for different requests."""


class ActedBefore(CommsdError):
    """Another request under this Idempotency-Key was carried out. came_to: what `idempotency` noted of it."""

    def __init__(self, came_to: str) -> None:
        super().__init__("this was carried out before", remedy="nothing: its answer tells what came of it")
        self.came_to = came_to


class TooOften(CommsdError):
    """Asked more often than the rate allows. wait: until the next is granted."""

    def __init__(self, what: str, *, remedy: str, wait: timedelta) -> None:
        super().__init__(what, remedy=remedy)
        self.wait = wait


class TooLarge(CommsdError):
    """A request with more bytes than anything here needs."""
