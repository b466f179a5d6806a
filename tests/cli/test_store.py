"""Keys, tables, and a store that is not as it should be."""

from pathlib import Path

from commsd.crm.keys import Keys
from commsd.sla.rules.in_force import Rules
from commsd.store.log import Log
from commsd.world import real_world
from tests.cli.office import Office, commsd


def test_a_key_is_printed_once_alone_on_the_last_line_and_opens_what_it_may(office: Office) -> None:
    text = office.done("keys", "add", "crm", "--scope", "events:read").out.splitlines()[-1]

    async def caller(log: Log, _rules: Rules) -> frozenset[str]:
        return (await Keys(log, real_world()).caller(text)).scopes

    assert office.with_log(caller) == {"events:read"}
    assert text not in office.done("keys", "list").out


def test_a_key_is_listed_with_all_it_may_do(office: Office) -> None:
    scopes = ["events:read", "events:read:pii", "bodies:read", "interactions:write"]
    office.done("keys", "add", "crm", *(word for scope in scopes for word in ("--scope", scope)))
    assert all(scope in office.done("keys", "list").out for scope in scopes)


def test_the_database_is_for_its_owner_alone(office: Office) -> None:
    office.mail()
    files = list(office.folder.glob("*.db*"))
    assert files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_revoked_key_shows_when_it_ended(office: Office) -> None:
    office.done("keys", "add", "crm", "--scope", "admin")
    assert office.done("keys", "list", "--json").json[0]["revoked_at"] is None
    office.done("keys", "revoke", "crm")
    assert office.done("keys", "list", "--json").json[0]["revoked_at"].endswith("Z")
    assert office.commsd("keys", "revoke", "crm").code == 1


def test_a_key_without_a_scope_or_with_a_wrong_one_is_refused(office: Office) -> None:
    assert office.commsd("keys", "add", "crm").code == 1
    ran = office.commsd("keys", "add", "crm", "--scope", "everything")
    assert ran.code == 1
    assert "events:read" in ran.err


def test_a_database_that_is_not_there_is_made_by_upgrade_only(empty_office: Office) -> None:
    for words in (("ledger",), ("cases", "list"), ("db", "check")):
        ran = empty_office.commsd(*words)
        assert ran.code == 78
        assert "commsd db upgrade" in ran.err
    assert not (empty_office.folder / "commsd.db").exists()
    assert "upgraded from empty" in empty_office.done("db", "upgrade").out
    assert "already" in empty_office.done("db", "upgrade").out
    assert empty_office.done("db", "check").out.startswith("fine: revision ")


def test_a_database_that_is_behind_is_refused_with_what_to_do(empty_office: Office) -> None:
    (empty_office.folder / "commsd.db").touch()
    ran = empty_office.commsd("ledger")
    assert ran.code == 78
    assert ran.err.startswith("the database is empty")
    assert "commsd db upgrade" in ran.err
    assert empty_office.commsd("db", "check").code == 1


def test_a_file_that_is_no_database_cannot_be_reached(empty_office: Office) -> None:
    (empty_office.folder / "commsd.db").write_bytes(b"not a database, " * 100)
    ran = empty_office.commsd("ledger")
    assert ran.code == 69
    assert "Traceback" not in ran.err


def test_a_store_that_does_not_answer_is_exit_69(tmp_path: Path, empty_office: Office) -> None:
    file = empty_office.folder / "commsd.toml"
    url = f'url = "sqlite:///{empty_office.folder / "commsd.db"}"'
    file.write_text(file.read_text().replace(url, 'url = "postgresql://nobody@127.0.0.1:1/commsd"'))
    for words in (("ledger",), ("db", "check"), ("db", "upgrade")):
        ran = empty_office.commsd(*words)
        assert ran.code == 69
        assert len(ran.err.splitlines()) == 2


def test_commands_work_on_both_stores(store_url: str, empty_office: Office) -> None:
    file = empty_office.folder / "commsd.toml"
    url = f"sqlite:///{empty_office.folder / 'commsd.db'}"
    file.write_text(file.read_text().replace(url, store_url))
    empty_office.done("db", "upgrade")
    empty_office.done("record", "--channel", "letter", "--contact", "jane@example.org")
    (case,) = empty_office.done("cases", "list", "--json").json
    empty_office.done("cases", "close", case["id"])
    assert empty_office.done("ledger").out == "nothing is owed\n"


def test_a_command_writes_while_the_daemons_writer_is_open(office: Office) -> None:
    async def beside(log: Log, _rules: Rules) -> int:
        import asyncio

        ran = await asyncio.to_thread(
            commsd, "--config", str(office.folder), "record", "--channel", "letter", "--contact", "jane@example.org"
        )
        return ran.code

    assert office.with_log(beside) == 0
    assert len(office.done("cases", "list", "--json").json) == 1
