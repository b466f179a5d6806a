import asyncio
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvloop

from commsd.channels.mail.outcome import Kind, Outcome
from commsd.channels.mail.submission import Patience, Server, Submission
from commsd.demo.smtp import Accepted, Fault, SmtpSink
from commsd.errors import ConfigError
from tests.eventually import eventually
from tests.neighbours.absent import absent

RAW = b"From: us@example.com\r\nTo: ann@example.com\r\n\r\n.hello\r\n..\r\nbye\r\n"
ANN = "ann@example.com"
AT_ONCE = 3.0


def to(sink: SmtpSink, **more: Any) -> Submission:
    server = Server(**{"host": "127.0.0.1", "port": sink.port, "tls": "none", **more.pop("server", {})})
    return Submission(server, **more)


async def sent(submission: Submission, recipient: str = ANN, raw: bytes = RAW, sender: str = "") -> Outcome:
    return await submission.submit(raw, sender=sender, recipient=recipient)


async def one(fault: Fault, patience: Patience | None = None) -> tuple[Outcome, list[Accepted]]:
    async with SmtpSink(faults={ANN: fault}) as sink:
        submission = to(sink, patience=patience)
        outcome = await sent(submission)
        await submission.close()
    return outcome, sink.accepted


# --- what becomes of a message


async def test_aiosmtplib_null_sender_a_message_arrives_byte_for_byte_from_nobody() -> None:
    async with SmtpSink() as sink:
        submission = to(sink)
        outcome = await sent(submission)
        await submission.close()
    assert (outcome.kind, outcome.code, outcome.stage) == ("sent", 250, "answer")
    assert [(mail.sender, mail.recipient, mail.raw) for mail in sink.accepted] == [("", ANN, RAW)]


@pytest.mark.parametrize(
    ("raw", "received"),
    [(b"a\n.\nb", b"a\r\n.\r\nb\r\n"), (b".", b".\r\n"), (b"", b"\r\n"), (b"a\r\r\n", b"a\r\n\r\n")],
)
async def test_odd_line_ends_and_lone_dots_cannot_end_a_message_early(raw: bytes, received: bytes) -> None:
    async with SmtpSink() as sink:
        submission = to(sink)
        await sent(submission, raw=raw)
        await submission.close()
    assert [mail.raw for mail in sink.accepted] == [received]


@pytest.mark.parametrize(
    ("fault", "kind", "code", "stage"),
    [
        (Fault.RCPT_450, "later", 450, "recipient"),
        (Fault.RCPT_421, "later", 421, "recipient"),
        (Fault.RCPT_550, "refused", 550, "recipient"),
        (Fault.DATA_451, "later", 451, "data"),
        (Fault.DOT_451, "later", 451, "answer"),
        (Fault.DOT_554, "refused", 554, "answer"),
        (Fault.CUT_IN_DATA, "unknown", None, "answer"),
    ],
)
async def test_aiosmtplib_partial_refusal_one_recipient_and_its_refusal_is_the_messages(
    fault: Fault, kind: str, code: int | None, stage: str
) -> None:
    outcome, accepted = await one(fault)
    assert (outcome.kind, outcome.code, outcome.stage) == (kind, code, stage)
    assert accepted == []


@pytest.mark.parametrize("fault", [Fault.EATEN, Fault.MUTE])
async def test_aiosmtplib_timeout_after_the_dot_is_unknown_for_the_server_may_have_it(fault: Fault) -> None:
    outcome, accepted = await one(fault, Patience(answer=0.2))
    assert (outcome.kind, outcome.code, outcome.stage) == ("unknown", None, "answer")
    assert len(accepted) == 1


async def test_a7_a_server_that_will_not_have_the_null_sender_is_told_apart() -> None:
    async with SmtpSink(faults={"": Fault.NULL_SENDER_550}) as sink:
        submission = to(sink)
        refused = await sent(submission)
        outcome = await sent(submission, sender="bounce@example.com")
        await submission.close()
    assert (refused.kind, refused.stage) == ("refused", "sender")
    assert outcome.kind == "sent"


async def test_the_words_of_the_server_come_without_addresses() -> None:
    outcome, _ = await one(Fault.RCPT_550)
    assert outcome.text == "5.1.1 no such user"


async def test_nobody_at_the_port_is_later() -> None:
    async with SmtpSink() as sink:
        submission = to(sink)
    outcome = await sent(submission)
    assert (outcome.kind, outcome.stage) == ("later", "connect")


