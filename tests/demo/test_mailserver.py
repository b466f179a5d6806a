"""The embedded mail server does for a client of our own what a real one does, as far as commsd asks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aioimaplib import IMAP4

from commsd.demo.mailserver import MailServer

MONDAY = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
RAW = b"From: ada@example.net\r\nTo: support@example.com\r\nSubject: lid\r\n\r\nWhere is it?\r\n"


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer({"support": "geheim", "sales": "secret"}) as server:
        yield server


async def logged_in(server: MailServer, user: str = "support", password: str = "geheim") -> IMAP4:
    client = IMAP4(server.host, server.port, timeout=5)
    await client.wait_hello_from_server()
    answer = await client.login(user, password)
    assert answer.result == "OK", answer
    return client


async def test_a_delivered_mail_is_fetched_byte_for_byte_with_its_date(server: MailServer) -> None:
    uid = await server.deliver("support", RAW, at=MONDAY)
    client = await logged_in(server)
    await client.select("INBOX")
    answer = await client.uid("fetch", str(uid), "(INTERNALDATE BODY.PEEK[])")
    await client.logout()
    assert RAW in [bytes(line) for line in answer.lines]
    assert b"02-Mar-2026 08:30:00 +0000" in bytes(answer.lines[0])


async def test_an_idling_client_is_told_of_new_mail(server: MailServer) -> None:
    client = await logged_in(server)
    await client.select("INBOX")
    idle = await client.idle_start(timeout=10)
    await server.deliver("support", RAW, at=MONDAY)
    async with asyncio.timeout(5):
        told = await client.wait_server_push()
    client.idle_done()
    async with asyncio.timeout(5):
        await idle
    await client.logout()
    assert b"1 EXISTS" in told


async def test_each_user_has_a_sent_folder_and_sees_only_his_own_mail(server: MailServer) -> None:
    await server.deliver("support", RAW, at=MONDAY)
    client = await logged_in(server, "sales", "secret")
    listed = await client.list('""', "*")
    selected = await client.select("Sent")
    inbox = await client.select("INBOX")
    await client.logout()
    assert any(b"Sent" in line for line in listed.lines)
    assert selected.result == "OK"
    assert b"0 EXISTS" in inbox.lines


async def test_what_a_client_appends_can_be_looked_at(server: MailServer) -> None:
    client = await logged_in(server)
    await client.append(RAW, mailbox="Sent")
    await client.logout()
    assert await server.messages("support", "Sent") == (RAW,)


async def test_mail_for_a_missing_folder_makes_it(server: MailServer) -> None:
    await server.deliver("support", RAW, "Done", at=MONDAY, flags=("\\Seen",))
    client = await logged_in(server)
    await client.select("Done")
    answer = await client.uid_search("SEEN")
    await client.logout()
    assert answer.lines[0] == b"101"


async def test_a_wrong_password_is_refused_and_a_late_user_is_let_in(server: MailServer) -> None:
    client = IMAP4(server.host, server.port, timeout=5)
    await client.wait_hello_from_server()
    refused = await client.login("support", "falsch")
    await server.add_user("late", "p w")
    accepted = await client.login("late", "p w")
    await client.logout()
    assert (refused.result, accepted.result) == ("NO", "OK")


async def test_a_cut_breaks_the_link_but_not_the_server(server: MailServer) -> None:
    lost = asyncio.Event()
    client = IMAP4(server.host, server.port, timeout=5, conn_lost_cb=lambda _: lost.set())
    await client.wait_hello_from_server()
    await server.cut()
    async with asyncio.timeout(5):
        await lost.wait()
    again = await logged_in(server)
    await again.logout()


async def test_leaving_frees_the_port_while_a_client_idles() -> None:
    async with MailServer({"support": "geheim"}) as server:
        client = await logged_in(server)
        await client.select("INBOX")
        idle = await client.idle_start(timeout=10)
        port = server.port
    async with MailServer({"support": "geheim"}, port=port) as again:
        other = await logged_in(again)
        await other.logout()
    idle.cancel()
