"""What would be done with a mail that lies on disk: decoded, screened and its language found, as for one that came in.

History is left out: no budget, no duplicate, no conversation. Nothing is stored or sent, and no mail stops the rest.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from commsd.channels.mail.account import Mailbox, MailSettings
from commsd.channels.mail.desk import Desk, us_of
from commsd.channels.mail.language import language_of
from commsd.channels.mail.letter import ON_PAPER, sheet_of
from commsd.channels.mail.message import Message, decode
from commsd.channels.mail.paper import UNREAD
from commsd.channels.mail.suppression import Us, answer_address, why_silent
from commsd.channels.mail.texts import Texts
from commsd.config.load import load
from commsd.config.secret import resolve
from commsd.config.settings import Config
from commsd.errors import CommsdError
from commsd.world import real_world

LANGUAGES = ("en", "de", "da", "id")
LOOKED_AT = 65_536
"""Bytes of a mail that decide, as for one that lies in a mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What mails are judged by. at: when they are taken to have arrived.

    us: where no mailbox is named in the mail. sides: our side as the mailbox of an address sees it, by the address.
    paper: the desks that take letters and faxes, by address.
    """

    us: Us
    languages: tuple[str, ...]
    at: datetime
    sides: Mapping[str, Us] = field(default_factory=dict)
    paper: Mapping[str, Desk] = field(default_factory=dict)

    def side(self, message: Message) -> Us:
        """Our side as the mailbox sees it to which the mail came, so far as it says."""
        return next((self.sides[each] for each in _came_to(message) if each in self.sides), self.us)

    def desk(self, message: Message) -> Desk | None:
        """The desk for letters and faxes to which the mail came, if it came to one."""
        return next((self.paper[each] for each in _came_to(message) if each in self.paper), None)


def _came_to(message: Message) -> tuple[str, ...]:
    named = (mailbox.key for mailbox in (*message.to, *message.cc))
    delivered = (value.strip(" <>").lower() for value in message.all("delivered-to"))
    return (*named, *delivered)


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
    key = known_key(config)
    by_box = [(box, us_of(box, mail, config.firm, key)) for box in mail.mailboxes.values()]
    sides = {address.lower(): us for box, us in by_box for address in (box.address, *box.aliases)}
    together = _together([us for _, us in by_box])
    papers = {box.name: _paper(box, us, config, key) for box, us in by_box if box.channel in ON_PAPER}
    paper = {each.lower(): papers[box.name] for box, _ in by_box if box.name in papers for each in box.addresses}
    return Bench(us=together, languages=config.firm.languages, at=now, sides=sides, paper=paper)


def _paper(box: Mailbox, us: Us, config: Config, key: bytes) -> Desk:
    """A desk for letters or faxes, as far as telling who sent one needs it."""
    return Desk(mailbox=box, firm=config.firm, us=us, texts=Texts({}, re.compile(r"(?!)")), key=key)


def _together(sides: list[Us]) -> Us:
    """All mailboxes as one."""
    if not sides:
        return Us()
    return replace(
        sides[0],
        forwarders=frozenset().union(*(us.forwarders for us in sides)),
        own_list_ids=frozenset().union(*(us.own_list_ids for us in sides)),
        contact_forms=frozenset().union(*(us.contact_forms for us in sides)),
        authserv_ids=frozenset().union(*(us.authserv_ids for us in sides)),
        heard_locals=frozenset().union(*(us.heard_locals for us in sides)),
        silent_invitations=all(us.silent_invitations for us in sides),
    )


def known_key(config: Config) -> bytes:
    """The key our own ids are told by, as far as it can be read; none is made."""
    try:
        if config.key is not None:
            return resolve(config.key, config.folder, os.environ).reveal().encode()
        return (config.state_folder(os.environ) / "key").read_text().strip().encode()
    except (OSError, CommsdError):
        return b""


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
    if (desk := bench.desk(message)) and (sheet := sheet_of(message, desk)):
        return (None if sheet.known else UNREAD), language
    us = bench.side(message)
    verdict = why_silent(message, us)
    if verdict.reason:
        return f"no-ack:{verdict.reason}", language
    return (None if answer_address(message, us) else "no-ack:no-sender"), language


def _mail(raw: bytes) -> bytes:
    """The mail without the line that parts mails in an mbox file, and blank lines before its header."""
    rest = raw.lstrip(b"\r\n")
    if rest.startswith((b"From ", b">From ")):
        end = min((at for at in (rest.find(b"\n"), rest.find(b"\r")) if at >= 0), default=len(rest))
        rest = rest[end:].lstrip(b"\r\n")
    return rest or raw
