"""`sla apply`, `sla versions` and `sla export`, as an operator types them."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from commsd.core.policy import ClockKind
from commsd.sla.rules import impact
from commsd.sla.rules.in_force import Rules
from commsd.store import node, schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.world import real_world
from tests.cli.office import Office, built

RULES = """
[calendar.always]
tz = "Europe/Berlin"
hours = "24x7"
[policy.standard]
calendar = "always"
ack = "15m"
first_response = "{first}"
callback = "{callback}"
[policy.vip]
based_on = "standard"
[[rule]]
match = {{ {match} }}
policy = "vip"
[[rule]]
policy = "standard"
"""
SAME = {"first": "4h", "callback": "2h", "match": 'tier = "gold"'}


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """Targets as the office has them without files."""
    return rules(tmp_path / "candidate")


def rules(folder: Path, **values: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "rules.toml").write_text(RULES.format(**{**SAME, **values}))
    return folder


def states(office: Office) -> list[tuple[int, str]]:
    return [(each["number"], each["state"]) for each in office.done("sla", "versions", "--json").json]


def sla(office: Office) -> Path:
    return office.folder / "sla"


def test_rules_come_in_force_with_their_files_and_the_former_stay_in_the_store(office: Office, candidate: Path) -> None:
    office.mail()
    ran = office.done("sla", "apply", str(candidate))
    assert "version 2 is in force since" in ran.out
    assert "for new clocks" in ran.out
    assert (sla(office) / "rules.toml").read_text() == (candidate / "rules.toml").read_text()
    assert states(office) == [(1, "former"), (2, "in force")]
    assert "the beginning" in office.done("sla", "versions").out


def test_the_same_rules_again_change_nothing(office: Office, candidate: Path) -> None:
    office.mail()
    office.done("sla", "apply", str(candidate))
    (candidate / "rules.toml").write_text("# a comment\n" + (candidate / "rules.toml").read_text())
    ran = office.done("sla", "apply", str(candidate))
    assert ran.out == "nothing changed: these are the rules of version 2\n"
    assert office.done("sla", "apply", str(sla(office)), "--json").json["changed"] is False
    assert states(office) == [(1, "former"), (2, "in force")]


def test_files_that_no_version_holds_are_kept_beside_the_folder(office: Office, candidate: Path) -> None:
    sla(office).mkdir(exist_ok=True)
    (sla(office) / "draft.toml").write_text("# half written: first_response =\n")
    ran = office.done("sla", "apply", str(candidate))
    (kept,) = office.folder.glob("sla.before-*")
    assert f"it is kept in {kept}" in ran.err
    assert (kept / "draft.toml").read_text() == "# half written: first_response =\n"
    assert not (sla(office) / "draft.toml").exists()
    office.done("sla", "apply", str(rules(candidate, first="3h")))
    assert list(office.folder.glob("sla.before-*")) == [kept]  # what is a version already needs no second place


def test_files_that_were_not_exchanged_are_when_their_rules_are_applied_again(office: Office, candidate: Path) -> None:
    office.mail()
    office.done("sla", "apply", str(candidate))
    rules(sla(office), first="9h")
    assert "were put into" in office.done("sla", "apply", str(candidate)).out
    assert (sla(office) / "rules.toml").read_text() == (candidate / "rules.toml").read_text()


@pytest.mark.parametrize("what", ['owner = "nobody"', 'team = "nowhere"'])
def test_a_rule_that_names_somebody_unknown_is_refused_with_its_place(
    office: Office, candidate: Path, what: str
) -> None:
    office.mail()
    file = candidate / "rules.toml"
    file.write_text(file.read_text().replace('policy = "vip"', f'policy = "vip"\nset = {{ {what} }}'))
    ran = office.commsd("sla", "apply", str(candidate))
    assert ran.code == 78
    assert f"{file}:" in ran.out
    assert what.partition('"')[2].strip('"') in ran.out
    assert states(office) == [(1, "in force")]


def test_what_becomes_of_clocks_is_said_in_plain_words(office: Office, candidate: Path) -> None:
    now = real_world().now()
    office.done("sla", "apply", str(candidate))
    for hours in (1, 3, 5):
        office.mail(f"{hours}@example.org", external_ids=(), occurred_at=now - timedelta(hours=hours))
    rules(candidate, first="2h")
    ran = office.commsd("sla", "apply", str(candidate), "--applies", "running", "--dry-run")
    assert (
        "6 open clocks: 2 due earlier (1 of them late at once), 4 unchanged (4 of them late already: they stay"
        in ran.out
    )
    assert "lost" not in ran.out
    assert "gained" not in ran.out
    counted = office.commsd("sla", "apply", str(candidate), "--applies", "running", "--json").json
    assert (counted["impact"]["stay_late"], counted["daemon_at_work"], counted["still_to_move"]) == (4, False, 0)
    ran = office.done("sla", "apply", str(candidate), "--dry-run")
    assert "clocks that run keep their rules: --applies running moves them too" in ran.out


def test_a_clock_the_new_rules_do_not_have_is_explained(office: Office, candidate: Path) -> None:
    office.mail()
    office.done("sla", "apply", str(candidate))
    file = candidate / "rules.toml"
    file.write_text(file.read_text().replace('first_response = "4h"', 'first_response = "off"\nnext_response = "4h"'))
    asked = ("--applies", "running", "--confirm")
    ran = office.done("sla", "apply", str(candidate), *asked)
    assert "1 no longer owed" in ran.out
    assert "  no longer owed: the new rules have no such clock for the case" in ran.out
    ran = office.done("sla", "apply", str(rules(candidate)), *asked)
    assert "1 owed again" in ran.out
    assert "  owed again: earlier rules had dropped the clock; it counts from its first beginning" in ran.out


def test_an_undo_before_any_daemon_has_moved_the_clocks_counts_what_will_be(office: Office, candidate: Path) -> None:
    now = real_world().now()
    office.done("sla", "apply", str(candidate))
    for hours in (1, 3):
        office.mail(f"{hours}@example.org", external_ids=(), occurred_at=now - timedelta(hours=hours))
    short = rules(candidate.parent / "short", first="2h")
    ran = office.done("sla", "apply", str(short), "--applies", "running", "--confirm")
    assert "no daemon runs on this store: clocks move when it starts" in ran.out
    ran = office.done("sla", "apply", str(candidate), "--applies", "running", "--dry-run", "--confirm")
    assert "4 open clocks: 1 due later, 3 unchanged (3 of them late already: they stay late)" in ran.out
    assert "4 open clocks still wait to be taken over by the rules in force; the counts take that as done" in ran.out
    assert "no daemon runs on this store: clocks move when it starts" in ran.out

    async def work(log: Log, _: Rules) -> None:
        await Claims(log, real_world(), "node/life").lease("feed", timedelta(minutes=1))

    office.with_log(work)
    ran = office.done("sla", "apply", str(candidate), "--applies", "running", "--dry-run", "--confirm")
    assert "no daemon" not in ran.out


def test_on_both_stores_rules_are_applied_listed_compared_exported_and_undone(
    tmp_path: Path, store_url: str, candidate: Path
) -> None:
    office = Office(built(tmp_path / "config"))
    main = office.folder / "commsd.toml"
    main.write_text(re.sub(r'url = "sqlite:.*"', f'url = "{store_url}"', main.read_text()))
    office.done("db", "upgrade")
    office.mail()
    office.done("sla", "apply", str(candidate))
    short = rules(tmp_path / "short", first="3h")
    asked = ("sla", "apply", str(short), "--applies", "running")
    assert office.commsd(*asked).code == 1
    assert "version 3 is in force" in office.done(*asked, "--confirm").out
    assert office.done(*asked).out.startswith("nothing changed: these are the rules of version 3")
    assert "first_response: 4h -> 3h" in office.done("sla", "diff", "2", "3").out
    assert office.done("config", "diff").out == "no difference\n"
    office.done("sla", "export", "2", str(tmp_path / "former"))
    assert "version 4 is in force" in office.done("sla", "apply", str(tmp_path / "former")).out
    assert states(office) == [(1, "former"), (2, "former"), (3, "former"), (4, "in force")]
    assert (sla(office) / "rules.toml").read_text() == (candidate / "rules.toml").read_text()
    today = f"{real_world().now().astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d}"
    ran = office.commsd("sla", "whatif", str(short), "--from", today, "--to", today, "--json")
    assert (ran.code, ran.json["log"]["differing"]) == (0, 0), ran.out


def test_mistakes_are_told_with_their_place_and_nothing_is_done(office: Office, candidate: Path) -> None:
    office.mail()
    rules(candidate, first="4 hours", match='teir = "gold"')
    ran = office.commsd("sla", "apply", str(candidate))
    assert ran.code == 78
    assert f"{candidate / 'rules.toml'}:8:" in ran.out
    assert f"{candidate / 'rules.toml'}:13:" in ran.out
    found = office.commsd("sla", "apply", str(candidate), "--json")
    assert (found.code, len(found.json["findings"])) == (78, 2)
    assert states(office) == [(1, "in force")]
    assert not sla(office).exists()


@pytest.mark.parametrize("kind", ["missing", "empty", "a file", "a broken link"])
def test_a_folder_that_cannot_be_read_is_named(office: Office, tmp_path: Path, kind: str) -> None:
    office.mail()
    place = tmp_path / "new"
    if kind == "empty":
        place.mkdir()
    elif kind == "a file":
        place.write_text("x")
    elif kind == "a broken link":
        place.symlink_to("nowhere")
    ran = office.commsd("sla", "apply", str(place))
    assert (ran.code, ran.out.startswith(str(place))) == (78, True)
    assert states(office) == [(1, "in force")]


def test_due_times_that_move_need_to_be_confirmed_and_are_counted(office: Office, candidate: Path) -> None:
    office.mail()
    office.missed_call()
    rules(candidate, first="2h", callback="3h")
    asked = ("sla", "apply", str(candidate), "--applies", "running")
    ran = office.commsd(*asked)
    assert ran.code == 1
    assert "would move 67% of the open due times, more than 20%" in ran.out
    assert "confirm with --confirm" in ran.out
    assert states(office) == [(1, "in force")]
    assert not sla(office).exists()
    counted = office.commsd(*asked, "--json").json["impact"]
    assert (counted["open_clocks"], counted["earlier"], counted["later"], counted["due_at_once"]) == (3, 1, 1, 0)
    assert {(each["clock"], each["moved"]) for each in counted["by"]} == {
        ("ack", 0),
        ("callback", 1),
        ("first_response", 1),
    }
    office.done(*asked, "--confirm")
    assert states(office) == [(1, "former"), (2, "in force")]


def test_the_share_that_may_move_is_configured(office: Office, candidate: Path) -> None:
    office.mail()
    with (office.folder / "commsd.toml").open("a") as file:
        file.write('[rules]\nconfirm_share = "60%"\n')
    rules(candidate, first="2h")
    assert office.commsd("sla", "apply", str(candidate), "--applies", "running", "--dry-run").code == 0


def test_one_clock_due_at_once_is_enough_to_ask(office: Office, candidate: Path) -> None:
    now = real_world().now()
    for number in range(9):
        office.mail(f"{number}@example.org", external_ids=())
    office.mail(external_ids=(), occurred_at=now - timedelta(hours=2))
    with (office.folder / "commsd.toml").open("a") as file:
        file.write('[rules]\nconfirm_share = "100%"\n')
    ran = office.commsd("sla", "apply", str(rules(candidate, first="1h")), "--applies", "running")
    assert ran.code == 1
    assert "would make 1 open clock due at once: confirm with --confirm" in ran.out


def test_a_dry_run_changes_nothing(office: Office, candidate: Path) -> None:
    office.mail()
    assert "nothing was written" in office.done("sla", "apply", str(candidate), "--dry-run").out
    assert states(office) == [(1, "in force")]
    assert not sla(office).exists()


def test_cases_that_match_another_policy_are_counted(office: Office, candidate: Path) -> None:
    office.mail()
    rules(candidate, match='keywords = ["delivery"]')
    ran = office.done("sla", "apply", str(candidate))
    assert "1 open case falls under another policy with the next message, before -> after: standard -> vip 1" in ran.out


def test_rules_can_wait_for_their_time_and_be_overtaken(office: Office, candidate: Path) -> None:
    office.mail()
    ran = office.done("sla", "apply", str(candidate), "--from", "2199-12-01 08:00")
    assert "version 2 waits: it comes in force at Sun 2199-12-01 08:00 CET" in ran.out
    assert states(office) == [(1, "in force"), (2, "waiting")]
    start = office.done("sla", "versions", "--json").json[1]["effective_from"]
    assert start == "2199-12-01T07:00:00.000Z"
    ran = office.done("sla", "apply", str(candidate), "--from", "2199-12-01T07:00:00Z")
    assert ran.out == "nothing changed: version 2 waits for that time\n"
    ran = office.done("sla", "apply", str(rules(candidate, first="5h")))
    assert "version 2, which was to come at Sun 2199-12-01 08:00 CET, is withdrawn" in ran.out
    assert states(office) == [(1, "former"), (2, "withdrawn"), (3, "in force")]


def test_a_time_that_is_none_or_lies_too_early_is_refused(office: Office, candidate: Path) -> None:
    office.mail()
    assert office.commsd("sla", "apply", str(candidate), "--from", "tomorrow").code == 2
    ran = office.commsd("sla", "apply", str(candidate), "--from", "1999-01-01 08:00")
    assert ran.code == 1
    assert "effective_from lies before the running version" in ran.err


def test_on_an_empty_store_the_applied_rules_are_the_first(office: Office, candidate: Path) -> None:
    ran = office.commsd("sla", "apply", str(candidate), "--from", "2199-12-01 08:00")
    assert "no rules are in force yet" in ran.err
    assert "it is the first" in office.done("sla", "apply", str(candidate)).out
    assert states(office) == [(1, "in force")]


def test_a_change_is_undone_by_exporting_and_applying(office: Office, candidate: Path, tmp_path: Path) -> None:
    office.mail()
    office.done("sla", "apply", str(candidate))
    first = (candidate / "rules.toml").read_text()
    office.done("sla", "apply", str(rules(candidate, first="6h")))
    out = tmp_path / "former"
    assert "wrote rules.toml of version 2" in office.done("sla", "export", "2", str(out)).out
    assert (out / "rules.toml").read_text() == first
    assert "is not empty" in office.commsd("sla", "export", "2", str(out)).err
    office.done("sla", "apply", str(out))
    assert (sla(office) / "rules.toml").read_text() == first
    assert states(office) == [(1, "former"), (2, "former"), (3, "former"), (4, "in force")]


def test_a_version_without_files_or_that_is_not_there_cannot_be_exported(office: Office, tmp_path: Path) -> None:
    office.mail()
    assert "made by [service] alone" in office.commsd("sla", "export", "1", str(tmp_path / "out")).err
    assert 'there is no version "7"' in office.commsd("sla", "export", "7", str(tmp_path / "out")).err
    assert not (tmp_path / "out").exists()


def test_where_the_files_cannot_be_written_nothing_comes_in_force(office: Office, candidate: Path) -> None:
    office.mail()
    sla(office).write_text("in the way")
    ran = office.commsd("sla", "apply", str(candidate))
    assert ran.code == 1
    assert "cannot be put into" in ran.err
    sla(office).unlink()
    assert states(office) == [(1, "in force")]


def test_the_daemon_of_the_folder_has_read_the_files_that_were_applied(office: Office, candidate: Path) -> None:
    """So that putting the former ones back by hand, while it does not run, is a change to it."""
    office.mail()
    node.begin(office.folder, real_world()).end()
    office.done("sla", "apply", str(candidate))
    name = node.name(office.folder)
    assert name
    notes = schema.notes

    async def work(log: Log, _: Rules) -> list[str]:
        rows = await log.read(lambda connection: connection.execute(select(notes)).all())
        return [row.name for row in rows]

    assert office.with_log(work) == [f"rules read by {name}"]


def test_where_a_daemon_is_at_work_the_command_ends_when_all_have_heard_of_it(office: Office, candidate: Path) -> None:
    office.mail()

    async def work(log: Log, _: Rules) -> None:
        await Claims(log, real_world(), "node/life").lease("feed", timedelta(minutes=1))

    office.with_log(work)
    office.done("sla", "apply", str(candidate))
    latest = office.done("sla", "versions", "--json").json[1]
    waited = datetime.fromisoformat(latest["effective_from"]) - datetime.fromisoformat(latest["accepted_at"])
    assert (latest["state"], waited > timedelta(seconds=1)) == ("in force", True)


def test_worker_processes_count_what_one_would(
    office: Office, candidate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        office.mail(f"{number}@example.org", external_ids=())
    asked = ("sla", "apply", str(rules(candidate, first="2h")), "--applies", "running", "--json")
    alone = office.commsd(*asked).json["impact"]
    monkeypatch.setattr(impact, "FEW", 0)
    monkeypatch.setattr(impact, "CHUNK", 3)
    assert office.commsd(*asked).json["impact"] == alone
    assert alone["earlier"] == 7


def test_new_clocks_run_under_the_applied_rules(office: Office, candidate: Path) -> None:
    office.mail()
    office.done("sla", "apply", str(rules(candidate, first="2h")))

    async def work(log: Log, rules: Rules) -> timedelta | None:
        await rules.load()
        policy = rules.terms.versions[-1].policies["standard"]
        return policy.targets[ClockKind.FIRST_RESPONSE].duration

    assert office.with_log(work) == timedelta(hours=2)
