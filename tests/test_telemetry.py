"""No address, number, subject or body ever stands in a log line; metrics are what the interface names."""

import ast
import io
import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from commsd.telemetry import NAMES, TAKEN_OUT, Libraries, Metrics, configure, scrubbed

ID = "019cb813-5280-7000-8000-000000000004"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
PLAIN = {"exc_info"}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure("json", stream=stream)
    yield stream
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def written(stream: io.StringIO) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_field_that_is_not_listed_loses_its_text(lines: io.StringIO) -> None:
    structlog.get_logger().info("mail.decided", interaction=ID, sender="jane@example.org", subject="Secret", size=12)
    (line,) = written(lines)
    assert (line["interaction"], line["size"]) == (ID, 12)
    assert line["sender"] == line["subject"] == TAKEN_OUT


def test_what_could_quote_somebody_is_searched(lines: io.StringIO) -> None:
    structlog.get_logger().warning(
        "duty.failed", what=f"no mail to jane@example.org, +49 30 23125099\nin {ID}", remedy="ask 030/2312 5099"
    )
    (line,) = written(lines)
    assert line["what"] == f"no mail to [address], [number] | in {ID}"
    assert line["remedy"] == "ask [number]"


def test_fraud_pii_a_number_is_masked_in_every_field_also_in_those_that_hold_names(lines: io.StringIO) -> None:
    structlog.get_logger().info("call.judged", **{name: "to +493023125099" for name in NAMES if name != "event"})
    (line,) = written(lines)
    assert "3023125099" not in str(line)


def test_of_an_exception_only_types_and_places_are_told(lines: io.StringIO) -> None:
    try:
        try:
            raise KeyError("jane@example.org")
        except KeyError as error:
            raise ValueError("Secret matter") from error
    except ValueError as error:
        structlog.get_logger().error("duty.failed", duty="x", exc_info=error)
    text = lines.getvalue()
    assert "ValueError at test_telemetry.py" in text
    assert "KeyError" in text
    assert "jane" not in text
    assert "Secret" not in text


def test_of_a_librarys_warning_only_the_pattern_is_kept(lines: io.StringIO) -> None:
    library = logging.getLogger("somelibrary")
    library.warning("refused %s", "jane@example.org")
    library.warning("refused jane@example.org")
    library.info("chatter about jane@example.org")
    assert any(isinstance(handler, Libraries) for handler in logging.getLogger().handlers)
    first, second = written(lines)
    assert (first["event"], first["template"]) == ("library.warned", "refused %s")
    assert second["template"] is None
    assert "jane" not in lines.getvalue()


@given(
    local=st.from_regex(r"[A-Za-z0-9._+-]{1,20}", fullmatch=True),
    before=st.sampled_from(["", "<", "to ", '"', "a,", "("]),
    number=st.from_regex(r"\+[1-9]\d{1,2} ?\d{2,4}[ /.-]?\d{4,7}", fullmatch=True),
)
def test_neither_an_address_nor_a_number_survives(local: str, before: str, number: str) -> None:
    text = scrubbed(f"{before}{local}@example.org failed; {before}{number}")
    assert "example.org" not in text
    assert number not in text


@pytest.mark.parametrize("kept", [ID, "2026-03-04T09:00:00Z", "127.0.0.1:8025", "550 5.7.1", "[store] url"])
def test_what_is_no_ones_is_kept(kept: str) -> None:
    assert scrubbed(f"at {kept} it failed") == f"at {kept} it failed"


def test_under_systemd_fields_go_to_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal, (tmp_path / "err").open("w") as stream:
        journal.bind(str(path))
        journal.settimeout(5)
        known = (tmp_path / "err").stat()
        monkeypatch.setenv("JOURNAL_STREAM", f"{known.st_dev}:{known.st_ino}")
        monkeypatch.setattr("commsd.telemetry.JOURNAL", str(path))
        handlers = logging.getLogger().handlers
        configure(stream=stream)
        structlog.get_logger().warning("duty.failed", duty="mail.watch", error="OSError")
        fields = dict(line.split("=", 1) for line in journal.recv(4096).decode().splitlines())
        structlog.reset_defaults()
        logging.getLogger().handlers = handlers
    assert fields["MESSAGE"] == "duty.failed duty=mail.watch error=OSError"
    assert (fields["PRIORITY"], fields["COMMSD_DUTY"]) == ("4", "mail.watch")


def test_every_text_field_that_code_logs_is_listed(root: Path) -> None:
    used: set[str] = set()
    for path in (root / "commsd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                speaker = ast.unparse(node.func.value).partition("(")[0]
                if re.search(r"(^|[._])(log|logger)($|\.)", speaker):
                    used |= {keyword.arg for keyword in node.keywords if keyword.arg}
    assert used - NAMES - PLAIN - {name for name in used if name.endswith("_s")} == set(), (
        "list them in telemetry.NAMES"
    )


def test_the_metrics_are_named_by_their_base_unit_and_start_with_our_name() -> None:
    text = Metrics().text().decode()
    ours = re.findall(r"^# TYPE (commsd_\w+) (\w+)$", text, re.MULTILINE)
    assert {name for name, _ in ours} >= {
        "commsd_ack_latency_seconds",
        "commsd_channel_last_success_timestamp_seconds",
        "commsd_callbacks_open",
        "commsd_callback_oldest_age_seconds",
        "commsd_clocks",
        "commsd_feed_lag_seconds",
        "commsd_deliveries_total",
        "commsd_rules_last_apply_successful",
    }
    assert [name for name, _ in ours if re.search(r"_(ms|millis|minutes)($|_)", name)] == []
    assert [name for name, kind in ours if kind == "counter" and not name.endswith("_total")] == []
    assert "process_start_time_seconds" in text


def test_two_daemons_in_one_process_do_not_share_figures() -> None:
    first, second = Metrics(), Metrics()
    first.deliveries.labels("ack", "sent").inc()
    assert b'commsd_deliveries_total{kind="ack",result="sent"} 1.0' in first.text()
    assert b"commsd_deliveries_total{" not in second.text()
