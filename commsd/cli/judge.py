"""What would be done with a mail that lies on disk: decoded, screened and its language found, as for one that came in.

History is left out: no budget, no duplicate, no conversation. Nothing is stored or sent, and no mail stops the rest.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from commsd.channels.mail.account import MailSettings
from commsd.channels.mail.language import language_of
from commsd.channels.mail.message import decode
from commsd.channels.mail.suppression import Us, answer_address, why_silent
from commsd.config.load import load
from commsd.world import real_world

LANGUAGES = ("en", "de", "da", "id")
LOOKED_AT = 65_536
"""Bytes of a mail that decide, as for one that lies in a mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What mails are judged by. at: when they are taken to have arrived."""

    us: Us
    languages: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One file's decision. reason: `no-ack:…`, or why it could not be read."""

    file: str
    decision: Literal["ack", "no-ack", "error"]
    reason: str | None
    language: str | None

    def record(self) -> dict[str, str | None]:
        """As `--json` has it."""
        return {"file": self.file, "decision": self.decision, "reason": self.reason, "language": self.language}


def bench_of(folder: Path | None) -> Bench:
    """By the config in the folder, all its mailboxes together; without one nobody is us. Raises ConfigError."""
    now = real_world().now()
    if folder is None:
        return Bench(us=Us(), languages=LANGUAGES, at=now)
    config = load(folder, now=now)
    mail: MailSettings = config.settings["mail"]
    boxes = mail.mailboxes.values()
    us = Us(
        addresses=frozenset(address.lower() for address in mail.addresses),
        internal_domains=config.firm.internal_domains,
        forwarders=frozenset(address.lower() for box in boxes for address in box.forwarders),
        own_list_ids=frozenset(name.lower() for box in boxes for name in box.own_list_ids),
        contact_forms=frozenset(address.lower() for box in boxes for address in box.contact_forms),
    )
    return Bench(us=us, languages=config.firm.languages, at=now)


def judged(file: Path, bench: Bench) -> Judged:
    """The decision about one file; never raises."""
    try:
        with file.open("rb") as opened:
            reason, language = _decision(_mail(opened.read(LOOKED_AT)), bench)
    except OSError as error:
        return Judged(file=str(file), decision="error", reason=error.strerror or type(error).__name__, language=None)
    except Exception as error:  # the edge of one mail: the others go on
        return Judged(file=str(file), decision="error", reason=type(error).__name__, language=None)
    decision: Literal["ack", "no-ack"] = "no-ack" if reason else "ack"
    return Judged(file=str(file), decision=decision, reason=reason, language=language)


def _decision(raw: bytes, bench: Bench) -> tuple[str | None, str]:
    message = decode(raw, folder_date=bench.at)
    language, _ = language_of(message, None, bench.languages)
    verdict = why_silent(message, bench.us)
    if verdict.reason:
        return f"no-ack:{verdict.reason}", language
    return (None if answer_address(message, bench.us) else "no-ack:no-sender"), language


def _mail(raw: bytes) -> bytes:
    """The mail without the line that parts mails in an mbox file, and blank lines before its header."""
    rest = raw.lstrip(b"\r\n")
    if rest.startswith((b"From ", b">From ")):
        end = min((at for at in (rest.find(b"\n"), rest.find(b"\r")) if at >= 0), default=len(rest))
        rest = rest[end:].lstrip(b"\r\n")
    return rest or raw
