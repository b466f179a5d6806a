import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commsd.channels.mail.account import FollowUp, MailboxRole, MailSettings, Tls
from commsd.channels.phone.line import PhoneSettings
from commsd.config.load import load, render
from commsd.config.secret import SecretSource
from commsd.config.settings import Config
from commsd.core.calendar import is_open
from commsd.core.policy import ClockKind
from commsd.errors import ConfigError
from tests.config.folder import MAILBOX, MINIMUM, NOW, SECRETS, channels, look, write

HOTLINE = """
[twilio]
account_sid = "AC00000000000000000000000000000000"
auth_tokens = [{ env = "TOKEN" }]
public_url = "https://calls.example.com/"
[line.hotline]
number = "+493023125010"
"""


def accepted(folder: Path, main: str, rules: dict[str, str] | None = None) -> Config:
    config, findings = look(write(folder, main, rules))
    assert config is not None, render(findings)
    return config


def mail_of(config: Config) -> MailSettings:
    settings = config.settings["mail"]
    assert isinstance(settings, MailSettings)
    return settings


def phone_of(config: Config) -> PhoneSettings:
    settings = config.settings["phone"]
    assert isinstance(settings, PhoneSettings)
    return settings


def interface_blocks(shared: Path) -> tuple[str, str]:
    text = (shared / "interface.md").read_text("utf-8")
    smallest, everything = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[:2]
    return smallest, everything


def test_the_smallest_config_of_the_interface_passes(tmp_path: Path, shared: Path) -> None:
    config, findings = look(write(tmp_path, interface_blocks(shared)[0]))
    assert config is not None
    assert [finding.severity for finding in findings] == ["warning"]  # the password is not there


def test_every_key_the_interface_shows_is_accepted(tmp_path: Path, shared: Path, root: Path) -> None:
    smallest, everything = interface_blocks(shared)
    given, agents = tomllib.loads(smallest)["mailbox"]["support"], "[agent.bo]\n[agent.cai]\n"
    main = everything.replace("[service]\n", '[service]\nname = "Example Ltd"\ntimezone = "Europe/Berlin"\n', 1)
    main = main.replace(
        "[mailbox.support]\n",
        f'{agents}[mailbox.support]\naddress = "{given["address"]}"\nsmtp = {{ host = "smtp.example.com" }}\n',
        1,
    )
    main += '[store]\nurl = "sqlite:////var/lib/commsd/commsd.db"\n'
    rules = (root / "config" / "sla" / "office.toml").read_text("utf-8")
    config, findings = look(write(tmp_path, main, {"office.toml": rules}))
    assert config is not None, render(findings)
    oauth = mail_of(config).mailboxes["support"].imap.oauth
    assert oauth is not None
    assert oauth.provider == "microsoft"


def test_a_missing_oauth_credential_is_warned_of_under_its_usual_name(tmp_path: Path) -> None:
    main = (MINIMUM + MAILBOX).replace('password = { env = "PASSWORD" }', 'auth = { oauth = "google" }')
    _, findings = look(write(tmp_path, main))
    assert [(f.severity, "support-oauth" in f.what) for f in findings] == [("warning", True)]


def test_the_example_folder_passes_and_shows_every_default(root: Path) -> None:
    config, findings = look(root / "config")
    assert config is not None, render(findings)
    assert {finding.severity for finding in findings} == {"warning"}
    assert all("no file" in finding.what for finding in findings)


def test_a_mailbox_has_the_defaults_of_the_interface(tmp_path: Path) -> None:
    mailbox = mail_of(accepted(tmp_path, MINIMUM + MAILBOX)).mailboxes["support"]
    assert (mailbox.imap.port, mailbox.imap.tls) == (993, Tls.IMPLICIT)
    assert mailbox.smtp is not None
    assert mailbox.smtp.username == "support@example.com"
    assert mailbox.smtp.password == SecretSource("env", "PASSWORD")
    assert (mailbox.folder, mailbox.sent, mailbox.done) == ("INBOX", ("auto",), ("Done",))
    assert (mailbox.role, mailbox.follow_up) == (MailboxRole.INBOX, FollowUp.SHORT)
    assert (mailbox.poll, mailbox.max_age) == (timedelta(seconds=30), timedelta(hours=24))
    assert (mailbox.ack_budget.count, mailbox.ack_budget.per) == (3000, timedelta(hours=1))
    assert mailbox.backfill == timedelta(0)


