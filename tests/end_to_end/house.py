"""A house as its operator has it: a config folder on disk, and the installed daemon started upon it as a process."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection

from commsd.demo.exchange import Exchange
from commsd.demo.smtp import Accepted, Fault, SmtpSink
from commsd.store.engine import open_engine
from tests.eventually import eventually
from tests.neighbours.dovecot import Dovecot
from tests.neighbours.place import dies_with_us, free_port

T = TypeVar("T")

PRIVATE = (
    *("example.org", "commsd.test", "support-", "Anna", "Customer"),  # who
    *("+4930", "4930231250"),
    *("has not arrived", "Order ", "Good morning", "could you please tell"),  # what
    *("sesame", "gehoert-niemand"),
)
"""What may never stand in a log line of this house."""

STARTS_WITHIN = 90.0
ADDRESS = "support@commsd.test"
HOTLINE = "+493023125010"
TOKEN = "gehoert-niemand"

CONFIG = """
[service]
name = "Example Ltd"
timezone = "Europe/Berlin"
hours = "{hours}"
country = "DE-BE"
languages = ["en", "de", "da", "id"]

[store]
url = "{store}"

[http]
listen = "127.0.0.1:{listen}"
public_listen = "127.0.0.1:{public}"

[agent.anna]
name = "Anna Berg"
mail = ["anna@commsd.test"]
phone = "+493023125011"
languages = ["de", "en"]

[mailbox.support]
address = "{address}"
person = "anna"
imap = {{ host = "{host}", port = {imap}, tls = "none", username = "{user}", password = {{ credential = "support" }} }}
smtp = {{ host = "127.0.0.1", port = {smtp}, tls = "none", username = "" }}
"""

TELEPHONE = """
[twilio]
account_sid = "AC00000000000000000000000000000000"
auth_tokens = [{{ credential = "twilio" }}]
public_url = "{base}"
api_base_url = "{api}"

[line.hotline]
number = "{hotline}"
rounds = [["anna"]]
sms_ack = false

