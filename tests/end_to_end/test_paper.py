"""A fax comes to a whole house: its page lies in the state folder, a person is told, posts it, and nothing is owed."""

import asyncio
import json
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from commsd.demo.smtp import SmtpSink
from tests.channels.mail.paper_house import fax_fields
from tests.channels.mail.written import mail
from tests.end_to_end.house import ADDRESS, Daemon, write_config
from tests.eventually import eventually
from tests.neighbours.dovecot import Dovecot

pytestmark = pytest.mark.end_to_end

FAX = """
[mailbox.fax]
address = "fax@commsd.test"
channel = "fax"
person = "anna"
imap = {{ host = "{host}", port = {port}, tls = "none", username = "{user}", password = {{ credential = "support" }} }}
"""


async def test_a_fax_becomes_a_page_that_somebody_posts_also_after_a_kill(dovecot: Dovecot, tmp_path: Path) -> None:
    user, fax, daemon = dovecot.user(ADDRESS), dovecot.user("fax@commsd.test"), Daemon(tmp_path)
    pages = daemon.state / "print"
    async with SmtpSink() as sink:
        more = FAX.format(host=dovecot.host, port=dovecot.port, user=fax)
        store = f"sqlite:///{tmp_path}/commsd.db"
        write_config(tmp_path, dovecot, user, smtp=sink.port, store=store, hours="mon-sun 00:00-24:00", more=more)
        await daemon.start()
        try:
            await daemon.watching()
            await eventually(lambda: daemon.lines("mailbox.watched", duty="mail.watch.fax"), within=30)
            await asyncio.to_thread(dovecot.deliver, fax, mail(**fax_fields()))
            await eventually(lambda: pages.is_dir() and list(pages.glob("*.html")), within=30)
            await eventually(lambda: sink.accepted, within=30)
            told = message_from_bytes(sink.accepted[0].raw, policy=policy.default)
            assert (told["To"], told["Subject"]) == ("anna@commsd.test", "To be posted: a letter")
            await daemon.kill()
            await daemon.start()
            await eventually(lambda: len(daemon.lines("mailbox.watched", duty="mail.watch.fax")) == 2, within=30)
            (page,) = pages.iterdir()
            code, printed = await daemon.says("letters", "list", "--json")
            (letter,) = json.loads(printed)
            assert (code, letter["file"], letter["to"]) == (0, str(page), "+493023125099")
            assert (await daemon.says("letters", "posted", letter["id"], "--agent", "anna"))[0] == 0
            await eventually(lambda: not list(pages.iterdir()), within=45)
            assert (await daemon.says("ledger"))[0] == 0
            assert {taken.recipient for taken in sink.accepted} == {"anna@commsd.test"}
            assert len({taken.raw for taken in sink.accepted}) == 1  # killed before it was settled, it goes once more
        finally:
            if daemon.up:
                await daemon.kill()
    assert "23125099" not in daemon.log.read_text()
