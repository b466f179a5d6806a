import asyncio
import logging
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Literal, cast

import pytest

from commsd.channels.mail import folder
from commsd.channels.mail.imap import Endpoint, connect
from commsd.channels.mail.imap_login import Credentials, LoginRefused
from commsd.channels.mail.session import Session
from commsd.demo.mailserver import MailServer
from commsd.errors import ConfigError, NotFound, TryAgain, Unreachable
from tests.eventually import eventually
from tests.fakes.imap_script import CUT, SILENCE, ImapScript, Say
from tests.neighbours.dovecot import Dovecot

SOMEBODY = Credentials("box", "secret")
AT_ONCE = 3.0  # seconds on a busy machine; what is not told at once waits for its deadline of 20
PATIENT = 20.0
HEAD = b"Subject: hi\r\n\r\n"


def head_of(uid: int, head: bytes = HEAD) -> bytes:
    date = b'INTERNALDATE "17-Jul-2026 02:44:25 +0200"'
    return b"* %d FETCH (UID %d FLAGS (\\Seen) %s RFC822.SIZE 4711 BODY[HEADER] {%d}\r\n%s)\r\n" % (
        uid - 9, uid, date, len(head), head,
    )  # fmt: skip


def body_of(uid: int, part: bytes, origin: int = 0) -> bytes:
    return b"* 1 FETCH (UID %d BODY[]<%d> {%d}\r\n%s)\r\n" % (uid, origin, len(part), part)


@asynccontextmanager
async def opened(script: ImapScript, deadline: float = PATIENT) -> AsyncIterator[Session]:
    async with script:
        session = await connect(script.endpoint, SOMEBODY, deadline=deadline)
        await session.examine("INBOX")
        try:
            yield session
        finally:
            session.abort()


def fetching(*say: Say) -> ImapScript:
    return ImapScript({"UID FETCH": say})


# --- what the vendor gets wrong


async def test_trap_recursion_per_line_thousands_in_one_chunk_are_read() -> None:
    others = b"".join(b"* %d FETCH (FLAGS (\\Seen))\r\n" % n for n in range(5000))
    async with opened(fetching(Say(others + head_of(10)))) as session:
        assert [mail.uid for mail in await session.headers([10])] == [10]


async def test_trap_connection_lost_a_cut_in_the_middle_of_a_fetch_is_told_at_once() -> None:
    started = time.monotonic()
    async with opened(fetching(Say(head_of(10)[:-8], then="cut"))) as session:
        with pytest.raises(Unreachable):
            await session.headers([10])
        assert session.closed
    assert time.monotonic() - started < AT_ONCE


async def test_trap_connection_lost_a_cut_while_idling_is_told_at_once() -> None:
    started = time.monotonic()
    script = ImapScript()
    async with opened(script) as session:
        idling = asyncio.create_task(session.idle(PATIENT))
        await eventually(lambda: "IDLE" in script.asked)
        script.cut()
        with pytest.raises(Unreachable):
            await idling
    assert time.monotonic() - started < AT_ONCE


async def test_trap_connection_lost_a_cut_before_the_server_agrees_to_idle_is_told_at_once() -> None:
    started = time.monotonic()
    async with opened(ImapScript({"IDLE": CUT})) as session:
        with pytest.raises(Unreachable):
            await session.idle(PATIENT)
    assert time.monotonic() - started < AT_ONCE


async def idled(session: Session) -> bool:
    """What idling gives, which is to give it at once."""
    async with asyncio.timeout(AT_ONCE):
        return await session.idle(PATIENT)


async def test_news_while_idling_end_it_at_once() -> None:
    script = ImapScript()
    async with opened(script) as session:
        idling = asyncio.create_task(idled(session))
        await eventually(lambda: "IDLE" in script.asked)
        script.push(b"* OK still here\r\n* 2 EXPUNGE\r\n* 4 EXISTS\r\n")
        assert await idling is True
        assert script.asked[-1] == "DONE"


async def look_at_a_header(session: Session, script: ImapScript) -> None:
    await session.headers([10])


async def search(session: Session, script: ImapScript) -> None:
    await session.uids_after(9)


async def say_nothing(session: Session, script: ImapScript) -> None:
    await session._link.run("NOOP")


