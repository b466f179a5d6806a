"""Reading the past of a mailbox: a real Dovecot whose flags stay, and a scripted server of fifty thousand mails."""

import re
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commsd.channels.mail import imap
from commsd.channels.mail.account import Mailbox, MailboxRole, Server, Tls
from commsd.channels.mail.imap_login import Credentials
from commsd.channels.mail.lookback import Gap, Past
from commsd.channels.mail.session import Session
from commsd.channels.mail.suppression import Us
from commsd.core.past_mail import Gathering
from commsd.core.past_mail import Past as Found
from commsd.core.token import ack_id
from tests.fakes.imap_script import CUT, ImapScript, Say
from tests.neighbours.dovecot import Dovecot

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
KEY = b"k" * 32
US = Us(
    addresses=frozenset({"support@commsd.test"}),
    people=frozenset({"anna@commsd.test"}),
    internal_domains=frozenset({"commsd.test"}),
    key=KEY,
)
BOX = Mailbox(
    name="support",
    address="support@commsd.test",
    imap=Server(host="127.0.0.1", port=1, tls=Tls.NONE),
    smtp=None,
)


def head(
    number: int = 1, sender: str = "jane@example.org", subject: str = "Delivery", to: str = "", **fields: str
) -> bytes:
    lines = {
        "From": sender,
        "To": "support@commsd.test",
        "Subject": subject,
        "Message-ID": f"<{number}@{sender.partition('@')[2]}>",
        "Date": "Mon, 09 Mar 2026 09:00:00 +0000",
        **({"In-Reply-To": f"<{to}>"} if to else {}),
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode() + b"\r\n"


async def looked_back(
    connect: Callable[[], Awaitable[Session]], box: Mailbox = BOX, told: list[tuple[int, int]] | None = None
) -> tuple[Found, tuple[Gap, ...]]:
    gathering = Gathering({box.name: "short"})
    seen: list[tuple[int, int]] = [] if told is None else told
    reader = Past(box, US, connect, gathering, lambda _box, done, of: seen.append((done, of)))
    gaps = await reader.read(SINCE)
    return gathering.past(), gaps


def way_into(dovecot: Dovecot, user: str) -> Callable[[], Awaitable[Session]]:
    endpoint = imap.Endpoint(dovecot.host, dovecot.port, "none")
    return lambda: imap.connect(endpoint, Credentials(user, dovecot.password), deadline=10)


async def test_inbox_and_sent_tell_who_was_answered_and_who_was_not(dovecot: Dovecot) -> None:
    user = dovecot.user("support@commsd.test")
    day = NOW - timedelta(days=2)
    for number, raw in enumerate([head(1), head(2, "ola@example.net"), head(3, "cai@example.com", "Invoice")]):
        dovecot.deliver(user, raw + b"text\r\n", internal_date=day + timedelta(hours=number))
    answer = head(9, "anna@commsd.test", "Re: Delivery", to="1@example.org", To="jane@example.org")
    dovecot.deliver(user, answer, folder="Sent", internal_date=day + timedelta(hours=5))
    past, gaps = await looked_back(way_into(dovecot, user))
    assert gaps == ()
    assert {wait.writing.person: wait.answered_at for wait in past.waits} == {
        "jane@example.org": day + timedelta(hours=5),
        "ola@example.net": None,
        "cai@example.com": None,
    }
    assert past.mailboxes["support"].full == 3


async def test_i5_looking_back_leaves_every_flag_as_it_was(dovecot: Dovecot) -> None:
    user = dovecot.user("support@commsd.test")
    for number, flags in enumerate(("", r"\Seen", r"\Flagged $Label1", r"\Answered")):
        dovecot.deliver(user, head(number), flags=flags, internal_date=NOW - timedelta(days=1))
    before = dovecot.flags(user)
    await looked_back(way_into(dovecot, user))
    assert dovecot.flags(user) == before


async def test_what_came_before_the_span_is_left_out(dovecot: Dovecot) -> None:
    user = dovecot.user("support@commsd.test")
    dovecot.deliver(user, head(1), internal_date=SINCE - timedelta(minutes=1))
    dovecot.deliver(user, head(2), internal_date=SINCE + timedelta(minutes=1))
    past, _ = await looked_back(way_into(dovecot, user))
    assert past.mailboxes["support"].received == 1


async def test_machines_are_counted_by_reason_and_wait_for_nobody(dovecot: Dovecot) -> None:
    user = dovecot.user("support@commsd.test")
    machines = (
        head(1, List_Id="<news.example.org>"),
        head(2, "no-reply@example.org"),
        head(3, Auto_Submitted="auto-replied"),
    )
    dovecot.deliver_all(user, machines, internal_date=NOW - timedelta(days=1))
    past, _ = await looked_back(way_into(dovecot, user))
    assert past.mailboxes["support"].machines == {"list": 1, "robot-sender": 1, "auto-submitted": 1}
    assert past.waits == ()


async def test_acks_of_ours_and_machines_in_the_sent_folder_answer_nobody(dovecot: Dovecot) -> None:
    user = dovecot.user("support@commsd.test")
    day = NOW - timedelta(days=2)
    dovecot.deliver(user, head(1), internal_date=day)
    ours = ack_id(KEY, "any", "commsd.test")
    away = head(3, "anna@commsd.test", "Away", to="1@example.org", To="jane@example.org", Auto_Submitted="auto-replied")
    ack = head(
        2, "support@commsd.test", "Received", to="1@example.org", To="jane@example.org", **{"Message-ID": f"<{ours}>"}
    )
    dovecot.deliver_all(user, (ack, away), folder="Sent", internal_date=day + timedelta(hours=1))
    past, _ = await looked_back(way_into(dovecot, user))
    assert [wait.answered_at for wait in past.waits] == [None]
    assert past.answers == 0


async def test_a_log_mailbox_tells_what_our_people_answered_and_holds_no_customers(dovecot: Dovecot) -> None:
    user = dovecot.user("log@commsd.test")
    blind = head(1, "anna@commsd.test", "Re: Delivery", to="1@example.org", To="jane@example.org")
    dovecot.deliver_all(user, (blind, head(2)), internal_date=NOW - timedelta(days=1))
    box = replace(BOX, role=MailboxRole.LOG, sent=())
    past, gaps = await looked_back(way_into(dovecot, user), box)
    assert (gaps, past.answers, past.mailboxes["support"].received) == ((), 1, 0)


async def test_a_sent_folder_that_is_not_there_is_told_and_the_inbox_is_read(dovecot: Dovecot) -> None:
    user = dovecot.user("support@commsd.test")
    dovecot.deliver(user, head(1), internal_date=NOW - timedelta(days=1))
    past, gaps = await looked_back(way_into(dovecot, user), replace(BOX, sent=("Utgående",)))
    assert [gap.folder for gap in gaps] == ["Utgående"]
    assert past.mailboxes["support"].received == 1


# --- scripted


def fetched(first: int, count: int, number: Callable[[int], bytes]) -> bytes:
    parts = []
    for uid in range(first, first + count):
        raw = number(uid)
        date = b'"09-Mar-2026 09:00:00 +0000"'
        parts.append(
            b"* %d FETCH (UID %d FLAGS () INTERNALDATE %s RFC822.SIZE 900 BODY[HEADER] {%d}\r\n%s)\r\n"
            % (uid, uid, date, len(raw), raw)
        )
    return b"".join(parts)


class Long(ImapScript):
    """A server with as many mails as asked for, each made when fetched. spoilt: what is said to a FETCH instead."""

    def __init__(self, mails: int, spoilt: Callable[[str], Say | None] = lambda _command: None) -> None:
        search = b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(1, mails + 1)) + b"\r\n"
        super().__init__({"UID SEARCH": Say(search)})
        self.largest, self._spoilt = 0, spoilt

    def answer(self, name: str, command: str) -> Say:
        found = re.match(r"UID FETCH (\d+)(?::(\d+))? ", command)
        if found is None:
            return super().answer(name, command)
        if (instead := self._spoilt(command)) is not None:
            return instead
        first, last = int(found[1]), int(found[2] or found[1])
        self.largest = max(self.largest, last - first + 1)
        made = fetched(first, last - first + 1, lambda uid: head(uid, f"customer-{uid}@example.org", f"Order {uid}"))
        return Say(made)


