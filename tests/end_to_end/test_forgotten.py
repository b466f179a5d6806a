"""A person lived with the whole house, by mail, call, text and fax, and is erased: no byte of them is left in it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from commsd.demo.exchange import Caller, Exchange
from commsd.demo.smtp import SmtpSink
from commsd.store import schema
from commsd.store.opt_outs import opt_outs
from commsd.world import real_world
from tests.channels.mail.paper_house import fax_fields
from tests.channels.mail.written import mail
from tests.end_to_end.house import ADDRESS, HOTLINE, TOKEN, Daemon, letter, read, write_config
from tests.eventually import eventually
from tests.fakes.receiver import Receiver, receiving
from tests.neighbours.dovecot import Dovecot
from tests.neighbours.place import free_port
from tests.neighbours.postgres import Postgres
from tests.traces import needles, traces

pytestmark = pytest.mark.end_to_end

PUBLIC = "https://calls.example.com"
NAME, WHO, MOBILE = "Xaviera Quillfeather", "xaviera.quillfeather@zeppelinwerft.example", "+4915228817386"
SPELLED = ("+49 152 28817386", "0152 28817386", "015228817386", "004915228817386", "15228817386")
SUBJECT, BODY = "Grammofonnadel kratzt", "Die Mohnblumenvase zersprang im Käsekeller."
SPOKEN, TEXTED, ANSWERED = "Schlittenhundegespann", "Wunderkerzenständer", "Pfauenfederhalter"
MAIL_ID = "<4711.quillfeather@zeppelinwerft.example>"
OTHER = "olaf@example.org"

SECRETS = (
    *(*NAME.split(), WHO, "zeppelinwerft", "hubspot-quill", "4711.quill"),
    *(MOBILE, *SPELLED),
    *SUBJECT.split(),
    *("Mohnblumenvase", "zersprang", "Käsekeller"),
    *(SPOKEN, TEXTED, ANSWERED),
)

MORE = """
[webhooks]
private_networks = ["127.0.0.1"]

[mailbox.fax]
address = "fax@commsd.test"
channel = "fax"
person = "anna"
imap = {{ host = "{host}", port = {imap}, tls = "none", username = "{fax}", password = {{ credential = "support" }} }}

[twilio]
account_sid = "AC00000000000000000000000000000000"
auth_tokens = [{{ credential = "twilio" }}]
public_url = "{public}"
api_base_url = "{api}"

[line.hotline]
number = "{hotline}"
rounds = []
tell = ["anna"]