async def after_an_examine(session: Session, script: ImapScript) -> None:
    await session.examine("INBOX")
    script.push(b"* 5 EXISTS\r\n")
    await eventually(lambda: session._link.news)


@pytest.mark.parametrize(
    ("command", "ask"),
    [("UID FETCH", look_at_a_header), ("UID SEARCH", search), ("NOOP", say_nothing), ("XNONE", after_an_examine)],
)
async def test_i3_news_inside_another_command_ends_the_next_idle_at_once(
    command: str, ask: Callable[[Session, ImapScript], Awaitable[None]]
) -> None:
    script = ImapScript({command: Say(b"* 4 EXISTS\r\n")})
    async with opened(script) as session:
        await ask(session, script)
        assert await idled(session) is True
        assert await session.idle(0.05) is False


async def test_i3_news_before_the_server_agrees_to_idle_ends_it_at_once() -> None:
    async with opened(ImapScript({"IDLE": Say(b"* 4 EXISTS\r\n+ idling\r\n", then="nothing")})) as session:
        assert await idled(session) is True


async def test_i3_news_between_done_and_its_answer_is_not_lost() -> None:
    async with opened(ImapScript({"DONE": Say(b"* 4 EXISTS\r\n")})) as session:
        assert await session.idle(0.05) is True


async def test_i3_what_was_new_before_a_search_does_not_stir_after_it() -> None:
    script = ImapScript({"UID FETCH": Say(b"* 4 EXISTS\r\n")})
    async with opened(script) as session:
        await session.headers([10])
        await session.uids_after(9)
        assert await session.idle(0.05) is False


@pytest.mark.parametrize(
    "line",
    [b"offer 5* hotel", b"sad :( and :((", b"B1 OK FETCH done", b"* BYE", b"* 9 EXISTS", b"+ go on", b"{5}", b'"'],
)
async def test_trap_stars_and_parentheses_nothing_a_mail_says_is_taken_for_grammar(line: bytes) -> None:
    head = b"Subject: " + line + b"\r\n" + line + b"\r\n\r\n"
    async with opened(fetching(Say(head_of(10, head) + head_of(11)))) as session:
        first, second = await session.headers([10, 11])
        assert (first.head, second.head) == (head, HEAD)
        assert await session.idle(0.05) is False


async def test_i16_a_goodbye_ends_what_waits_even_if_the_line_stays_open() -> None:
    started = time.monotonic()
    async with opened(fetching(Say(b"* BYE [UNAVAILABLE] going down\r\n", then="nothing"))) as session:
        with pytest.raises(Unreachable, match="going down"):
            await session.headers([10])
    assert time.monotonic() - started < AT_ONCE


@pytest.mark.parametrize("stray", [b"X99 OK what\r\n", b"gibberish\r\n"])
async def test_an_answer_to_nobody_ends_the_connection(stray: bytes) -> None:
    async with opened(fetching(Say(stray, then="nothing"))) as session:
        with pytest.raises(Unreachable):
            await session.headers([10])
        assert session.closed


async def test_i17_a_server_that_falls_silent_is_left_at_the_deadline_and_never_asked_again() -> None:
    script = fetching(SILENCE)
    async with opened(script, deadline=0.3) as session:
        with pytest.raises(Unreachable, match="no answer"):
            await session.headers([10])
        asked = len(script.asked)
        with pytest.raises(Unreachable):
            await session.noop()
        assert len(script.asked) == asked
        await eventually(lambda: script.connections == 0)


@pytest.mark.parametrize("answers", [{"IDLE": SILENCE}, {"DONE": SILENCE}])
async def test_i2_an_idle_that_is_not_answered_ends_at_the_deadline(answers: dict[str, Say]) -> None:
    async with opened(ImapScript(answers), deadline=0.3) as session:
        with pytest.raises(Unreachable):
            await session.idle(0.05)
        assert session.closed


async def test_i17_trap_cancel_a_cancelled_command_closes_its_connection() -> None:
    script = fetching(SILENCE)
    async with opened(script) as session:
        asking = asyncio.create_task(session.headers([10]))
        await eventually(lambda: any("UID FETCH" in asked for asked in script.asked))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert session.closed
        await eventually(lambda: script.connections == 0)


