"""What `check --online` finds out: whether every service lets us in, and whether what lies there looks right.

Reads only; no mail is taken, none is sent.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from commsd.channels.mail.account import Mailbox, MailboxRole, MailSettings
from commsd.channels.mail.accounts import Accounts
from commsd.channels.mail.folder import Folder, named_folder, sent_folder
from commsd.channels.mail.imap_login import remedy_of
from commsd.channels.mail.sent_names import AUTO
from commsd.channels.mail.session import Session
from commsd.channels.mail.submission import Submission
from commsd.channels.phone.line import Line, PhoneSettings, Twilio
from commsd.channels.phone.number_setup import NumberSetup
from commsd.cli.house import absent_database, engine_of
from commsd.cli.mail_accounts import mail_accounts
from commsd.cli.online_phone import account, dialling, line_answer
from commsd.config.settings import Config
from commsd.core.record import Json
from commsd.errors import CommsdError, ConfigError, NotFound, Unreachable
from commsd.sla.rules.in_force import Rules
from commsd.store.engine import Engine, ping
from commsd.store.log import Log
from commsd.store.migrate import revision
from commsd.world import real_world

WHOLE = 60.0
"""Seconds for one service, all steps together."""

LOOKED_BACK = timedelta(days=30)
ENOUGH = 20
FEW = 0.1
"""Fewer answers than this share of what came in: our people answer from somewhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of one service. code: the exit code it asks for; remedy: "" where there is nothing to do."""

    service: str
    said: str
    remedy: str = ""
    code: int = 0

    def __str__(self) -> str:
        word = "" if self.code == 0 and not self.remedy else "warning: " if self.code == 0 else "error: "
        return f"{self.service}: {word}{self.said}" + (f"\n  {self.remedy}" if self.remedy else "")

    def as_json(self) -> Json:
        """As `--json` has it."""
        return {"service": self.service, "fine": self.code == 0, "said": self.said, "remedy": self.remedy or None}


def exit_code(looks: Sequence[Look]) -> int:
    """69 where something cannot be reached, else what the worst of them asks for."""
    codes = {each.code for each in looks}
    order = (Unreachable.exit_code, ConfigError.exit_code)
    return next((code for code in order if code in codes), max(codes, default=0))


async def look(config: Config, env: Mapping[str, str]) -> Sequence[Look]:
    """Every service at once, in the order of the configuration."""
    mail: MailSettings | None = config.settings.get("mail")
    phone: PhoneSettings | None = config.settings.get("phone")
    store = await _asked("store", partial(_store, config, env))
    async with mail_accounts(config, env if store.code == 0 else {}) as accounts:
        asked: list[Awaitable[Look]] = []
        for box in mail.mailboxes.values() if mail else ():
            asked.append(_asked(f"mailbox.{box.name} imap", partial(_imap, box, accounts)))
            if box.smtp:
                asked.append(_asked(f"mailbox.{box.name} smtp", partial(_smtp, box, accounts)))
        telephone = _phone(phone, phone.twilio) if phone and phone.twilio else _nothing()
        looks, calls = await asyncio.gather(asyncio.gather(*asked), telephone)
        return [store, *looks, *calls]


Answer = tuple[str, str]
"""What was seen, and what to do about it."""


async def _asked(service: str, ask: Callable[[], Awaitable[Answer]]) -> Look:
    try:
        async with asyncio.timeout(WHOLE):
            said, remedy = await ask()
    except CommsdError as error:
        return Look(service=service, said=error.what, remedy=error.remedy, code=error.exit_code)
    except TimeoutError:
        remedy = "check that it runs and that this machine may reach it"
        return Look(service=service, said="no answer in time", remedy=remedy, code=Unreachable.exit_code)
    return Look(service=service, said=said, remedy=remedy)


async def _store(config: Config, env: Mapping[str, str]) -> Answer:
    if path := absent_database(config, env):
        return _to_be_made(path)
    engine = engine_of(config, env)
    try:
        await ping(engine)
        return await _rules(engine)
    finally:
        await engine.close()


async def _rules(engine: Engine) -> Answer:
    """What ages in the rules in force: holidays that run out soon, zones that are gone."""
    found, newest = await engine.read(revision)
    if found != newest:
        return "answers", ""
    rules, now = Rules(Log(engine, real_world())), real_world().now()
    await rules.load()
    said, remedies = ["answers"], []
    if until := rules.holidays_end(now):
        said.append(f"the rules in force list holidays up to {until}")
        remedies.append("list more: commsd sla apply on the same files")
    for calendar, zone in rules.lost_zones(now).items():
        used = "it counts in its fallback_tz, else in UTC"
        said.append(f'no time zone database knows "{zone}" of calendar "{calendar}" any more: {used}')
        remedies.append(f"give {calendar} another tz, or update tzdata")
    return "; ".join(said), "; ".join(remedies)


def _to_be_made(path: Path) -> Answer:
    """Before the first start there is no database, and that is fine where one can be made."""
    above = next(folder for folder in path.parents if folder.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        raise ConfigError(
            f"there is no database {path} yet, and {above} cannot be written",
            remedy="make its folder for the user the daemon runs as, or ask as that user",
        )
    return f"no database {path} yet, `commsd run` makes it", ""


async def _imap(box: Mailbox, accounts: Accounts) -> Answer:
    session = await accounts.imap(box).connect()
    try:
        return await _folders(session, box)
    finally:
        await session.close()


async def _folders(session: Session, box: Mailbox) -> Answer:
    since = (real_world().now() - LOOKED_BACK).date()
    received = 0
    if box.role is not MailboxRole.SENT_ONLY:
        await session.examine(box.folder)
        received = len(await session.uids_since(since))
    if not box.sent:
        return f"logged in, {received} received in {LOOKED_BACK.days} days", ""
    there = await session.folders()
    sent = [sent_folder(there) if name == AUTO else named_folder(there, name) for name in box.sent]
    answers = 0
    for folder in dict.fromkeys(filter(None, sent)):
        await session.examine(folder)
        answers += len(await session.uids_since(since))
    said = f"logged in, {received} received, {answers} answers seen in Sent in {LOOKED_BACK.days} days"
    return said, _about_sent(box, dict(zip(box.sent, sent, strict=True)), received, answers)


def _about_sent(box: Mailbox, found: Mapping[str, Folder | None], received: int, answers: int) -> str:
    """What to do so that answers are seen, if anything. Raises NotFound for a folder that `sent` names in vain."""
    if missing := [name for name, folder in found.items() if folder is None and name != AUTO]:
        remedy = f'name one that is there: [mailbox.{box.name}] sent = ["{AUTO}"]'
        raise NotFound(f'there is no folder "{missing[0]}", which `sent` names', remedy=remedy)
    if None in found.values():
        return f'the server marks no Sent folder and none is called so: name it, [mailbox.{box.name}] sent = ["NAME"]'
    few = received >= ENOUGH and answers < received * FEW and not box.staff
    return "list the mailboxes of the staff who answer, in `sent`" if few else ""


async def _smtp(box: Mailbox, accounts: Accounts) -> Answer:
    if box.smtp is None:
        return "not used", ""
    submission = Submission(accounts.smtp(box, box.smtp))
    try:
        refused = await submission.probe()
    finally:
        await submission.close()
    if refused is None:
        return "logged in" if box.smtp.password or box.smtp.oauth else "takes us without a login", ""
    what = f"{refused.text} ({refused.code})" if refused.code else refused.text
    if refused.stage == "login":
        raise ConfigError(f"the login is refused: {what}", remedy=remedy_of(what))
    raise Unreachable(
        f"{box.smtp.host}:{box.smtp.port}: {what}", remedy="check host, port and tls of `smtp`, and the network"
    )


async def _nothing() -> Sequence[Look]:
    return ()


async def _phone(phone: PhoneSettings, twilio: Twilio) -> Sequence[Look]:
    """The account, and each line where the account could be asked."""
    if not (twilio.api_key or twilio.auth_tokens):
        return [Look(service="twilio", said="no api_key and no auth_tokens: not asked")]
    setups: dict[str, NumberSetup] = {}
    look = await _asked("twilio", partial(account, phone, twilio, setups))
    if look.code:
        return [look]

    async def of(line: Line) -> Answer:
        return line_answer(line, setups, twilio)

    lines = [await _asked(f"line.{name}", partial(of, line)) for name, line in phone.lines.items()]
    dials = phone.dialling.enabled and any(not line.observe for line in phone.lines.values())
    return [look, *lines, *([await _asked("dialling", partial(dialling, phone, twilio))] if dials else [])]
