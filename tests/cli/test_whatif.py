"""`sla whatif` on a firm's own past."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from commsd.core import key
from commsd.core.change import change_of
from commsd.core.interaction import Interaction
from commsd.sla.rules.in_force import Rules
from commsd.store import schema
from commsd.store.log import Log
from commsd.world import real_world
from tests.cli.office import Office, Ran
from tests.core.items import answer_to

RULES = """
[calendar.always]
tz = "Europe/Berlin"
hours = "24x7"
[policy.standard]
calendar = "always"
ack = "15m"
first_response = "{target}"
next_response = "4h"
callback = "2h"
promise = {{ warn = "15m" }}
[[rule]]
policy = "standard"
"""


def rules(folder: Path, target: str = "4h", text: str = RULES) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "rules.toml").write_text(text.format(target=target), "utf-8")
    return folder


def window() -> tuple[str, str, str, str]:
    now = real_world().now()
    return "--from", f"{now - timedelta(days=2):%Y-%m-%d}", "--to", f"{now + timedelta(days=1):%Y-%m-%d}"


def answered(office: Office) -> None:
    """A mail that came three hours ago and is answered now."""
    mail = office.mail(occurred_at=real_world().now() - timedelta(hours=3))
    make: Callable[[Any], Interaction] = answer_to()

    async def work(log: Log, known: Rules) -> object:
        keys = (*key.of_addresses("jane@example.org"), key.of_case(mail.case_id or ""))
        return await log.decide(
            keys, lambda items: change_of(replace(make(items), case_id=mail.case_id), items, known.terms)
        )

    office.with_log(work)


def whatif(office: Office, folder: Path, *more: str) -> Ran:
    return office.commsd("sla", "whatif", str(folder), *window(), *more)


def test_a_shorter_target_is_shown_with_the_case_that_would_have_been_late(office: Office, tmp_path: Path) -> None:
    answered(office)
    ran = whatif(office, rules(tmp_path / "two", "2h"))
    assert ran.code == 0, ran.err
    assert "The replay of A gives the log again, clock by clock." in ran.out
    assert "target: 4 h -> 2 h" in ran.out
    said = " ".join(ran.out.split())
    assert "B changes, against what was: " in said
    assert " first answer, standard: 4 h -> 2 h " in said
    assert "With 2 h, 1 of 1 first answers (100 %) would have been late, instead of 0." in said
    assert "A replay keeps people's behaviour fixed" in ran.out
    data = whatif(office, rules(tmp_path / "two", "2h"), "--json").json
    (change,) = data["changes"]
    assert {"of": "policy standard", "what": "first_response", "before": "4h", "after": "2h"} in change["differences"]
    (mover,) = data["movers"]
    assert (mover["clock"], mover["state_a"], mover["state_b"]) == ("first_response", "met", "breached")
    late = {row["clock"]: (row["a"]["breached"], row["b"]["breached"]) for row in data["diff"]}
    assert late == {"ack": (1, 1), "first_response": (0, 1)}


def test_every_block_is_there(office: Office, tmp_path: Path) -> None:
    answered(office)
    data = whatif(office, rules(tmp_path / "two", "2h"), "--json").json
    assert set(data["head"]) >= {"cases", "clocks_a", "clocks_b", "a", "b", "touches", "without_zone", "without_tier"}
    assert {"log", "total", "diff", "movers", "by", "heat", "percentiles", "suggested_targets", "honesty"} <= set(data)
    assert set(data["by"]) == {"channel", "tier", "language"}
    assert [each["change"] for each in data["hours"]["longer"]] == [
        "one hour earlier",
        "one hour later",
        "also on Saturday",
    ]
    assert {each["route"] for each in data["alerts"]} >= {"owner of nobody"}
    out = whatif(office, rules(tmp_path / "two", "2h")).out
    for title in (
        "WHAT CHANGES, BY POLICY AND CLOCK",
        "CASES THAT FLIP",
        "BY CHANNEL",
        "BY TIER",
        "BY LANGUAGE",
        "LATE IN PERCENT, BY WEEKDAY AND HOUR OF ARRIVAL",
        "HOW LONG IT TOOK",
        "not enough data",
        "TARGETS THAT HISTORY WOULD HAVE MET",
        "CUSTOMERS WHO WAIT FOR A PERSON, BY HOUR",
        "WHO CAME WHILE WE WERE CLOSED",
        "IF THE HOURS OF B WERE LONGER",
        "HOW OFTEN PEOPLE WOULD HAVE BEEN TOLD",
    ):
        assert title in out


def test_the_same_rules_change_nothing(office: Office, tmp_path: Path) -> None:
    folder = rules(tmp_path / "same")
    office.mail()
    office.done("sla", "apply", str(folder))
    answered(office)
    data = whatif(office, folder, "--json").json
    assert data["total"]["unchanged"] == data["total"]["n"] > 0
    assert data["movers"] == []


def test_a_log_that_does_not_come_out_again_is_a_finding(office: Office, tmp_path: Path) -> None:
    answered(office)

    async def forge(log: Log, known: Rules) -> None:
        table = schema.clocks
        record = (await log.read(lambda c: c.execute(table.select().where(table.c.clock == "ack")).one())).record
        statement = update(table).where(table.c.clock == "ack").values(record={**record, "policy": "forged"})
        await log.writer.write(lambda connection: connection.execute(statement) and None)

    office.with_log(forge)
    ran = whatif(office, rules(tmp_path / "two", "2h"))
    assert ran.code == 1
    assert "does NOT give the log again: 1 differences" in ran.out
    assert "forged" in ran.out
    data = whatif(office, rules(tmp_path / "two", "2h"), "--json")
    assert data.code == 1
    assert [each["field"] for each in data.json["log"]["differences"]] == ["policy"]


def test_a_page_needs_no_other_file(office: Office, tmp_path: Path) -> None:
    answered(office)
    file = tmp_path / "report.html"
    ran = whatif(office, rules(tmp_path / "two", "2h"), "--html", str(file))
    assert (ran.code, ran.out) == (0, "")
    page = file.read_text("utf-8")
    assert "Example Ltd: what other rules would have meant" in page
    assert "first answer, standard: 4 h → 2 h" in page
    assert "With 2 h, 1 of 1 first answers (100 %) would have been late, instead of 0." in page
    assert "first_response" not in page
    assert page.index("4 h → 2 h") < page.index("What changes, by policy") < page.index("What the words mean")
    for outside in ("http://", "https://", "src=", "<script", "@import", "url("):
        assert outside not in page


def test_a_page_that_cannot_be_written_is_said_so(office: Office, tmp_path: Path) -> None:
    answered(office)
    ran = whatif(office, rules(tmp_path / "two", "2h"), "--html", str(tmp_path / "no" / "report.html"))
    assert ran.code == 1
    assert "cannot be written: No such file or directory" in ran.err


def test_a_candidate_with_mistakes_is_judged_as_check_does(office: Office, tmp_path: Path) -> None:
    answered(office)
    wrong = rules(tmp_path / "wrong", "0m", RULES.replace('callback = "2h"', 'calback = "2h"'))
    ran = whatif(office, wrong)
    assert ran.code == 78
    assert 'use "off" to switch it off' in ran.out
    assert 'did you mean "callback"?' in ran.out
    assert "rules.toml:" in ran.out


def test_a_folder_that_is_not_there_is_said_so(office: Office, tmp_path: Path) -> None:
    answered(office)
    ran = whatif(office, tmp_path / "nowhere")
    assert ran.code == 78
    assert "there is no such folder" in ran.out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--from", "2026-05-02", "--to", "2026-05-01"), "lies after --to"),
        (("--from", "2999-05-02", "--to", "2999-06-01"), "is still to come"),
        (("--from", "spring", "--to", "2026-05-01"), "is not a time"),
        ((*window(), "--channel", "mail"), 'no channel "mail"'),
        ((*window(), "--policy", "standart"), 'did you mean "standard"?'),
    ],
)
def test_what_makes_no_sense_is_refused_as_usage(
    office: Office, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    answered(office)
    ran = office.commsd("sla", "whatif", str(rules(tmp_path / "two", "2h")), *more)
    assert ran.code == 2
    assert said in " ".join(ran.err.replace("│", " ").split())


def test_days_of_which_the_log_knows_nothing_are_said_so(office: Office, tmp_path: Path) -> None:
    folder = rules(tmp_path / "two", "2h")
    days = ("--from", "2020-05-01", "--to", "2020-05-31")
    office.with_log(_nothing)
    ran = office.commsd("sla", "whatif", str(folder), *days)
    assert (ran.code, "the log is empty" in ran.err) == (1, True)
    office.mail()
    ran = office.commsd("sla", "whatif", str(folder), *days)
    assert (ran.code, "no case was open in these days" in ran.err) == (1, True)
    assert f"{real_world().now():%Y-}" in ran.err


async def _nothing(log: Log, known: Rules) -> None:
    """Rules come in force all the same."""


def test_rules_that_never_were_in_force_are_said_so(office: Office, tmp_path: Path) -> None:
    ran = whatif(office, rules(tmp_path / "two", "2h"))
    assert ran.code == 1
    assert "no rules were ever in force here" in ran.err


def test_a_database_that_is_not_there_is_said_so(empty_office: Office, tmp_path: Path) -> None:
    ran = whatif(empty_office, rules(tmp_path / "two", "2h"))
    assert ran.code == 78
    assert "there is no database" in ran.err


def test_only_what_is_asked_for_is_counted(office: Office, tmp_path: Path) -> None:
    answered(office)
    office.missed_call()
    folder = rules(tmp_path / "two", "2h")
    whole = whatif(office, folder, "--json").json
    mail = whatif(office, folder, "--json", "--channel", "email", "--quick").json
    assert {each["name"] for each in whole["by"]["channel"]} == {"email", "phone"}
    assert {each["name"] for each in mail["by"]["channel"]} == {"email"}
    assert mail["head"]["only"]["channel"] == ["email"]
    assert (mail["hours"]["longer"], mail["alerts"]) == (None, None)