@pytest.mark.parametrize(
    ("written", "port", "tls"),
    [
        ("", 465, Tls.IMPLICIT),
        (", port = 587", 587, Tls.STARTTLS),
        (', tls = "starttls"', 587, Tls.STARTTLS),
        (", port = 465", 465, Tls.IMPLICIT),
        (', port = 2525, tls = "starttls"', 2525, Tls.STARTTLS),
    ],
)
def test_port_and_tls_of_smtp_follow_from_each_other(tmp_path: Path, written: str, port: int, tls: Tls) -> None:
    main = MAILBOX.replace('host = "smtp.example.com"', f'host = "smtp.example.com"{written}')
    smtp = mail_of(accepted(tmp_path, MINIMUM + main)).mailboxes["support"].smtp
    assert smtp is not None
    assert (smtp.port, smtp.tls) == (port, tls)


@pytest.mark.parametrize(
    ("server", "port", "tls", "usual"),
    [
        ("smtp", 587, "implicit", "starttls"),
        ("smtp", 465, "starttls", "implicit"),
        ("imap", 143, "implicit", "starttls"),
    ],
)
def test_a_port_that_speaks_another_way_than_tls_says_is_warned_of(
    tmp_path: Path, server: str, port: int, tls: str, usual: str
) -> None:
    host = f'host = "{server}.example.com"'
    main = MAILBOX.replace(host, f'{host}, port = {port}, tls = "{tls}"')
    _, findings = look(write(tmp_path, MINIMUM + main))
    (said,) = [each for each in findings if each.what.startswith("tls")]
    assert said.severity == "warning"
    assert said.what == f'tls = "{tls}" on port {port}, where nearly all servers speak "{usual}"'
    assert said.remedy.startswith(f'write tls = "{usual}", or port = ')


@pytest.mark.parametrize("host", ["::1", "[::1]", "2001:db8::7", "192.0.2.7", "mail", "münchen.example"])
def test_every_way_to_name_a_host_passes(tmp_path: Path, host: str) -> None:
    accepted(tmp_path, MINIMUM + MAILBOX.replace("imap.example.com", host))


def test_observe_may_be_said_for_all_or_for_one(tmp_path: Path) -> None:
    one = accepted(tmp_path / "one", MINIMUM + MAILBOX + 'mode = "observe"' + HOTLINE)
    assert mail_of(one).mailboxes["support"].observe
    assert not phone_of(one).lines["hotline"].observe
    both = accepted(tmp_path / "all", MINIMUM.replace("[store]", 'mode = "observe"\n[store]') + MAILBOX + HOTLINE)
    assert both.firm.observe
    assert mail_of(both).mailboxes["support"].observe
    assert phone_of(both).lines["hotline"].observe


def test_a_line_has_the_defaults_of_the_interface(tmp_path: Path) -> None:
    phone = phone_of(accepted(tmp_path, MINIMUM + HOTLINE))
    line = phone.lines["hotline"]
    assert (line.number.e164, line.number.region, line.rounds, line.sms_ack) == ("+493023125010", "DE", (), True)
    assert phone.twilio is not None
    assert phone.twilio.public_url == "https://calls.example.com"
    assert phone.callbacks.retry.no_answer == (timedelta(minutes=30), timedelta(hours=2), "next-window")
    assert phone.callbacks.quiet_hours == (20 * 60, 8 * 60)
    assert phone.dialling.max_cost is not None
    assert (phone.dialling.max_cost.currency, phone.dialling.max_cost.per) == ("EUR", timedelta(days=1))