async def test_i16_cut_after_any_byte_it_fails_at_once_and_never_hangs() -> None:
    async def visit(script: ImapScript) -> None:
        async with script:
            session = await connect(script.endpoint, SOMEBODY, deadline=PATIENT)
            try:
                await session.examine("INBOX")
                await session.headers(await session.uids_after(9))
                await session.idle(0.0)
            finally:
                await session.close()

    answers = {"UID FETCH": Say(head_of(10) + head_of(11))}
    whole = ImapScript(answers)
    await visit(whole)
    failed = 0
    started = time.monotonic()
    farewell = len(b"* BYE see you\r\nxxxxx OK gone\r\n")
    for k in range(whole.sent):
        try:
            await visit(ImapScript(answers, cut_after=k))
        except (Unreachable, TryAgain):
            failed += 1
    assert failed >= whole.sent - farewell - 10
    assert time.monotonic() - started < PATIENT


async def test_trap_rev2_only_a_server_that_speaks_imap4rev2_alone_is_read() -> None:
    answers = {
        "CAPABILITY": Say(b"* CAPABILITY IMAP4rev2 IDLE\r\n"),
        "UID SEARCH": Say(b'* ESEARCH (TAG "x") UID ALL 10:12\r\n'),
        "UID FETCH": Say(head_of(10)),
    }
    script = ImapScript(answers)
    async with opened(script) as session:
        assert await session.uids_after(9) == (10, 11, 12)
        assert [mail.uid for mail in await session.headers([10])] == [10]
    assert not [asked for asked in script.asked if asked.startswith("ENABLE")]


async def test_trap_literals_a_server_that_ignores_the_part_we_asked_for_does_not_fill_our_memory() -> None:
    """It is left as soon as it announces more than a part can have."""
    async with opened(fetching(Say(b"* 1 FETCH (UID 10 BODY[]<0> {60000000}\r\n" + b"x" * 1000, then="nothing"))) as it:
        with pytest.raises(Unreachable):
            await it.beginnings([10])
        assert it.closed


# --- reading


async def test_i8_flag_changes_of_others_are_not_taken_for_messages() -> None:
    noise = b"* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (UID 11 FLAGS ())\r\n* 2 EXPUNGE\r\n* OK still here\r\n"
    async with opened(fetching(Say(noise + head_of(10) + noise))) as session:
        assert [mail.uid for mail in await session.headers([10, 11])] == [10]


async def test_a_message_that_comes_in_two_lines_is_one_message() -> None:
    date = b'INTERNALDATE "17-Jul-2026 02:44:25 +0200"'
    parts = b"* 1 FETCH (UID 10 BODY[HEADER] {15}\r\n%s)\r\n* 1 FETCH (UID 10 FLAGS () %s)\r\n" % (HEAD, date)
    async with opened(fetching(Say(parts))) as session:
        (mail,) = await session.headers([10])
        assert (mail.head, mail.internal_date) == (HEAD, datetime(2026, 7, 17, 0, 44, 25, tzinfo=UTC))


async def test_i7_i18_trap_quadratic_fetch_headers_are_asked_for_200_at_a_time_and_peeked_at() -> None:
    script = fetching(Say())
    async with opened(script) as session:
        await session.headers(range(1, 402))
    fetches = [asked for asked in script.asked if asked.startswith("UID FETCH")]
    assert [asked.split()[2] for asked in fetches] == ["1:200", "201:400", "401"]
    assert all("BODY.PEEK[HEADER]" in asked for asked in fetches)


async def test_i3_the_newest_message_is_not_new_again() -> None:
    script = ImapScript({"UID SEARCH": Say(b"* SEARCH 12\r\n")})
    async with opened(script) as session:
        assert await session.uids_after(12) == ()
        assert await session.uids_after(11) == (12,)
    assert script.asked[-2:] == ["UID SEARCH UID 13:*", "UID SEARCH UID 12:*"]


async def test_i13_trap_uid_search_a_search_by_day_names_the_month_in_english_and_no_charset() -> None:
    script = ImapScript()
    async with opened(script) as session:
        assert await session.uids_since(date(2026, 5, 1)) == (10, 11, 12)
    assert script.asked[-1] == "UID SEARCH SINCE 1-May-2026"