async def peak_of(mails: int) -> int:
    """Bytes that reading so many mails takes at its height."""
    box, told = replace(BOX, sent=()), list[tuple[int, int]]()
    async with Long(mails) as server:
        tracemalloc.start()
        try:
            past, gaps = await looked_back(
                lambda: imap.connect(server.endpoint, Credentials("u", "p"), deadline=30), box, told
            )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (gaps, len(past.waits), told[-1], server.largest) == ((), mails, (mails, mails), 200)
    return peak


async def test_fifty_thousand_mails_fit_into_eighty_megabytes() -> None:
    await peak_of(200)  # what is made once stays out of the sum
    few, many = await peak_of(600), await peak_of(2600)
    assert few + (many - few) / 2000 * 50_000 < 80_000_000


async def read_from(server: Long) -> tuple[Found, tuple[Gap, ...]]:
    return await looked_back(
        lambda: imap.connect(server.endpoint, Credentials("u", "p"), deadline=5), replace(BOX, sent=())
    )


async def test_a_connection_that_breaks_is_opened_again_and_nothing_is_read_twice() -> None:
    cuts = iter((None, CUT, CUT))  # in the middle: the second two hundred are asked for three times
    async with Long(450, lambda _command: next(cuts, None)) as server:
        past, gaps = await read_from(server)
    assert (gaps, past.mailboxes["support"].people, past.mailboxes["support"].copies) == ((), 450, 0)


async def test_a_mailbox_that_keeps_breaking_is_told_with_what_was_read_before() -> None:
    async with Long(450, lambda command: None if "FETCH 1:200 " in command else CUT) as server:
        past, gaps = await read_from(server)
    assert [(gap.mailbox, gap.folder, gap.error.exit_code) for gap in gaps] == [("support", "INBOX", 69)]
    assert past.mailboxes["support"].people == 200


async def test_a_mail_over_which_the_server_hangs_up_is_found_and_costs_no_other() -> None:
    def broken(command: str) -> Say | None:
        span = re.match(r"UID FETCH (\d+)(?::(\d+))? ", command)
        assert span
        return CUT if int(span[1]) <= 137 <= int(span[2] or span[1]) else None

    async with Long(450, broken) as server:
        past, gaps = await read_from(server)
    box = past.mailboxes["support"]
    assert (gaps, box.people, box.machines, box.copies) == ((), 449, {"unread": 1}, 0)


async def test_a_mail_the_server_withholds_costs_no_other() -> None:
    no = Say(b"%T NO internal error\r\n")
    async with Long(3, lambda command: no if re.match(r"UID FETCH (1:3|2) ", command) else None) as server:
        past, gaps = await read_from(server)
    box = past.mailboxes["support"]
    assert (gaps, box.people, box.machines) == ((), 2, {"unread": 1})


@pytest.mark.parametrize("word", ["SELECT", "STORE", "APPEND", "COPY", "MOVE", "EXPUNGE", "BODY["])
async def test_nothing_is_asked_that_could_change_anything(word: str) -> None:
    async with Long(5) as server:
        await read_from(server)
    assert not [line for line in server.asked if word in line.upper()]
