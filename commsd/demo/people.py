"""The people of the demo: who writes, who rings, who answers; what they say and what must come of it. Pure.

One fixed opening scene, and visitors without end. All of them are invented.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from commsd.demo.table import Wanted

DOMAIN = "example.com"
SUPPORT, SALES = f"support@{DOMAIN}", f"sales@{DOMAIN}"
HOTLINE, SALES_LINE = "+493023125010", "+493023125020"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """One of our people."""

    id: str
    name: str
    phone: str
    languages: tuple[str, ...]

    @property
    def mail(self) -> str:
        """The address."""
        return f"{self.id}@{DOMAIN}"


ANNA = Colleague(id="anna", name="Anna Berg", phone="+493023125011", languages=("de", "en"))
BO = Colleague(id="bo", name="Bo Lund", phone="+493023125012", languages=("da", "en"))
CAI = Colleague(id="cai", name="Cai Hartono", phone="+493023125013", languages=("id", "en"))
COLLEAGUES = (ANNA, BO, CAI)
"""Anna has the support mailbox and is away from her desk; Bo sells and picks up; Cai leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail. id: its Message-ID without brackets. to: where a copy of it lies, in this order.

    at: seconds after the doors open. headers: what marks a machine. again: the mail of their own that they go on from.
    wanted: what must come of it; None for visitors after the scene.
    """

    at: float = 0.0
    id: str
    name: str
    address: str
    subject: str
    text: str
    to: tuple[str, ...] = (SUPPORT,)
    headers: Mapping[str, str] = field(default_factory=dict)
    again: str = ""
    wanted: Wanted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A telephone call. patience: seconds after which the caller hangs up."""

    at: float = 0.0
    name: str
    number: str
    line: str
    patience: float
    wanted: Wanted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One of our people answers a mail from the mail program, so that a copy lies in Sent."""

    at: float = 0.0
    to: Letter
    by: Colleague
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBack:
    """One of our people claims the callback of this number and says what came of it."""

    at: float
    number: str
    by: Colleague


Act = Letter | Ring | Answer | CallBack


def written(letter: Letter, now: datetime) -> bytes:
    """The mail as it reaches the mailbox."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = formataddr((letter.name, letter.address))
    mail["To"] = letter.to[0]
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{letter.id}>"
    if letter.again:
        mail["In-Reply-To"] = mail["References"] = f"<{letter.again}>"
    for name, value in letter.headers.items():
        mail[name] = value
    mail.set_content(letter.text)
    return mail.as_bytes()


def answered(answer: Answer, now: datetime) -> bytes:
    """The answer as the mail program leaves it in Sent."""
    letter = answer.to
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = formataddr((answer.by.name, letter.to[0]))
    mail["To"] = formataddr((letter.name, letter.address))
    mail["Subject"] = f"Re: {letter.subject}"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<answer.{letter.id.partition('@')[0]}@{DOMAIN}>"
    mail["In-Reply-To"] = mail["References"] = f"<{letter.id}>"
    mail.set_content(answer.text)
    return mail.as_bytes()


def _customer(  # the words of one mail of the scene
    at: float, slug: str, name: str, language: str, subject: str, text: str, *to: str, **wanted: str | bool
) -> Letter:
    mail_id = f"{slug}@mail.example.org"
    return Letter(
        at=at,
        id=mail_id,
        name=name,
        address=f"{slug.partition('.')[0]}@example.org",
        subject=subject,
        text=text,
        to=to or (SUPPORT,),
        wanted=Wanted(key=mail_id, who=name, by="mail", language=language, **wanted),  # type: ignore[arg-type]
    )