async def test_trap_examine_an_opened_folder_tells_its_numbers() -> None:
    async with opened(ImapScript()) as session:
        selected = await session.examine("INBOX")
        assert (selected.uidvalidity, selected.uidnext, selected.exists) == (7, 13, 3)


async def test_a_server_that_does_not_say_its_numbers_has_zero() -> None:
    async with opened(ImapScript({"EXAMINE": Say(b"* 3 EXISTS\r\n")})) as session:
        selected = await session.examine("INBOX")
        assert (selected.uidvalidity, selected.uidnext) == (0, 0)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("Sent Items", 'EXAMINE "Sent Items"'),
        ("Entwürfe & mehr", 'EXAMINE "Entw&APw-rfe &- mehr"'),
        ('a"b\\c', 'EXAMINE "a\\"b\\\\c"'),
        ("a\r\nB1 DELETE INBOX", 'EXAMINE "a&AA0ACg-B1 DELETE INBOX"'),
    ],
)
async def test_trap_mailbox_names_go_out_quoted_and_encoded(name: str, asked: str) -> None:
    script = ImapScript()
    async with opened(script) as session:
        await session.examine(name)
    assert script.asked[-1] == asked


async def test_a_folder_is_opened_by_the_name_it_was_listed_under() -> None:
    script = ImapScript({"LIST": Say(b'* LIST (\\Sent) "/" {9}\r\nUtg&AOU-s\r\n* LIST () "/" "na\xefve"\r\n')})
    async with opened(script) as session:
        first, second = await session.folders()
        await session.examine(first)
        assert first.name == "Utgås"
        assert folder.sent_folder([second, first]) is first
        assert script.asked[-1] == 'EXAMINE "Utg&AOU-s"'


async def test_a_folder_that_is_not_there_leaves_the_session_usable() -> None:
    script = ImapScript({"EXAMINE": [Say(), Say(b"%T NO [NONEXISTENT] no such folder\r\n"), Say(b"* 1 EXISTS\r\n")]})
    async with opened(script) as session:
        with pytest.raises(NotFound):
            await session.examine("Gone")
        assert (await session.examine("INBOX")).exists == 1


async def test_a_refused_command_leaves_the_session_usable() -> None:
    async with opened(fetching(Say(b"%T NO [SERVERBUG] one is broken\r\n"), Say(head_of(11)))) as session:
        with pytest.raises(TryAgain, match="one is broken"):
            await session.headers([10, 11])
        assert [mail.uid for mail in await session.headers([11])] == [11]


async def test_a_command_the_server_does_not_understand_ends_the_session() -> None:
    async with opened(fetching(Say(b"%T BAD what\r\n"))) as session:
        with pytest.raises(TryAgain):
            await session.headers([10])
        assert session.closed


async def test_a_server_that_will_not_idle_is_not_waited_for() -> None:
    async with opened(ImapScript({"IDLE": Say(b"%T NO not now\r\n")})) as session:
        with pytest.raises(TryAgain):
            await session.idle(PATIENT)
        assert not session.closed


async def test_a_server_without_idle_is_asked_by_noop() -> None:
    script = ImapScript({"CAPABILITY": Say(b"* CAPABILITY IMAP4rev1\r\n"), "NOOP": [Say(b"* 4 EXISTS\r\n"), Say()]})
    async with opened(script) as session:
        assert not session.can_idle
        assert await session.noop() is True
        assert await session.noop() is False


async def test_i7_beginnings_come_in_one_command_cut_by_the_server_and_by_us() -> None:
    script = fetching(Say(body_of(10, b"A: x\r\n\r\nmuch more") + body_of(11, b"A: unfinished")))
    async with opened(script) as session:
        first, second = await session.beginnings([10, 11, 12], limit=13)
    assert (first.head, first.text, first.has_all_of_its_head) == (b"A: x\r\n\r\n", b"A: x\r\n\r\nmuch ", True)
    assert (second.head, second.text, second.has_all_of_its_head) == (b"A: unfinished", b"A: unfinished", False)
    (asked,) = [asked for asked in script.asked if asked.startswith("UID FETCH")]
    assert asked == "UID FETCH 10:12 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.13>)"