[dialling]
enabled = false
"""


def write_config(
    folder: Path,
    dovecot: Dovecot,
    user: str,
    *,
    smtp: int,
    store: str,
    public: int | None = None,
    hours: str = "mon-fri 09:00-17:00",
    more: str = "",
) -> None:
    """The folder with its one file and its credential, as `commsd run` takes it."""
    (folder / "credentials").mkdir(parents=True, exist_ok=True)
    for name, value in (("support", dovecot.password), ("twilio", TOKEN)):
        secret = folder / "credentials" / name
        secret.write_text(value)
        secret.chmod(0o600)
    text = CONFIG.format(
        hours=hours,
        store=store,
        listen=free_port(),
        public=public or free_port(),
        address=ADDRESS,
        host=dovecot.host,
        imap=dovecot.port,
        user=user,
        smtp=smtp,
    )
    (folder / "commsd.toml").write_text(text + more, "utf-8")


def mail_server(faults: Callable[[str], Fault | None] | None = None) -> SmtpSink:
    """A mail server that may be down for a while: nobody else is given its port meanwhile."""
    sink = SmtpSink(faults=faults)
    sink.port = free_port()
    return sink


def telephone(exchange: Exchange) -> str:
    """A hotline behind this exchange: Anna's telephone rings, and nobody else's."""
    return TELEPHONE.format(base=exchange.public_url, api=exchange.api_base_url, hotline=HOTLINE)


@dataclass(slots=True)
class Daemon:
    """The daemon of one config folder, over as many lives as a test gives it. Its log lines are kept in one file."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    _began: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    def command(self, *words: str) -> list[str]:
        """The console script beside our interpreter, with this config folder."""
        return [str(Path(sys.executable).parent / "commsd"), "--config", str(self.folder), *words]

    def environment(self) -> dict[str, str]:
        """What systemd would set, and nothing that it set for us. Without bytecode a start takes seconds longer."""
        not_ours = ("NOTIFY_SOCKET", "COMMSD_CONFIG", "PYTHONDONTWRITEBYTECODE")
        inherited = {name: value for name, value in os.environ.items() if name not in not_ours}
        return {**inherited, "STATE_DIRECTORY": str(self.state), **self.env}

    async def says(self, *words: str) -> tuple[int, str]:
        """Another command on the same config: its exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment(),
        )
        async with asyncio.timeout(STARTS_WITHIN):
            printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()

    @property
    def state(self) -> Path:
        """Its state folder."""
        path = self.folder / "state"
        path.mkdir(exist_ok=True)
        return path

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    @property
    def up(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """A new life. Returns at once; `watching` tells when it works."""
        with self.log.open("ab") as log:
            self._began = log.tell()
            self.process = await asyncio.create_subprocess_exec(
                *dies_with_us(),
                *self.command("run"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment(),
            )

    async def kill(self) -> None:
        """SIGKILL: no line of it runs on."""
        await self._end(signal.SIGKILL)

    async def stop(self, within: float = 30.0) -> int:
        """SIGTERM; the exit code."""
        return await self._end(signal.SIGTERM, within)

    def tell(self, number: signal.Signals) -> None:
        """Any other signal."""
        os.kill(self.pid, number)

    async def _end(self, number: signal.Signals, within: float = 30.0) -> int:
        assert self.process
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(within):
            return await self.process.wait()

    def lines(self, event: str = "", *, since: int = 0, **fields: Any) -> list[dict[str, Any]]:
        """The lines of its log so far, or from this byte on: those of one event with these fields."""
        found = [_line(raw) for raw in self.log.read_bytes()[since:].splitlines()] if self.log.exists() else []
        wanted = {"event": event, **fields} if event else fields
        return [line for line in found if all(line.get(name) == value for name, value in wanted.items())]

    async def watching(self) -> None:
        """When this life watches the inbox."""
        await self._says("mailbox.watched", duty="mail.watch.support")

    async def listening(self) -> None:
        """When this life takes webhooks."""
        await self._says("http.listening", listener="web.public")

    async def _says(self, event: str, **fields: Any) -> None:
        try:
            await eventually(
                lambda: self.lines(event, since=self._began, **fields) or self._died(), within=STARTS_WITHIN
            )
        except AssertionError as error:
            raise AssertionError(f"no {event}: {error}\n{self.log.read_text()[-3000:]}") from None

    def _died(self) -> bool:
        assert self.up, f"the daemon ended by itself\n{self.log.read_text()[-3000:]}"
        return False


def _line(raw: bytes) -> dict[str, Any]:
    try:
        line: dict[str, Any] = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {"event": "", "text": raw.decode(errors="replace")}
    return line


async def let_run(seconds: float) -> None:
    """Some time in which the daemon, a process of its own, does what it does."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()


def letter(number: int, sender: str | None = None, subject: str | None = None, text: str | None = None) -> bytes:
    """A customer's mail; each number is another customer with another matter."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = sender or f"Customer {number} <customer-{number}@example.org>"
    mail["To"] = ADDRESS
    mail["Subject"] = subject or f"Order {number} has not arrived"
    mail["Message-ID"] = f"<mail-{number}@example.org>"
    mail["Date"] = "Wed, 04 Mar 2026 09:00:00 +0000"
    mail.set_content(text or f"Good morning, could you please tell me where my order {number} is? Thank you.\n")
    return mail.as_bytes()


def acks(accepted: list[Accepted]) -> dict[str, dict[str, list[bytes]]]:
    """Message-ID of a mail -> Message-ID of each ack it got -> the bytes of each copy."""
    found: dict[str, dict[str, list[bytes]]] = {}
    for taken in accepted:
        ack = message_from_bytes(taken.raw, policy=policy.default)
        copies = found.setdefault(str(ack["In-Reply-To"]), {}).setdefault(str(ack["Message-ID"]), [])
        copies.append(taken.raw)
    return found


async def read(url: str, f: Callable[[Connection], T]) -> T:
    """What a reading function finds in the store, over a connection of our own."""
    engine = open_engine(url)
    try:
        return await engine.read(f)
    finally:
        await engine.close()
