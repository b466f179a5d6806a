"""An access token at a submission server: the challenge of a refusal, another token, and no password storm."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from commsd.channels.mail.oauth import TokenRefused
from commsd.channels.mail.submission import Server, Submission
from commsd.errors import Unreachable


class SmtpScript:
    """Speaks as far as AUTH and takes the tokens of a set; a refusal comes after a challenge."""

    def __init__(self, takes: set[str], offers: str = "XOAUTH2") -> None:
        self.takes, self.offers = takes, offers
        self.presented: list[str] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        handling: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            handling.add(asyncio.create_task(self._serve(reader, writer)))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]
            await asyncio.wait(handling)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        challenged = False
        while raw := await _line(reader):
            line = raw.decode().strip()
            if challenged:
                challenged = False
                writer.write(b"535 5.7.8 expired\r\n")
            elif line.startswith("EHLO"):
                writer.write(f"250-here\r\n250 AUTH {self.offers}\r\n".encode())
            elif line.startswith("AUTH"):
                token = b64decode(line.split()[2]).decode().partition("Bearer ")[2].strip("\1")
                self.presented.append(token)
                challenged = token not in self.takes
                writer.write(b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n" if challenged else b"235 welcome\r\n")
            else:
                writer.write(b"221 bye\r\n")
        writer.close()


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ConnectionError:  # dropped by whoever was refused
        return b""


class Source:
    """Tokens in their order; the error in place of the next."""

    def __init__(self, *tokens: str | Exception) -> None:
        self.tokens = list(tokens)

    async def __call__(self, *, instead_of: str = "") -> str:
        while len(self.tokens) > 1 and self.tokens[0] == instead_of:
            self.tokens.pop(0)
        found = self.tokens[0]
        if isinstance(found, Exception):
            raise found
        return found


async def probed(script: SmtpScript, source: Source) -> tuple[str, int | None, str] | None:
    async with script.listening() as port:
        submission = Submission(Server(host="127.0.0.1", port=port, tls="none", username="box", token=source))
        refused = await submission.probe()
        await submission.close()
    return (refused.stage, refused.code, refused.text) if refused else None


@pytest.mark.parametrize("offers", ["XOAUTH2", "OAUTHBEARER", "PLAIN LOGIN XOAUTH2"])
async def test_i10_a_token_lets_us_in_at_the_submission_server(offers: str) -> None:
    script = SmtpScript({"good"}, offers)
    assert await probed(script, Source("good")) is None
    assert script.presented == ["good"]


async def test_i10_a_refused_token_is_renewed_once_at_the_submission_server() -> None:
    script = SmtpScript({"fresh"})
    assert await probed(script, Source("stale", "fresh")) is None
    assert script.presented == ["stale", "fresh"]


async def test_i10_a_server_that_refuses_both_tokens_is_told_after_two() -> None:
    script = SmtpScript(set())
    assert await probed(script, Source("one", "two", "three")) == ("login", 535, "5.7.8 expired")
    assert script.presented == ["one", "two"]


async def test_i10_what_the_provider_refuses_is_about_the_account_and_its_absence_is_not() -> None:
    refused = await probed(SmtpScript(set()), Source(TokenRefused("no more", remedy="consent anew")))
    assert refused == ("login", 535, "no more")
    away = await probed(SmtpScript(set()), Source(Unreachable("token endpoint away", remedy="wait")))
    assert away == ("login", None, "token endpoint away")


async def test_i10_a_server_without_token_login_is_told() -> None:
    refused = await probed(SmtpScript(set(), "PLAIN"), Source("good"))
    assert refused is not None
    assert "access token" in refused[2]
