"""A message handed in with few round trips (RFC 2920), on a line where nothing is taken for the answer to another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from commsd.channels.mail.outcome import Outcome
from commsd.channels.mail.submission import Server, Submission
from commsd.channels.mail.submission_line import dotted
from commsd.demo.smtp import Fault, SmtpSink
from tests.eventually import eventually

RAW = b"Subject: hi\r\n\r\nGood day.\r\n"
ANN = "ann@example.com"
GREETING = b"250-hi\r\n250 PIPELINING\r\n"
AGREED = b"250 ok\r\n250 ok\r\n354 go\r\n"


class Together:
    """A server that answers MAIL, RCPT and DATA once it has all three: with `says`, in pieces of `size` bytes.

    heard: what came after the greeting, of all connections. cuts: it hangs up after these instead of reading on.
    """

    def __init__(self, says: bytes, *, size: int = 1000, cuts: bool = False) -> None:
        self.heard = b""
        self.connections = 0
        self._says, self._size, self._cuts = says, size, cuts

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(GREETING)
        try:
            while True:
                for _ in range(3):
                    self.heard += await reader.readuntil(b"\n")
                for start in range(0, len(self._says), self._size):
                    writer.write(self._says[start : start + self._size])
                    await writer.drain()
                if self._cuts:
                    return
                self.heard += await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 2.0.0 taken\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving(server: Together) -> AsyncIterator[Submission]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        submission = Submission(Server(host="127.0.0.1", port=listening.sockets[0].getsockname()[1], tls="none"))
        try:
            yield submission
        finally:
            await submission.close()


async def sent(submission: Submission, recipient: str = ANN) -> Outcome:
    return await submission.submit(RAW, sender="", recipient=recipient)


@pytest.mark.parametrize("size", [1000, 1, 7])
async def test_the_envelope_goes_out_in_one_go_where_the_server_allows_it(size: int) -> None:
    server = Together(AGREED, size=size)
    async with serving(server) as submission:
        assert [(await sent(submission)).kind for _ in range(3)] == ["sent"] * 3
        heard = server.heard
    once = b"MAIL FROM:<>\r\nRCPT TO:<ann@example.com>\r\nDATA\r\n" + RAW + b".\r\n"
    assert (heard, server.connections) == (once * 3, 1)


@pytest.mark.parametrize("rest", [b"503 5.5.1 to whom\r\n", b"354 go on all the same\r\n"])
@pytest.mark.parametrize(
    ("before", "stage", "code", "kind"),
    [
        (b"550 5.1.7 no\r\n250 ok\r\n", "sender", 550, "refused"),
        (b"250 ok\r\n550 5.1.1 no\r\n", "recipient", 550, "refused"),
        (b"250 ok\r\n450 4.2.1 busy\r\n", "recipient", 450, "later"),
    ],
)
async def test_what_is_refused_in_one_go_is_the_first_refusal_and_nothing_of_the_message_is_written(
    before: bytes, stage: str, code: int, kind: str, rest: bytes
) -> None:
    server = Together(before + rest)
    async with serving(server) as submission:
        outcome = await sent(submission)
    assert (outcome.stage, outcome.code, outcome.kind) == (stage, code, kind)
    assert b"Good day" not in server.heard


async def test_a_refusal_in_one_go_costs_its_connection_and_no_message() -> None:
    async with SmtpSink(faults={"no@example.com": Fault.RCPT_550}) as sink:
        submission = Submission(Server(host="127.0.0.1", port=sink.port, tls="none"))
        kinds = [(await sent(submission, recipient)).kind for recipient in ("no@example.com", ANN, ANN)]
        await submission.close()
    assert (kinds, len(sink.accepted), sink.opened) == (["refused", "sent", "sent"], 2, 2)


@pytest.mark.parametrize("end", range(len(AGREED)))
async def test_cut_before_the_server_agrees_it_is_later_and_nothing_of_the_message_is_written(end: int) -> None:
    server = Together(AGREED[:end], cuts=True)
    async with serving(server) as submission:
        outcome = await sent(submission)
    stage = ("sender", "recipient", "data")[AGREED[:end].count(b"\n")]
    assert (outcome.kind, outcome.code, outcome.stage) == ("later", None, stage)
    assert b"Good day" not in server.heard


async def test_a_word_too_many_before_the_message_is_not_taken_for_its_consent() -> None:
    server = Together(AGREED + b"250 taken, or so it seems\r\n")
    async with serving(server) as submission:
        outcome = await sent(submission)
    assert (outcome.kind, outcome.stage) == ("later", "data")
    assert b"Good day" not in server.heard


async def test_what_a_server_says_to_a_connection_at_rest_ends_it_and_costs_no_message() -> None:
    said = asyncio.Event()
    replies: Sequence[bytes] = (b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b"220 hi\r\n")
        for reply in replies:
            await reader.readline()
            writer.write(reply)
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 taken\r\n")
        await said.wait()
        writer.write(b"421 4.4.2 idle too long\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        submission = Submission(Server(host="127.0.0.1", port=server.sockets[0].getsockname()[1], tls="none"))
        assert (await sent(submission)).kind == "sent"
        said.set()
        await eventually(lambda: not submission._idle[0].line.in_step)
        assert (await sent(submission)).kind == "sent"
        assert connections == 2
        await submission.close()


async def test_a_reply_without_an_end_does_not_fill_our_memory() -> None:
    server = Together(b"250-" + b"x" * 100_000)
    async with serving(server) as submission:
        outcome = await sent(submission)
    assert (outcome.kind, outcome.stage) == ("later", "sender")


@pytest.mark.parametrize(
    ("raw", "written"),
    [(b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"), (b".a\r\n", b"..a\r\n.\r\n"), (b"a\r.b", b"a\r\n..b\r\n.\r\n")],
)
def test_a_dot_that_begins_a_line_is_doubled(raw: bytes, written: bytes) -> None:
    assert dotted(raw) == written