async def test_a_whole_message_is_read_until_a_part_is_empty() -> None:
    script = fetching(Say(body_of(10, b"abc")), Say(body_of(10, b"de", 3)), Say(b'* 1 FETCH (UID 10 BODY[]<5> "")\r\n'))
    async with opened(script) as session:
        assert [part async for part in session.whole(10)] == [b"abc", b"de"]


async def test_a_message_expunged_while_it_is_read_is_told() -> None:
    async with opened(fetching(Say(body_of(10, b"abc")), Say())) as session:
        with pytest.raises(NotFound):
            _ = [part async for part in session.whole(10)]


# --- the way in


async def test_i12_capabilities_are_those_after_the_login() -> None:
    after = Say(b"* CAPABILITY IMAP4rev1 Idle\r\n")
    async with opened(ImapScript({"CAPABILITY": [Say(b"* CAPABILITY IMAP4rev1\r\n"), after]})) as session:
        assert session.can_idle


async def test_trap_login_quoting_name_and_password_go_out_quoted() -> None:
    script = ImapScript()
    async with script:
        session = await connect(script.endpoint, Credentials("a b", 'p"w\\ü'), deadline=PATIENT)
        session.abort()
    assert 'LOGIN "a b" "p\\"w\\\\ü"' in script.asked


@pytest.mark.parametrize(
    "say", [Say(b"%T NO [AUTHENTICATIONFAILED] no\r\n"), Say(b"%T NO no\r\n"), Say(b"%T BAD no\r\n")]
)
async def test_i11_a_wrong_password_is_told_apart_from_a_server_that_is_down(say: Say) -> None:
    async with ImapScript({"LOGIN": say}) as script:
        with pytest.raises(LoginRefused):
            await connect(script.endpoint, SOMEBODY, deadline=PATIENT)
        await eventually(lambda: script.connections == 0)


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INUSE", "LIMIT"])
async def test_a_login_refused_for_the_moment_is_worth_another_try(code: str) -> None:
    async with ImapScript({"LOGIN": Say(b"%%T NO [%s] later\r\n" % code.encode())}) as script:
        with pytest.raises(TryAgain):
            await connect(script.endpoint, SOMEBODY, deadline=PATIENT)