[dialling]
enabled = false
"""


@dataclass(slots=True)
class Life:
    """A house with people in it."""

    daemon: Daemon
    dovecot: Dovecot
    user: str
    fax: str
    sink: SmtpSink
    exchange: Exchange
    receiver: Receiver
    url: str
    postgres: Postgres | None

    async def says(self, *words: str) -> str:
        code, printed = await self.daemon.says(*words)
        assert code == 0, printed
        return printed

    async def count(self, kind: str, direction: str) -> int:
        table = schema.interactions
        wanted = select(func.count()).where(table.c.current, table.c.kind == kind, table.c.direction == direction)
        return int(await read(self.url, lambda connection: connection.execute(wanted).scalar_one()))

    def files(self, *, anew: bool = False) -> Sequence[Path]:
        """All that the house wrote. anew: once the tables of PostgreSQL were written anew."""
        here = [path for path in self.daemon.folder.rglob("*") if path.is_file()]
        return [*here, *(self.postgres.files(self.url, anew=anew) if self.postgres else ())]

    def found(self, *, anew: bool = False) -> dict[str, list[bytes]]:
        """Where anything of the person is found; all files of PostgreSQL are `store`, as that of SQLite is."""
        sought, folder = needles(SECRETS), self.daemon.folder
        looked = ((path, traces(path.read_bytes(), sought)) for path in self.files(anew=anew))
        return {_named(path, folder): found for path, found in looked if found}


def _named(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) and path.name != "commsd.db" else "store"


@asynccontextmanager
async def house(folder: Path, dovecot: Dovecot, url: str, postgres: Postgres | None) -> AsyncIterator[Life]:
    user, fax, public = dovecot.user(ADDRESS), dovecot.user("fax@commsd.test"), free_port()
    await asyncio.to_thread(dovecot.create, user, "Sent")
    exchange = Exchange(
        world=real_world(),
        public_url=PUBLIC,
        auth_token=TOKEN,
        app_url=f"http://127.0.0.1:{public}",
        numbers=[HOTLINE],
        words_per_second=1000,
    )
    async with SmtpSink() as sink, exchange, receiving() as receiver:
        more = MORE.format(
            host=dovecot.host, imap=dovecot.port, fax=fax, public=PUBLIC, api=exchange.api_base_url, hotline=HOTLINE
        )
        hours = "mon-sun 00:00-24:00"
        write_config(folder, dovecot, user, smtp=sink.port, store=url, public=public, hours=hours, more=more)
        here = Life(Daemon(folder), dovecot, user, fax, sink, exchange, receiver, url, postgres)
        await here.daemon.start()
        try:
            await here.daemon.watching()
            await here.daemon.listening()
            await eventually(lambda: here.daemon.lines("mailbox.watched", duty="mail.watch.fax"), within=30)
            yield here
        finally:
            if here.daemon.up:
                await here.daemon.kill()


async def lived(here: Life) -> None:
    """They faxed, were imported, wrote, rang, spoke, texted and were answered; a CRM heard all of it."""
    await here.says("webhooks", "add", "crm", here.receiver.url(), "--full")
    fax = fax_fields(subject=f"Facsimile received from {SPELLED[0]}", body=f"{NAME}: {BODY}\r\n")
    await asyncio.to_thread(here.dovecot.deliver, here.fax, mail(**fax))
    await eventually(lambda: list((here.daemon.state / "print").glob("*.html")), within=60)
    people = here.daemon.folder / "people.csv"
    people.write_text(f"external_id,name,email,phone\nhubspot-quill,{NAME},{WHO},{SPELLED[0]}\n")
    await here.says("contacts", "import", str(people), "--system", "hubspot")
    people.unlink()
    await asyncio.to_thread(here.dovecot.deliver_all, here.user, [wrote(), letter(1, f"Olaf <{OTHER}>")])
    await eventually(lambda: {WHO, OTHER} <= {taken.recipient for taken in here.sink.accepted}, within=60)
    call = await here.exchange.ring(from_=MOBILE, to=HOTLINE, caller=Caller(keys=("3",), says=SPOKEN))
    async with asyncio.timeout(60):
        await here.exchange.ended(call)
    await here.exchange.text(from_=MOBILE, to=HOTLINE, body=f"Bitte ruft mich an wegen {TEXTED}")
    await here.exchange.text(from_=MOBILE, to=HOTLINE, body="STOP")
    await asyncio.to_thread(here.dovecot.deliver, here.user, answer(), "Sent")
    await eventually(lambda: _sound(here), within=60)
    await eventually(lambda: here.count("message", "outbound"), within=60)
    await eventually(lambda: any(ANSWERED.encode() in each.body for each in here.receiver.heard), within=60)


def wrote() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"{NAME} <{WHO}>", ADDRESS, SUBJECT
    message["Message-ID"] = MAIL_ID
    message.set_content(f"{BODY}\n{NAME}, {SPELLED[1]}\n", cte="base64")
    message.add_attachment(BODY.encode() * 9, maintype="application", subtype="pdf", filename=f"{NAME}.pdf")
    return message.as_bytes()


def answer() -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = f"Anna Berg <{ADDRESS}>", f"{NAME} <{WHO}>"
    message["Subject"] = f"Re: {SUBJECT} {ANSWERED}"
    message["Message-ID"], message["In-Reply-To"] = "<answer-1@commsd.test>", MAIL_ID
    message.set_content(f"{NAME}, {ANSWERED}: {BODY}", cte="quoted-printable")
    return message.as_bytes()


async def _sound(here: Life) -> int:
    """What was left on the machine is kept."""
    wanted = select(func.count()).where(schema.originals.c.media_type.like("audio/%"))
    return int(await read(here.url, lambda connection: connection.execute(wanted).scalar_one()))


def _decided_under(connection: Connection) -> int:
    """How many keys stand in the store, each the hash of an address or a number; only PostgreSQL has any."""
    return int(connection.execute(select(func.count()).select_from(schema.decision_keys)).scalar_one())


ERASE = ("contacts", "erase", WHO, "--yes", "--even-if-owed", "--agent", "anna")


async def test_prv_1_whoever_is_erased_is_in_no_file_of_the_whole_house(
    dovecot: Dovecot, tmp_path: Path, store_url: str, request: pytest.FixtureRequest
) -> None:
    postgres = None if store_url.startswith("sqlite") else request.getfixturevalue("postgres")
    async with house(tmp_path, dovecot, store_url, postgres) as here:
        await lived(here)
        before = here.found()
        assert {"store", "log.jsonl"} & set(before) == {"store"}
        assert [name for name in before if name.startswith("state/print/")]
        await here.says(*ERASE)
        await here.says("contacts", "show", OTHER)
        assert await here.daemon.stop() == 0
        await here.says("contacts", "export", OTHER, "--to", str(tmp_path / "export-of-another"))
        for file in ("log.ndjson", "log.csv"):
            await here.says("log", "export", "--to", str(tmp_path / file))
        assert any(b"olaf" in path.read_bytes() for path in here.files())
        assert here.found(anew=True) == {}
        assert await read(here.url, _decided_under) == 0
        assert await read(here.url, lambda c: [o.word for o in opt_outs(c, [MOBILE])]) == ["stop"]
        code, printed = await here.daemon.says("db", "check")
        assert code == 0, printed
