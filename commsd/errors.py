"""What can go wrong that a caller handles or an operator mends; each error says what to do next.

Exit codes follow sysexits.h: 1 findings, 2 usage, 69 a service cannot be reached, 75 try again, 78 configuration.
"""


class CommsdError(Exception):
    """What went wrong, and what the operator does next. One subclass per thing a caller can handle."""

    exit_code = 1

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what}\n  {remedy}")
        self.what, self.remedy = what, remedy


class ConfigError(CommsdError):
    """The configuration cannot be used. `what` may hold many lines, one a mistake."""

    exit_code = 78


class Unreachable(CommsdError):
    """A service we need (IMAP, SMTP, Twilio, the database) does not answer."""

    exit_code = 69


class StoreAway(Unreachable):
    """The database does not answer. The log has said so: whoever gets this need not say it again."""


class TryAgain(CommsdError):
    """Refused for now; the same call may succeed later."""

    exit_code = 75


class Throttled(TryAgain):
    """The service asks for less: come again after a minute, not after a second."""


class Elsewhere(TryAgain):
    """Another node does it. Come again soon: where that node is dead, its lease runs out and nobody says so."""


class LeaseLost(CommsdError):
    """Somebody else holds the lease this decision was made under; nothing of it was written."""

    exit_code = 75


class IllegalStep(CommsdError):
    """A state table has no row for this state and event."""


class NotFound(CommsdError):
    """No record has this id, address or number."""


class Refused(CommsdError):
    """The request contradicts the record it is about (a closed callback cannot be claimed)."""


class OtherRevision(CommsdError):
    """The record is not at the revision the change was made for; nothing was written."""