def test_hours_and_country_alone_make_the_standard_policy(tmp_path: Path) -> None:
    version = accepted(tmp_path, MINIMUM.replace("[store]", 'country = "DE-BE"\n[store]') + MAILBOX).version
    hours = {kind: target.duration for kind, target in version.policies["standard"].targets.items()}
    assert hours == {
        ClockKind.ACK: timedelta(minutes=15),
        ClockKind.FIRST_RESPONSE: timedelta(hours=4),
        ClockKind.NEXT_RESPONSE: timedelta(hours=4),
        ClockKind.CALLBACK: timedelta(hours=2),
        ClockKind.PROMISE: None,
    }
    assert version.policies["standard"].targets[ClockKind.PROMISE].warn_before == timedelta(minutes=15)
    assert version.policies["letter"].targets[ClockKind.ACK].duration == timedelta(hours=4)
    answers = [version.policies["letter"].targets[kind] for kind in (ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE)]
    assert [(target.duration, target.business_days) for target in answers] == [(None, 2)] * 2
    assert [rule.policy for rule in version.rules] == ["letter", "standard"]
    closed = version.calendars["standard"].dates
    assert {day.year for day in closed} == {2025, 2026, 2027, 2028, 2029}
    assert [day.isoformat() for day in closed if day.isoformat() == "2026-03-08"]  # Berlin's own


@pytest.mark.parametrize("hours", ["always", "24x7", "mon-sun 00:00-24:00", "daily 00:00-24:00"])
def test_who_is_always_open_is_open_on_the_holidays_of_its_country(tmp_path: Path, hours: str) -> None:
    text = MINIMUM.replace("mon-fri 09:00-17:00", hours).replace("[store]", 'country = "DE-BE"\n[store]')
    version = accepted(tmp_path, text + MAILBOX).version
    assert is_open(version.calendars["standard"], datetime(2026, 12, 25, 12, tzinfo=UTC))
    assert version.holidays_until is None


def test_who_is_open_all_but_one_hour_a_week_keeps_the_holidays_of_its_country(tmp_path: Path) -> None:
    text = MINIMUM.replace("mon-fri 09:00-17:00", "mon-sat 00:00-24:00, sun 00:00-23:00")
    version = accepted(tmp_path, text.replace("[store]", 'country = "DE-BE"\n[store]') + MAILBOX).version
    assert not is_open(version.calendars["standard"], datetime(2026, 12, 25, 12, tzinfo=UTC))
    assert version.holidays_until is not None


def test_without_hours_it_is_open_at_office_hours_and_says_so(tmp_path: Path) -> None:
    config = accepted(tmp_path, MINIMUM.replace('hours = "mon-fri 09:00-17:00"', "") + MAILBOX)
    assert [str(window) for window in config.version.calendars["standard"].weekly[4]] == ["09:00-17:00"]
    assert any("hours is missing" in warning.what for warning in config.warnings)


def test_a_missing_secret_is_a_warning_for_check_and_a_mistake_for_run(tmp_path: Path) -> None:
    folder = write(tmp_path, MINIMUM + MAILBOX)
    assert [warning.severity for warning in load(folder, channels(), {}, now=NOW).warnings] == ["warning"]
    with pytest.raises(ConfigError, match="the variable is not set"):
        load(folder, channels(), {}, now=NOW, need_secrets=True)


def test_every_mistake_is_told_at_once_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    main = MINIMUM + MAILBOX.replace('address = "support@example.com"', 'address = "support"\npoll = "5"\ntema = "x"')
    rules = '[policy.standard]\ncalendar = "x"\n[[rule]]\npolicy = "standrad"\n'
    config, findings = look(write(tmp_path, main + "[cases]\nauto_close = 7\n", {"office.toml": rules}))
    assert config is None
    errors = [finding for finding in findings if finding.severity == "error"]
    assert [(Path(e.place.file).name, e.place.line) for e in errors] == [
        ("commsd.toml", 10),
        ("commsd.toml", 11),
        ("commsd.toml", 12),
        ("commsd.toml", 16),
        ("office.toml", 2),
        ("office.toml", 4),
    ]


def test_a_refusal_holds_all_mistakes_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(write(tmp_path, "[service]\n[store]\n"), channels(), {}, now=NOW)
    assert refused.value.exit_code == 78
    assert refused.value.what.count("is missing") == 3
    assert "commsd check" in refused.value.remedy