async def test_no_password_is_sent_where_login_is_disabled() -> None:
    script = ImapScript({"CAPABILITY": Say(b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n")})
    async with script:
        with pytest.raises(LoginRefused):
            await connect(script.endpoint, SOMEBODY, deadline=PATIENT)
    assert script.asked == ["CAPABILITY"]


async def test_trap_debug_log_the_password_stands_in_no_log_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = Credentials("box@example.com", 'hun"ter2')
    say = Say(b"X1 OK for box@example.com\r\n", then="nothing")
    async with ImapScript({"LOGIN": say}) as script:
        with pytest.raises(Unreachable) as raised:
            await connect(script.endpoint, secret, deadline=PATIENT)
    assert "ter2" not in caplog.text + str(raised.value) + repr(raised.value.__cause__) + repr(secret)
    assert "example.com" not in caplog.text + str(raised.value)


@pytest.mark.parametrize("greeting", [b"* BYE too many\r\n", b"* NO no\r\n", b"SSH-2.0-x\r\n"])
async def test_a_server_that_turns_us_away_is_worth_another_try(greeting: bytes) -> None:
    async with ImapScript(greeting=greeting) as script:
        with pytest.raises((TryAgain, Unreachable)):
            await connect(script.endpoint, SOMEBODY, deadline=PATIENT)


async def test_a_server_that_does_not_greet_is_left_at_the_deadline() -> None:
    async with ImapScript(greeting=b"") as script:
        with pytest.raises(Unreachable):
            await connect(script.endpoint, SOMEBODY, deadline=0.2)


async def test_nobody_at_the_port_is_unreachable() -> None:
    async with ImapScript() as script:
        endpoint = script.endpoint
    with pytest.raises(Unreachable):
        await connect(endpoint, SOMEBODY, deadline=PATIENT)


async def test_no_password_goes_in_clear_to_another_machine() -> None:
    with pytest.raises(ConfigError):
        await connect(Endpoint("192.0.2.1", 143, "none"), SOMEBODY, deadline=0.2)


async def test_closing_says_goodbye_and_is_bounded() -> None:
    script = ImapScript({"LOGOUT": SILENCE})
    async with opened(script, deadline=0.2) as session:
        await session.close()
        await session.close()
        assert script.asked[-1] == "LOGOUT"
        await eventually(lambda: script.connections == 0)


# --- TLS


def certified(dovecot: Dovecot) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(dovecot.ca, dovecot.dir / "key.pem")
    return context


async def test_trap_starttls_what_is_said_in_clear_before_tls_is_not_believed(dovecot: Dovecot) -> None:
    before = Say(b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n")
    injected = Say(b"%T OK go\r\n* 9 EXISTS\r\n* CAPABILITY LOGINDISABLED ", then="tls")
    script = ImapScript({"CAPABILITY": [before, Say(b"* CAPABILITY IMAP4rev1 IDLE\r\n")], "STARTTLS": injected},
                        tls=certified(dovecot))  # fmt: skip
    async with script:
        endpoint = replace(script.endpoint, tls="starttls", ca=str(dovecot.ca))
        session = await connect(endpoint, SOMEBODY, deadline=PATIENT)
        assert not session._link.news
        await session.examine("INBOX")
        assert await session.idle(0.05) is False
        session.abort()


async def test_without_starttls_no_password_is_sent() -> None:
    script = ImapScript({"STARTTLS": Say(b"%T BAD what\r\n")})
    async with script:
        with pytest.raises(TryAgain):
            await connect(replace(script.endpoint, tls="starttls"), SOMEBODY, deadline=PATIENT)
    assert not any(asked.startswith("LOGIN") for asked in script.asked)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_a_server_nobody_vouches_for_is_not_trusted(
    dovecot: Dovecot, tls: Literal["implicit", "starttls"]
) -> None:
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    with pytest.raises(Unreachable, match="not trusted"):
        await connect(Endpoint(dovecot.host, port, tls), SOMEBODY, deadline=PATIENT)


# --- Dovecot


@asynccontextmanager
async def at(
    dovecot: Dovecot, user: str, tls: Literal["implicit", "starttls", "none"] = "none"
) -> AsyncIterator[Session]:
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    session = await connect(
        Endpoint(dovecot.host, port, tls, str(dovecot.ca)), Credentials(user, dovecot.password), deadline=PATIENT
    )
    try:
        yield session
    finally:
        await session.close()


def mail(number: int, body: bytes = b"hello\r\n") -> bytes:
    return b"From: a@example.com\r\nSubject: sad :( {5}\r\nMessage-ID: <%d@example.com>\r\n\r\n%s" % (number, body)


async def off_loop(work: Any, *args: Any) -> None:
    await asyncio.to_thread(work, *args)


@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
async def test_trap_imap4_ssl_dovecot_lets_us_in(
    dovecot: Dovecot, tls: Literal["implicit", "starttls", "none"]
) -> None:
    async with at(dovecot, dovecot.user(), tls) as session:
        assert (await session.examine("INBOX")).exists == 0
        assert session.can_idle


async def test_dovecot_refuses_a_wrong_password(dovecot: Dovecot) -> None:
    with pytest.raises(LoginRefused):
        await connect(Endpoint(dovecot.host, dovecot.port, "none"), Credentials("x", "wrong"), deadline=PATIENT)


async def test_i10_dovecot_lets_us_in_with_an_access_token(dovecot: Dovecot) -> None:
    user = dovecot.user("anna@commsd.test")
    for port, tls in ((dovecot.port, "starttls"), (dovecot.tls_port, "implicit")):
        endpoint = Endpoint(dovecot.host, port, cast(Literal["implicit", "starttls"], tls), str(dovecot.ca))
        session = await connect(endpoint, Credentials(user, token=dovecot.token(user)), deadline=PATIENT)
        assert (await session.examine("INBOX")).exists == 0
        await session.close()


async def test_i10_dovecot_refuses_an_expired_token_and_says_so_after_its_challenge(dovecot: Dovecot) -> None:
    stale = Credentials("anna", token=dovecot.token("anna", lives=-600))
    started = time.monotonic()
    with pytest.raises(LoginRefused):
        await connect(Endpoint(dovecot.host, dovecot.port, "none"), stale, deadline=PATIENT)
    assert time.monotonic() - started < AT_ONCE


async def test_i5_reading_at_dovecot_leaves_every_flag_as_it_was(dovecot: Dovecot) -> None:
    user = dovecot.user()
    raws = [mail(1), mail(2, b"y" * 100_000)]
    await off_loop(dovecot.deliver_all, user, raws)
    async with at(dovecot, user) as session:
        await session.examine("INBOX")
        uids = await session.uids_after(0)
        first, second = await session.headers(uids)
        assert first.head == mail(1, b"")
        assert first.internal_date is not None
        assert second.size == len(raws[1])
        begun = await session.beginnings(uids, limit=200)
        assert [mail.text for mail in begun] == [raws[0], raws[1][:200]]
        assert [replace(mail, text=b"") for mail in begun] == [first, second]
        assert b"".join([part async for part in session.whole(uids[1])]) == raws[1]
        assert await session.headers([uids[-1] + 7]) == ()
    flags = await asyncio.to_thread(dovecot.flags, user)
    assert not any("\\Seen" in some for some in flags.values())


async def test_dovecot_wakes_an_idle_when_mail_comes(dovecot: Dovecot) -> None:
    user = dovecot.user()
    async with at(dovecot, user) as session:
        before = await session.examine("INBOX")
        idling = asyncio.create_task(idled(session))
        await off_loop(dovecot.deliver, user, mail(1))
        assert await idling is True
        assert len(await session.uids_after(max(before.uidnext - 1, 0))) == 1


async def test_dovecot_stopping_wakes_an_idle(dovecot: Dovecot) -> None:
    async with at(dovecot, dovecot.user()) as session:
        await session.examine("INBOX")
        idling = asyncio.create_task(session.idle(PATIENT))
        await off_loop(dovecot.stop)
        with pytest.raises(Unreachable):
            await idling


async def test_dovecot_names_its_sent_folder_and_takes_any_name(dovecot: Dovecot) -> None:
    user = dovecot.user()
    async with at(dovecot, user) as session:
        await off_loop(dovecot.create, user, "Entw&APw-rfe")
        listed = await session.folders()
        chosen = folder.sent_folder(listed)
        assert chosen is not None
        assert chosen.name == "Sent"
        assert "\\sent" in chosen.attributes
        assert "Entwürfe" in [one.name for one in listed]
        assert (await session.examine("Entwürfe")).exists == 0
        with pytest.raises(NotFound):
            await session.examine("Nowhere")


async def test_i7_trap_literals_a_large_message_passes_through_little_memory(dovecot: Dovecot) -> None:
    user = dovecot.user()
    size = 24 << 20
    await off_loop(dovecot.deliver, user, mail(1, (b"z" * 76 + b"\r\n") * (size // 78)))
    async with at(dovecot, user) as session:
        await session.examine("INBOX")
        (uid,) = await session.uids_after(0)
        tracemalloc.start()
        try:
            total = 0
            async for part in session.whole(uid):
                total += len(part)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert total > size - 200
    assert peak < 4 << 20


# --- pymap, as the demo runs it: neither SPECIAL-USE nor CONDSTORE


async def test_i9_a_mailbox_of_the_demo_is_read_and_tells_of_news() -> None:
    moment = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
    async with MailServer({"box": "secret"}) as server:
        await server.deliver("box", mail(1), at=moment)
        session = await connect(Endpoint(server.host, server.port, "none"), SOMEBODY, deadline=PATIENT)
        selected = await session.examine("INBOX")
        uids = await session.uids_after(0)
        (first,) = await session.headers(uids)
        assert (selected.exists, first.internal_date) == (1, moment)
        assert selected.uidvalidity > 0
        (begun,) = await session.beginnings(uids)
        assert begun == replace(first, text=mail(1))
        assert b"".join([part async for part in session.whole(uids[0])]) == mail(1)
        idling, link = asyncio.create_task(idled(session)), cast(Any, session._link)
        await eventually(lambda: link._protocol.continued)  # pymap is silent on what came just before IDLE
        uid = await server.deliver("box", mail(2), at=moment)
        assert await idling is True
        assert await session.uids_after(uids[-1]) == (uid,)
        sent = folder.sent_folder(await session.folders())
        assert sent is not None
        assert sent.name == "Sent"
        await session.close()
