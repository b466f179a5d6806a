"""Databases of every former revision, with data: upgraded, they are read, written and numbered as before."""

import json

import pytest

from commsd.crm.sequencer import Sequencer
from commsd.sla.rules.in_force import Rules
from commsd.store import feed
from commsd.store.claims import Claims
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.world import real_world
from tests.cli.office import Office
from tests.store.old_rows import REVISIONS, put, rows

pytestmark = pytest.mark.filterwarnings("ignore:.*expression-based index")


@pytest.fixture(params=REVISIONS)
async def revision(request: pytest.FixtureRequest, store_url: str) -> str:
    """A former revision, whose database stands at the store's url."""
    named: str = request.param
    engine = open_engine(store_url)
    try:
        await engine.commit(lambda connection: put(connection, named))
    finally:
        await engine.close()
    return named


@pytest.fixture
def old_office(revision: str, store_url: str, empty_office: Office) -> Office:
    file = empty_office.folder / "commsd.toml"
    file.write_text(file.read_text().replace(f"sqlite:///{empty_office.folder / 'commsd.db'}", store_url))
    return empty_office


def test_every_former_revision_has_rows() -> None:
    assert REVISIONS[0] == "0001"
    assert len(REVISIONS) >= 4


def test_a_database_of_each_former_revision_is_read_and_written_on(revision: str, old_office: Office) -> None:
    kept = rows(revision)["interactions"]
    place = kept["columns"].index("id")
    ids = {row[place] for row in kept["rows"]}
    assert old_office.commsd("log", "tail").code == 78
    assert f"upgraded from {revision}" in old_office.done("db", "upgrade").out
    assert old_office.done("db", "check", "--json").json["findings"] == []
    facts = old_office.done("log", "tail", "-n", "100", "--json").json
    assert {fact["id"] for fact in facts} == ids
    assert "Delivery" in {fact["subject"] for fact in facts}
    for words in (("cases", "list"), ("callbacks", "list"), ("clocks",), ("keys", "list"), ("sla", "versions")):
        assert old_office.done(*words, "--json").json, words
    assert old_office.commsd("ledger").code in (0, 1)
    (mine,) = (fact for fact in facts if fact["subject"] == "Delivery")
    assert json.loads(old_office.done("log", "show", mine["id"], "--json").out)["parties"][0]["name"] == "Jane Clarke"
    assert old_office.done("log", "show", mine["id"], "--raw").out.startswith("From: jane@example.org")
    old_office.done("explain", "jane@example.org")
    old_office.done("record", "--channel", "letter", "--contact", "jane@example.org", "--case", mine["case_id"])
    assert len(old_office.done("log", "tail", "-n", "100", "--json").json) == len(ids) + 1
    assert old_office.done("db", "check", "--json").json["findings"] == []


def test_the_feed_of_each_former_revision_goes_on_where_it_was(revision: str, old_office: Office) -> None:
    old_office.done("db", "upgrade")
    ((_, epoch, last, *_),) = rows(revision)["feed_head"]["rows"]
    texts = [row[rows(revision)["feed"]["columns"].index("event")] for row in rows(revision)["feed"]["rows"]]

    async def numbered(log: Log, _rules: Rules) -> tuple[tuple[str, int], list[str]]:
        sequencer = Sequencer(log, Claims(log, real_world(), "test"), real_world())
        while await sequencer.once():
            pass
        entries, _ = await log.read(lambda connection: feed.page(connection, 0, 1000))
        return await log.read(feed.head), [entry.event for entry in entries]

    (same, head), events = old_office.with_log(numbered)
    assert (same, len(events)) == (epoch, head)
    assert head > last
    assert events[:last] == texts