def test_a_file_that_is_no_toml_does_not_hide_the_mistakes_of_the_others(tmp_path: Path) -> None:
    _, findings = look(write(tmp_path, MINIMUM + "[cases]\nauto_close = 7\n", {"a.toml": "[[rule", "b.toml": "x ="}))
    assert [(Path(f.place.file).name, f.severity) for f in findings if f.severity == "error"] == [
        ("commsd.toml", "error"),
        ("a.toml", "error"),
        ("b.toml", "error"),
    ]


@pytest.mark.parametrize("content", [None, b"[service]\nname = '\xff'\n"])
def test_a_file_that_is_missing_or_no_text_is_a_mistake(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "commsd.toml").write_bytes(content)
    config, findings = look(tmp_path)
    assert config is None
    assert len(findings) == 1


def test_no_secret_shows_itself_in_config_or_findings(tmp_path: Path) -> None:
    config, findings = look(write(tmp_path, MINIMUM + MAILBOX + HOTLINE))
    shown = f"{config!r}{render(findings)}"
    assert config is not None
    assert not [value for value in SECRETS.values() if value in shown]


@pytest.mark.parametrize(
    "line",
    [
        'password = "hunter2"',
        'imap = "imaps://u:hunter2@imap.example.com"',
        'url = "postgresql://commsd:hunter2@db/commsd"',
        'url = "mysql://commsd:hunter2@db/commsd"',
        'auth_tokens = ["hunter2"]',
        'api_key = "hunter2"',
        'key = "hunter2"',
        'passwort = "hunter2"',
        'public_url = "hunter2"',
        'webhook = "u:hunter2@x"',
    ],
)
def test_whatever_is_wrong_with_a_secret_it_is_not_repeated(tmp_path: Path, line: str) -> None:
    tables = ("service", "store", "mailbox.support", "twilio", "route.x")
    main = "".join(f"[{table}]\n{line}\n" for table in tables) + f"[mailbox.support.imap]\n{line}\n"
    if line.startswith("imap"):
        main = main.replace("[mailbox.support.imap]", "[mailbox.other.imap]")
    config, findings = look(write(tmp_path, main))
    assert config is None
    assert "hunter2" not in render(findings)
    assert len(findings) > 5


def test_the_same_rules_are_the_same_version_however_they_are_laid_out(tmp_path: Path, root: Path) -> None:
    rules = (root / "config" / "sla" / "office.toml").read_text("utf-8")
    main = MINIMUM + MAILBOX + '[agent.bo]\n[route.duty]\nmail = ["duty@example.com"]\n'
    bare = "\n".join(line.split("   #")[0] for line in rules.splitlines() if not line.startswith("#"))
    head, tail = bare.split("[ladder.standard]")
    one = accepted(tmp_path / "one", main, {"office.toml": rules})
    two = accepted(tmp_path / "two", main, {"a.toml": head, "b.toml": "[ladder.standard]" + tail})
    other = accepted(
        tmp_path / "other", main, {"office.toml": rules.replace('callback       = "2h"', 'callback = "3h"')}
    )
    assert one.version.id == two.version.id
    assert one.version.id != other.version.id
    assert one.sla_files == {"office.toml": rules}


def test_the_state_lies_beside_the_database_unless_it_is_given(tmp_path: Path) -> None:
    config = accepted(tmp_path, MINIMUM + MAILBOX)
    assert config.state_folder({}) == Path("/var/lib/commsd")
    assert config.state_folder({"STATE_DIRECTORY": "/run/x"}) == Path("/run/x")
    far = accepted(tmp_path, MINIMUM.replace("sqlite:////var/lib/commsd/commsd.db", "postgresql://db/commsd") + MAILBOX)
    with pytest.raises(ConfigError, match="STATE_DIRECTORY"):
        far.state_folder({})


def test_the_url_of_the_store_may_be_a_secret(tmp_path: Path) -> None:
    main = MINIMUM.replace('"sqlite:////var/lib/commsd/commsd.db"', '{ env = "STORE" }') + MAILBOX
    config = accepted(tmp_path, main)
    assert config.store_url({"STORE": "postgresql://u:p@db/x"}) == "postgresql://u:p@db/x"
    with pytest.raises(ConfigError) as refused:
        config.store_url({"STORE": "hunter2"})
    assert "hunter2" not in str(refused.value)