async def test_a_server_that_does_not_greet_is_later() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        submission = Submission(Server(host="127.0.0.1", port=port, tls="none"), patience=Patience(opening=0.2))
        outcome = await sent(submission)
    assert (outcome.kind, outcome.stage, outcome.text) == ("later", "connect", "no answer in time")


async def test_a_server_that_answers_gibberish_before_the_dot_is_later_and_after_it_unknown() -> None:
    talk = [b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 ok\r\n"]

    async def serve(garbled: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, line in enumerate(talk):
            writer.write(b"nonsense\r\n" if number == garbled else line)
            until = b"\r\n.\r\n" if number == 4 else b"\r\n"
            try:
                await reader.readuntil(until)
            except asyncio.IncompleteReadError:
                break
        writer.close()

    found = []
    for garbled in range(len(talk)):
        async with await asyncio.start_server(partial(serve, garbled), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            submission = Submission(Server(host="127.0.0.1", port=port, tls="none"))
            found.append((await sent(submission)).kind)
            await submission.close()
    assert found == ["later"] * 5 + ["unknown"]


async def test_a_server_that_skips_its_consent_is_left_and_nothing_is_written() -> None:
    commands: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        while line := await reader.readline():
            commands.append(line.split()[0])
            writer.write(b"250 ok\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        submission = Submission(Server(host="127.0.0.1", port=server.sockets[0].getsockname()[1], tls="none"))
        assert [(await sent(submission)).kind for _ in range(2)] == ["later", "later"]
        await submission.close()
    assert commands == [b"EHLO", b"MAIL", b"RCPT", b"DATA"] * 2


@pytest.mark.parametrize(
    "address",
    ["", "ann", "@example.com", "ann@", "a@x>\r\nRSET", "a b@x", "<a@x>", "a@x\0", "a@x\u2028", "a" * 400 + "@x"],
)
async def test_aiosmtplib_injection_what_is_no_address_never_reaches_the_server(address: str) -> None:
    async with SmtpSink() as sink:
        submission = to(sink)
        outcome = await sent(submission, recipient=address)
        assert (outcome.kind, outcome.stage) == ("refused", "recipient")
        if address:
            assert (await sent(submission, sender=address)).stage == "sender"
        assert sink.opened == 0


async def test_aiosmtplib_smtputf8_an_address_beyond_ascii_is_sent_to_a_server_that_takes_it() -> None:
    async with SmtpSink() as sink:
        submission = to(sink)
        assert (await sent(submission, recipient="jürgen@example.com")).kind == "sent"
        await submission.close()
    assert sink.accepted[0].recipient == "jürgen@example.com"


# --- kept connections


async def test_one_connection_serves_many_messages_also_after_refusals() -> None:
    faults = {"no@example.com": Fault.RCPT_550, "busy@example.com": Fault.DOT_451}
    async with SmtpSink(faults=faults, pipelining=False) as sink:
        submission = to(sink)
        for recipient, kind in (
            ("no@example.com", "refused"),
            (ANN, "sent"),
            ("busy@example.com", "later"),
            (ANN, "sent"),
        ):
            assert (await sent(submission, recipient)).kind == kind
        await submission.close()
        assert sink.opened == 1
        assert sink.commands["QUIT"] == 1
    assert len(sink.accepted) == 2


async def test_aiosmtplib_pooling_no_more_connections_than_allowed_carry_many_messages_at_once() -> None:
    async with SmtpSink() as sink:
        submission = to(sink, size=3)
        outcomes = await asyncio.gather(*(sent(submission, f"p{n}@example.com") for n in range(40)))
        await submission.close()
    assert {outcome.kind for outcome in outcomes} == {"sent"}
    assert sorted(mail.recipient for mail in sink.accepted) == sorted(f"p{n}@example.com" for n in range(40))
    assert sink.opened == 3


async def test_a_kept_connection_the_server_has_dropped_costs_no_message() -> None:
    async with SmtpSink() as sink:
        submission = to(sink)
        await sent(submission)
        await sink.stop()
        await sink.start()
        assert (await sent(submission)).kind == "sent"
        await submission.close()
    assert (len(sink.accepted), sink.opened) == (2, 2)


@pytest.mark.parametrize("parting", [b"421 4.4.2 idle too long\r\n", b""])
async def test_a_kept_connection_that_ends_at_the_next_command_is_replaced_once(parting: bytes) -> None:
    conversations = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal conversations
        conversations += 1
        writer.write(b"220 hi\r\n")
        for reply in (b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(reply)
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 taken\r\n")
        await reader.readline()  # the next message's MAIL
        writer.write(parting)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        submission = Submission(Server(host="127.0.0.1", port=server.sockets[0].getsockname()[1], tls="none"))
        assert [(await sent(submission)).kind for _ in range(2)] == ["sent", "sent"]
        await submission.close()
    assert conversations == 2


async def test_a_connection_that_rested_too_long_is_not_used_again() -> None:
    async with SmtpSink() as sink:
        submission = to(sink, patience=Patience(idle=0.0))
        await sent(submission)
        await sent(submission)
        await submission.close()
        assert sink.opened == 2


async def test_aiosmtplib_cancel_in_data_an_unanswered_message_takes_its_connection_with_it() -> None:
    async with SmtpSink(faults={"mute@example.com": Fault.MUTE}) as sink:
        submission = to(sink, size=1, patience=Patience(answer=0.2))
        assert (await sent(submission, "mute@example.com")).kind == "unknown"
        assert (await sent(submission)).kind == "sent"
        await submission.close()
        assert sink.opened == 2


# --- being stopped


async def slow(sink: SmtpSink, submission: Submission) -> asyncio.Task[Outcome]:
    task = asyncio.create_task(sent(submission))
    await eventually(lambda: sink.accepted)
    return task


async def test_a_cancel_after_the_dot_waits_for_the_answer() -> None:
    async with SmtpSink(faults={ANN: Fault.SLOW}) as sink:
        submission = to(sink)
        attempt = submission.begin(RAW, sender="", recipient=ANN)
        waiting = asyncio.create_task(attempt.outcome())
        await eventually(lambda: sink.accepted)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        stopping = asyncio.create_task(attempt.stop())
        await eventually(lambda: attempt.stopping)
        sink.release.set()
        assert (await stopping).kind == "sent"
        await submission.close()


async def test_a_cancelled_submit_ends_only_when_the_server_has_answered() -> None:
    async with SmtpSink(faults={ANN: Fault.SLOW}) as sink:
        submission = to(sink)
        task = await slow(sink, submission)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=0.1)
        assert not done
        sink.release.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await submission.close()
        assert sink.commands["QUIT"] == 1  # the connection was sound and was kept


async def test_an_answer_that_does_not_come_within_the_grace_is_unknown() -> None:
    async with SmtpSink(faults={ANN: Fault.SLOW}) as sink:
        submission = to(sink, patience=Patience(grace=0.2))
        attempt = submission.begin(RAW, sender="", recipient=ANN)
        await eventually(lambda: sink.accepted)
        assert (await attempt.stop()).kind == "unknown"
        assert (await attempt.outcome()).kind == "unknown"
        await submission.close()
        assert "QUIT" not in sink.commands


async def test_a_second_cancel_does_not_wait_for_the_grace() -> None:
    async with SmtpSink(faults={ANN: Fault.SLOW}) as sink:
        submission = to(sink)
        task = await slow(sink, submission)
        task.cancel()
        await asyncio.wait({task}, timeout=0.05)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - started < AT_ONCE


async def test_a_stop_before_the_message_is_written_is_later_and_sends_nothing() -> None:
    commands: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        while line := await reader.readline():
            commands.append(line.split()[0])
            if line.startswith(b"DATA"):
                continue  # no 354
            writer.write(b"250 ok\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        submission = Submission(Server(host="127.0.0.1", port=server.sockets[0].getsockname()[1], tls="none"))
        attempt = submission.begin(RAW, sender="", recipient=ANN)
        await eventually(lambda: b"DATA" in commands)
        started = time.monotonic()
        outcome = await attempt.stop()
        await submission.close()
    assert (outcome.kind, outcome.stage) == ("later", "data")
    assert time.monotonic() - started < AT_ONCE
    assert commands == [b"EHLO", b"MAIL", b"RCPT", b"DATA"]


async def test_stopped_at_any_moment_what_is_said_about_the_message_is_true() -> None:
    for turns in range(60):
        async with SmtpSink() as sink:
            submission = to(sink, patience=Patience(grace=5))
            attempt = submission.begin(RAW, sender="", recipient=ANN)
            for _ in range(turns):
                await asyncio.wait({asyncio.create_task(nothing())})
            outcome = await attempt.stop()
            await submission.close()
            assert (outcome.kind == "sent") == (len(sink.accepted) == 1), (turns, outcome)
            assert outcome.kind in ("sent", "later")


async def nothing() -> None:
    """One turn of the loop."""


async def test_closing_stops_what_is_under_way_and_whoever_waits_is_told() -> None:
    async with SmtpSink(faults={ANN: Fault.MUTE}) as sink:
        submission = to(sink, patience=Patience(grace=0.2))
        task = await slow(sink, submission)
        await submission.close()
        assert (await task).kind == "unknown"


# --- TLS and login


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openssl = shutil.which("openssl") or absent("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    subprocess.run([str(openssl), *key.split(), *names], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def served(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_mail_goes_through_tls_after_a_login(served: ssl.SSLContext, certificate: Path, tls: str) -> None:
    server = {"tls": tls, "ca": str(certificate), "username": "box", "password": lambda: "open sesame"}
    async with SmtpSink(tls=served, implicit=tls == "implicit", credentials=("box", "open sesame")) as sink:
        submission = to(sink, server=server)
        outcomes = [await sent(submission) for _ in range(2)]
        await submission.close()
    assert [outcome.kind for outcome in outcomes] == ["sent", "sent"]
    assert sink.opened == 1


@pytest.mark.parametrize("tls", ["none", "implicit", "starttls"])
def test_mail_goes_out_on_the_loop_the_daemon_runs_on(served: ssl.SSLContext, certificate: Path, tls: str) -> None:
    async def two() -> tuple[list[Kind], int]:
        context = None if tls == "none" else served
        async with SmtpSink(tls=context, implicit=tls == "implicit") as sink:
            submission = to(sink, server={"tls": tls, "ca": None if tls == "none" else str(certificate)})
            kinds = [(await sent(submission)).kind for _ in range(2)]
            await submission.close()
            return kinds, sink.opened

    assert uvloop.run(two()) == (["sent", "sent"], 1)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_a_server_nobody_vouches_for_gets_no_mail_and_no_password(served: ssl.SSLContext, tls: str) -> None:
    async with SmtpSink(tls=served, implicit=tls == "implicit", credentials=("box", "x")) as sink:
        submission = to(sink, server={"tls": tls, "username": "box", "password": lambda: "x"})
        outcome = await sent(submission)
        assert (outcome.kind, outcome.stage) == ("later", "connect")
        assert "its certificate is not trusted" in outcome.text
        assert "name its authority in `ca`" in outcome.text
        assert "AUTH" not in sink.commands


async def test_a_server_without_starttls_gets_no_mail_in_clear(certificate: Path) -> None:
    async with SmtpSink() as sink:
        outcome = await sent(to(sink, server={"tls": "starttls", "ca": str(certificate)}))
        assert (outcome.kind, outcome.stage) == ("later", "connect")
        assert "MAIL" not in sink.commands


async def test_a_wrong_password_says_nothing_about_the_message_and_is_tried_once() -> None:
    async with SmtpSink(credentials=("box", "right")) as sink:
        outcome = await sent(to(sink, server={"username": "box", "password": lambda: "wrong"}))
        assert (outcome.kind, outcome.code, outcome.stage) == ("later", 535, "login")
        assert sink.commands["AUTH"] == 1


async def test_a_server_that_demands_a_login_says_nothing_about_the_message() -> None:
    async with SmtpSink(credentials=("box", "right")) as sink:
        submission = to(sink)
        outcome = await sent(submission)
        await submission.close()
    assert (outcome.kind, outcome.code) == ("later", 530)


async def test_nothing_goes_in_clear_to_another_machine() -> None:
    with pytest.raises(ConfigError):
        Submission(Server(host="192.0.2.1", port=25, tls="none"))


def test_a_server_does_not_print_its_password() -> None:
    server = Server(host="mail.example.com", port=465, username="jdoe", password=lambda: "hunter2")
    assert "hunter2" not in repr(server)
    assert "jdoe" not in repr(server)


# --- the sink itself


async def test_the_sink_tells_of_each_message_and_comes_back_on_its_port() -> None:
    heard: list[Accepted] = []
    tell: Callable[[Accepted], None] = heard.append
    async with SmtpSink(on_accept=tell) as sink:
        port = sink.port
        await sink.stop()
        submission = to(sink)
        assert (await sent(submission)).kind == "later"
        await sink.start()
        assert sink.port == port
        assert (await sent(submission)).kind == "sent"
        await submission.close()
    assert heard == sink.accepted
    assert heard[0].at.tzinfo is not None
