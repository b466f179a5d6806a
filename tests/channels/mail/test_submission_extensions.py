"""What a submission server offers decides what it is told: SIZE, 8BITMIME, SMTPUTF8 and the login by token.

The server here is strict, as aiosmtplib and our sink are not: what it has not offered, it refuses.
"""

import asyncio
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from commsd.channels.mail.outcome import Outcome
from commsd.channels.mail.submission import Server, Submission

PLAIN = b"From: us@example.com\r\nTo: ann@example.com\r\n\r\nhello\r\n"
WIDE = "From: us@example.com\r\nTo: jürgen@example.com\r\n\r\nhello\r\n".encode()
ROOM = 1000
"""Octets this server takes in one message."""


@dataclass
class Strict:
    """offers: the lines of its EHLO. taken: (MAIL command, message)."""

    offers: Sequence[str] = ()
    token: str = ""
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    _mail: str = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        handling: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            handling.add(asyncio.create_task(self._serve(reader, writer)))

        async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
            yield server.sockets[0].getsockname()[1]
            await asyncio.wait(handling)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 strict\r\n")
        while (line := await reader.readline()) and not line.upper().startswith(b"QUIT"):
            said = self._answer(line.removesuffix(b"\r\n"))
            writer.write(said.encode() + b"\r\n")
            if said.startswith("354"):
                raw = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
                writer.write(self._message(raw).encode() + b"\r\n")
        writer.close()

    def _answer(self, line: bytes) -> str:
        verb = line[:4].upper()
        if verb == b"EHLO":
            return "\r\n".join([*(f"250-{offer}" for offer in ("strict", *self.offers)), "250 HELP"])
        if verb == b"AUTH":
            return self._login(line.decode())
        if verb == b"MAIL":
            return self._envelope(line)
        if verb == b"RCPT":
            return "250 fine" if line.isascii() or "SMTPUTF8" in self._mail else "501 5.5.4 not in ASCII"
        return "354 go on" if verb == b"DATA" else "250 fine"

    def _envelope(self, line: bytes) -> str:
        self._mail = line.decode()
        for word in self._mail.split(" ")[2:]:
            name, _, value = word.partition("=")
            if not any(offer.split(" ")[0] == {"BODY": "8BITMIME"}.get(name, name) for offer in self.offers):
                return "555 5.5.4 not offered"
            if name == "SIZE" and int(value) > ROOM:
                return "552 5.3.4 too large for us"
        return "250 fine"

    def _message(self, raw: bytes) -> str:
        if not raw.isascii() and "BODY=8BITMIME" not in self._mail:
            return "554 5.6.3 eight bits"
        if len(raw) > ROOM:
            return "552 5.3.4 too large after all"
        self.taken.append((self._mail, raw))
        return "250 taken"

    def _login(self, line: str) -> str:
        """Takes what RFC 7628 and Google's XOAUTH2 say a client presents, octet by octet, and nothing else."""
        _, method, coded = line.split(" ")
        self.logins.append((method, b64decode(coded, validate=True).decode()))
        form = {
            "XOAUTH2": "user=support@commsd\\.test\1auth=Bearer {}\1\1",
            "OAUTHBEARER": "n,a=support@commsd\\.test,\1host=127\\.0\\.0\\.1\1port=[0-9]+\1auth=Bearer {}\1\1",
        }[method].format(re.escape(self.token))
        return "235 welcome" if re.fullmatch(form, self.logins[-1][1]) else "535 5.7.8 no"


async def handed_in(server: Strict, raw: bytes = PLAIN, recipient: str = "ann@example.com") -> Outcome:
    async with server.listening() as port:
        submission = Submission(Server(host="127.0.0.1", port=port, tls="none"))
        outcome = await submission.submit(raw, sender="", recipient=recipient)
        await submission.close()
    return outcome


@pytest.mark.parametrize("offers", [(), ("8BITMIME",), ("SIZE",), ("SIZE 1000", "8BITMIME", "SMTPUTF8")])
async def test_aiosmtplib_8bitmime_size_an_acknowledgement_is_told_with_what_is_offered_and_nothing_else(
    offers: tuple[str, ...],
) -> None:
    server = Strict(offers)
    assert (await handed_in(server)).kind == "sent"
    ((told, _),) = server.taken
    sized = any(offer.startswith("SIZE") for offer in offers)
    assert told == f"MAIL FROM:<>{f' SIZE={len(PLAIN)}' if sized else ''}"


async def test_aiosmtplib_8bitmime_eight_bits_are_announced_where_the_server_takes_them() -> None:
    server = Strict(("8BITMIME",))
    assert (await handed_in(server, PLAIN + "Grüße\r\n".encode())).kind == "sent"
    assert [told for told, _ in server.taken] == ["MAIL FROM:<> BODY=8BITMIME"]


async def test_aiosmtplib_8bitmime_a_server_without_it_has_the_last_word_on_eight_bits() -> None:
    outcome = await handed_in(Strict(), PLAIN + "Grüße\r\n".encode())
    assert (outcome.kind, outcome.code, outcome.stage) == ("refused", 554, "answer")


@pytest.mark.parametrize(("offers", "stage"), [(("SIZE 1000",), "sender"), ((), "answer")])
async def test_aiosmtplib_size_what_is_too_large_is_refused_before_it_is_sent_where_the_server_can_say_so(
    offers: tuple[str, ...], stage: str
) -> None:
    server = Strict(offers)
    outcome = await handed_in(server, PLAIN + b"x" * 70 + b"\r\n" * ROOM)
    assert (outcome.kind, outcome.code, outcome.stage) == ("refused", 552, stage)
    assert server.taken == []


async def test_aiosmtplib_smtputf8_an_address_beyond_ascii_is_announced_with_its_eight_bits() -> None:
    server = Strict(("SMTPUTF8", "8BITMIME"))
    assert (await handed_in(server, WIDE, "jürgen@example.com")).kind == "sent"
    assert server.taken == [("MAIL FROM:<> BODY=8BITMIME SMTPUTF8", WIDE)]


async def test_aiosmtplib_smtputf8_without_it_only_such_an_address_is_refused_and_the_server_hears_nothing() -> None:
    server = Strict(("8BITMIME",))
    async with server.listening() as port:
        submission = Submission(Server(host="127.0.0.1", port=port, tls="none"))
        wide = await submission.submit(WIDE, sender="", recipient="jürgen@example.com")
        plain = await submission.submit(PLAIN, sender="", recipient="ann@example.com")
        await submission.close()
    assert (wide.kind, wide.code, wide.stage) == ("refused", 553, "recipient")
    assert plain.kind == "sent"
    assert [told for told, _ in server.taken] == ["MAIL FROM:<>"]


class Token:
    """Always the same."""

    async def __call__(self, *, instead_of: str = "") -> str:
        return "ya29.a token"


@pytest.mark.parametrize("method", ["XOAUTH2", "OAUTHBEARER"])
async def test_i10_a_token_is_presented_as_its_method_says_and_the_mail_goes_out(method: str) -> None:
    server = Strict((f"AUTH {method}", "8BITMIME"), token="ya29.a token")
    async with server.listening() as port:
        there = Server(host="127.0.0.1", port=port, tls="none", username="support@commsd.test", token=Token())
        submission = Submission(there)
        outcome = await submission.submit(PLAIN, sender="", recipient="ann@example.com")
        await submission.close()
    assert (outcome.kind, [name for name, _ in server.logins]) == ("sent", [method])
