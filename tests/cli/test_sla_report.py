"""`commsd sla report` as a person runs it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from commsd.core import key
from commsd.core.interaction import Kind
from tests.cli.office import Office
from tests.core.items import moved


def test_without_clocks_it_says_so(office: Office) -> None:
    assert "no clock began in this time" in office.done("sla", "report").out
    assert office.done("sla", "report", "--json").json["clocks"] == 0


def test_the_last_four_weeks_are_told_with_all_figures(office: Office) -> None:
    office.mail(occurred_at=datetime.now(UTC) - timedelta(days=2))
    office.mail("sam@example.org", "Invoice", external_ids=(), occurred_at=datetime.now(UTC) - timedelta(days=40))
    out = office.done("sla", "report").out
    assert out.count("first answer  ") == 3  # in all, of the one policy, and the longest wait
    assert "0 %" in out
    assert "not enough data" in out
    assert ", and still waits" in out
    assert "In time is met / (met + late)" in out
    assert "nights and holidays included" in out


def test_every_table_says_what_it_is_about(office: Office) -> None:
    case_id = office.mail(team="service").case_id or ""
    office.decide((key.of_case(case_id),), moved(case_id, Kind.HOLD, reason="customer"))
    out = office.done("sla", "report").out
    titles = [line for line in out.splitlines() if line.isupper() and "  " not in line]
    assert titles == ["ALL CLOCKS", "BY POLICY", "THE LONGEST WAITS", "TO LOOK AT, BY TEAM", "TO LOOK AT, BY AGENT"]
    assert " ".join(out.split()).count("look at who stands out") == 1


def test_a_date_counts_as_a_whole_day(office: Office) -> None:
    at = datetime.now(ZoneInfo("Europe/Berlin")) - timedelta(days=5)  # a date is one of the firm's
    office.mail(occurred_at=at.astimezone(UTC))
    day = f"{at:%Y-%m-%d}"
    found = office.done("sla", "report", "--from", f"{at - timedelta(days=1):%Y-%m-%d}", "--to", day, "--json").json
    assert found["clocks"] == 2
    assert {row["clock"] for row in found["total"]} == {"ack", "first_response"}


def test_groups_are_chosen_by_a_word(office: Office) -> None:
    office.mail(team="service")
    assert list(office.done("sla", "report", "--by", "team", "--json").json["by"]) == ["team"]
    assert "service" in office.done("sla", "report", "--by", "team").out
    assert "BY DAY AND HOUR" in office.done("sla", "report", "--by", "hour").out
    ran = office.commsd("sla", "report", "--by", "mood")
    assert (ran.code, "write one of policy, channel" in ran.err) == (2, True)


def test_the_page_has_every_grouping_and_takes_no_word_for_one(office: Office, tmp_path: Path) -> None:
    ran = office.commsd("sla", "report", "--by", "team", "--html", str(tmp_path / "page.html"))
    assert ran.code == 2
    assert "the page has every grouping" in ran.err
    assert not (tmp_path / "page.html").exists()


def test_a_window_that_ends_before_it_begins_is_a_mistake_of_usage(office: Office) -> None:
    ran = office.commsd("sla", "report", "--from", "2026-05-02", "--to", "2026-04-01")
    assert ran.code == 2
    assert "it lies before --from 2026-05-02" in ran.err
    assert office.commsd("sla", "report", "--from", "soon").code == 2


def test_the_page_is_one_file(office: Office, tmp_path: Path) -> None:
    office.mail()
    target = tmp_path / "report.html"
    assert office.done("sla", "report", "--html", str(target)).out == f"{target}: 2 clocks\n"
    assert target.read_text("utf-8").startswith("<!doctype html>")
    ran = office.commsd("sla", "report", "--html", str(tmp_path / "no" / "where.html"))
    assert (ran.code, "cannot be written" in ran.err) == (1, True)


def test_the_answer_level_of_a_line_with_an_aim_stands_in_table_json_and_page(office: Office, tmp_path: Path) -> None:
    line = '[line.hotline]\nnumber = "+493023125010"\nanswer = "80% / 20s"\n'
    twilio = (
        '[twilio]\naccount_sid = "AC1"\npublic_url = "https://calls.example.com"\nauth_tokens = [{ env = "TOKEN" }]\n'
    )
    config = office.folder / "commsd.toml"
    config.write_text(f"{config.read_text()}\n{twilio}{line}")
    office.missed_call()
    out = office.done("sla", "report").out
    assert "CALLS ANSWERED IN TIME" in out
    assert "hotline  80 % within 20s  0 %" in out
    (level,) = office.done("sla", "report", "--json").json["answer_level"]
    assert (level["line"], level["reached"], level["missed"], level["within_ms"]) == ("hotline", 0.0, 1, 20000)
    office.done("sla", "report", "--html", str(tmp_path / "page.html"))
    assert "Calls answered in time" in (tmp_path / "page.html").read_text()
