"""Webhooks on the command line, against a receiver that is a real server."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from commsd.cli.output import when
from commsd.core.record import instant
from commsd.crm.sequencer import Sequencer
from commsd.sla.rules.in_force import Rules
from commsd.store import webhooks as store
from commsd.store.claims import Claims
from commsd.store.feed import drop_events
from commsd.store.log import Log
from commsd.world import real_world
from tests.cli.office import Office, built

MINUTE = timedelta(minutes=1)
ALLOWED = '[webhooks]\nprivate_networks = ["127.0.0.0/8"]\n'


@dataclass
class Heard:
    port: int
    status: int = 200
    bodies: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@pytest.fixture
def receiver() -> Iterator[Heard]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(heard.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        heard = Heard(server.server_port)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield heard
        server.shutdown()
        serving.join()


@pytest.fixture
def firm(tmp_path: Path) -> Office:
    office = Office(built(tmp_path / "config", more=ALLOWED))
    office.done("db", "upgrade")
    return office


def test_a_webhook_prints_its_secret_once_alone_on_the_last_line(firm: Office, receiver: Heard) -> None:
    secret = firm.done("webhooks", "add", "crm", receiver.url, "--types", "callback.*,case.opened").out.splitlines()[-1]
    assert secret.startswith("whsec_")
    (listed,) = firm.done("webhooks", "list", "--json").json
    assert listed["types"] == ["callback.*", "case.opened"]
    for words in (("list",), ("list", "--json"), ("show", "crm"), ("show", "crm", "--json")):
        ran = firm.done("webhooks", *words)
        assert "crm" in ran.out
        assert secret not in ran.out
    assert firm.commsd("webhooks", "add", "crm", receiver.url).code == 1
    assert firm.done("webhooks", "rotate", "crm").out.splitlines()[-1].startswith("whsec_")


def test_a_test_post_ends_by_what_the_receiver_said(firm: Office, receiver: Heard) -> None:
    firm.done("webhooks", "add", "crm", receiver.url)
    assert "taken" in firm.done("webhooks", "test", "crm").out
    assert receiver.bodies
    receiver.status = 500
    refused = firm.commsd("webhooks", "test", "crm")
    assert refused.code == 69
    assert "500" in refused.err
    assert firm.commsd("webhooks", "test", "nobody").code == 1


def test_a_webhook_is_paused_enabled_redelivered_and_removed(firm: Office, receiver: Heard) -> None:
    firm.done("webhooks", "add", "crm", receiver.url)
    assert firm.done("webhooks", "pause", "crm").out == "paused crm\n"
    assert "disabled (paused)" in firm.done("webhooks", "list").out
    assert firm.done("webhooks", "enable", "crm").out == "enabled crm\n"
    assert "0 events" in firm.done("webhooks", "redeliver", "crm", "--since", "2026-03-04 09:00").out
    assert firm.commsd("webhooks", "redeliver", "crm").code == 1
    assert firm.commsd("webhooks", "redeliver", "crm", "--since", "soon").code == 2
    assert firm.commsd("webhooks", "show", "crm", "--state", "odd").code == 2
    assert firm.done("webhooks", "remove", "crm").out == "removed crm\n"
    assert "no webhook" in firm.done("webhooks", "list").out
    assert firm.commsd("webhooks", "remove", "crm").code == 1


def test_whk_6_a_webhook_into_our_own_network_is_refused_unless_the_file_allows_it(
    office: Office, receiver: Heard
) -> None:
    assert office.commsd("webhooks", "add", "crm", receiver.url).code == 1
    assert office.commsd("webhooks", "add", "crm", "https://10.0.0.1/").code == 1
    assert office.done("webhooks", "list", "--json").json == []


def test_each_change_of_a_webhook_is_audited_with_who_did_it(firm: Office, receiver: Heard) -> None:
    firm.done("webhooks", "add", "crm", receiver.url)
    firm.done("webhooks", "remove", "crm")
    rows = firm.done("keys", "audit", "--json").json
    assert [row["what"] for row in rows] == ["webhook.added", "webhook.removed"]
    assert all(row["caller"].startswith("cli:") for row in rows)


def test_who_enables_a_webhook_hears_of_what_it_can_never_get_any_more(firm: Office, receiver: Heard) -> None:
    firm.done("webhooks", "add", "crm", receiver.url)
    firm.done("webhooks", "pause", "crm")
    firm.mail()

    async def let_go(log: Log, _rules: Rules) -> int:
        world = real_world()
        sequencer = Sequencer(log, Claims(log, world, "test"), world)
        while await sequencer.once():
            pass
        later = world.now() + timedelta(days=1)
        return await log.writer.write(lambda connection: drop_events(connection, later, 1000))

    gone = firm.with_log(let_go)
    enabled = firm.done("webhooks", "enable", "crm")
    assert gone > 0
    assert enabled.out == "enabled crm\n"
    assert f"events 1 to {gone}, which were not posted to it" in enabled.err
    assert firm.done("webhooks", "show", "crm", "--json").json["state"] == "active"


def test_what_a_failing_receiver_said_since_when_and_what_is_next_is_shown(firm: Office, receiver: Heard) -> None:
    firm.done("webhooks", "add", "crm", receiver.url)
    assert firm.done("webhooks", "list", "--json").json[0]["failing"] == {}
    firm.mail()
    receiver.status = 500

    async def posted(log: Log, _rules: Rules) -> None:
        world = real_world()
        claims = Claims(log, world, "test/1")
        while await Sequencer(log, claims, world).once():
            pass
        now = world.now()
        (webhook,) = await log.read(store.all_webhooks)
        events = await log.read(lambda c: store.between(c, (), 1))
        await log.writer.write(lambda c: store.redeliver(c, webhook, events, [world.new_id()], now))
        (post,) = await log.writer.write(lambda c: store.claim(c, webhook, "test/1", now, now + MINUTE, 1))
        tried = [{"at": instant(now - each * MINUTE), "status": 500, "error": "HTTP 500", "ms": 9} for each in (5, 1)]
        values = {"state": "pending", "attempts": 2, "due_at": now + timedelta(days=1), "history": tried}
        await log.writer.write(lambda c: store.settle(c, post, "test/1", **values))

    firm.with_log(posted)
    (listed,) = firm.done("webhooks", "list", "--json").json
    assert (listed["failing"]["last_said"], listed["failing"]["tries"]) == ("HTTP 500", 2)
    assert listed["failing"]["since"] < listed["failing"]["last_try_at"]
    assert "2 tries: HTTP 500" in firm.done("webhooks", "list").out
    heading, row = firm.done("webhooks", "show", "crm").out.splitlines()[-2:]
    assert [word for word in ("LAST TRY", "SAID", "NEXT TRY") if word not in heading] == []
    (post,) = firm.done("webhooks", "show", "crm", "--json").json["deliveries"]
    zone = ZoneInfo("Europe/Berlin")
    assert "HTTP 500" in row
    assert all(when(at, zone) in row for at in (post["history"][-1]["at"], post["due_at"]))
    firm.done("webhooks", "pause", "crm")
    assert when(post["due_at"], zone) not in firm.done("webhooks", "show", "crm").out.splitlines()[-1]
