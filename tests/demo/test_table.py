"""Each way in which a customer can get something else than the scenario says is found, and said with the name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from commsd.demo.table import Ack, Got, House, Judgement, Late, Owed, Wanted, judge, printed

BERLIN = ZoneInfo("Europe/Berlin")
AT_TWO = datetime(2026, 3, 4, 13, 0, tzinfo=UTC)
SOON = timedelta(seconds=0.8)

ACK = Ack(language="en", short=False, after=SOON, promised=AT_TWO)
OWED = Owed(misses=1, due_at=AT_TWO, after=timedelta(seconds=12))
TOLD = (("Cai Hartono", timedelta(seconds=0.5)),)
LATE = Late(clock="first_response", after=timedelta(seconds=12), told=TOLD)

WRITER = Wanted(key="1@example.org", who="Jane Clarke", by="mail", language="en")
MACHINE = Wanted(key="2@example.org", who="Chairs Weekly", by="mail", silence="no-ack:list")
CALLER = Wanted(key="+4532123456", who="Lars Nielsen", by="phone", language="da", misses=1)
WRITTEN = Got(acks=(ACK,), policy="standard")
RUNG = Got(misses=1, callbacks=(OWED,), spoken="da", policy="standard")


def faults(wanted: Wanted, got: Got, house: House | None = None) -> tuple[str, ...]:
    return judge([(wanted, got)], house or House()).all_faults


def shown(judgement: Judgement, width: int = 100) -> str:
    page = StringIO()
    Console(file=page, width=width).print(printed(judgement, BERLIN, timedelta(seconds=27)))
    return page.getvalue()


def acked(**changes: Any) -> Got:
    return replace(WRITTEN, acks=(replace(ACK, **changes),))


def owed(**changes: Any) -> Got:
    return replace(RUNG, callbacks=(replace(OWED, **changes),))


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (WRITER, WRITTEN),
        (replace(WRITER, short=True), acked(short=True)),
        (replace(WRITER, answered=True), replace(WRITTEN, answer=("Anna Berg", SOON))),
        (replace(WRITER, breach="first_response"), replace(WRITTEN, late=(LATE,))),
        (MACHINE, Got(silence="no-ack:list")),
        (CALLER, RUNG),
        (replace(CALLER, misses=2), replace(owed(misses=2), misses=2)),
        (replace(CALLER, closed="reached"), owed(closed="reached")),
        (replace(CALLER, misses=0, talked=True), Got(talk=("Bo Lund", SOON), spoken="da")),
    ],
)
def test_what_the_scenario_says_is_no_fault(wanted: Wanted, got: Got) -> None:
    assert faults(wanted, got) == ()


@pytest.mark.parametrize(
    ("wanted", "got", "fault"),
    [
        (WRITER, Got(), "no acknowledgement"),
        (WRITER, Got(silence="no-ack:list"), "no acknowledgement (no-ack:list)"),
        (WRITER, replace(WRITTEN, acks=(ACK, ACK)), "2 acknowledgements instead of one"),
        (WRITER, acked(language="de"), "acknowledged in German instead of English"),
        (WRITER, acked(after=timedelta(seconds=15.1)), "acknowledged after 15.1 s, 15.0 s is the limit"),
        (WRITER, acked(short=True), "two lines instead of the whole acknowledgement"),
        (replace(WRITER, short=True), WRITTEN, "the whole acknowledgement again"),
        (WRITER, acked(promised=None), "no time of the answer in the acknowledgement"),
        (replace(WRITER, answered=True), WRITTEN, "the agent's answer was not seen"),
        (WRITER, replace(WRITTEN, answer=("Anna Berg", SOON)), "an answer from Anna Berg that nobody wrote"),
        (MACHINE, WRITTEN, "a machine was answered"),
        (MACHINE, Got(silence="no-ack:spam"), "kept silent for no-ack:spam instead of no-ack:list"),
        (MACHINE, Got(), "kept silent for no reason instead of no-ack:list"),
        (CALLER, replace(RUNG, callbacks=()), "no callbacks instead of 1"),
        (CALLER, replace(RUNG, callbacks=(OWED, OWED)), "2 callbacks instead of 1"),
        (CALLER, replace(RUNG, misses=0), "no missed calls instead of 1"),
        (CALLER, owed(due_at=None), "a callback without a due time"),
        (CALLER, owed(misses=2), "the callback counts 2 missed calls instead of 1"),
        (CALLER, owed(closed="reached"), "the callback is reached instead of open"),
        (replace(CALLER, closed="reached"), RUNG, "the callback is open instead of reached"),
        (CALLER, replace(RUNG, spoken="de"), "spoken to in German instead of Danish"),
        (CALLER, replace(RUNG, talk=("Bo Lund", SOON)), "a talk with Bo Lund that nobody had"),
        (replace(CALLER, misses=0, talked=True), Got(spoken="da"), "nobody talked to them"),
        (WRITER, replace(WRITTEN, late=(LATE,)), "the first_response clock ran out"),
        (CALLER, replace(RUNG, late=(replace(LATE, clock="callback"),)), "the callback clock ran out"),
        (replace(WRITER, breach="first_response"), WRITTEN, "the first_response clock did not run out as scripted"),
        (
            replace(WRITER, breach="first_response"),
            replace(WRITTEN, late=(replace(LATE, told=()),)),
            "nobody was told that the first_response clock ran out",
        ),
        (
            replace(WRITER, breach="first_response"),
            replace(WRITTEN, late=(replace(LATE, told=TOLD * 2),)),
            "told 2 times that the first_response clock ran out",
        ),
        (replace(WRITER, breach="ack"), replace(WRITTEN, late=(replace(LATE, clock="ack"),) * 2), "the same clock ran"),
    ],
)
def test_anything_else_is_a_fault_with_the_name_of_whom_it_is_about(wanted: Wanted, got: Got, fault: str) -> None:
    (found,) = faults(wanted, got)
    assert found.startswith(f"{wanted.who}: {fault}")


@pytest.mark.parametrize(
    ("house", "fault"),
    [
        (House(wrong=("a missed call without a callback",)), "the ledger: a missed call without a callback"),
        (House(strays=("Hello (to nobody@example.org)",)), "a mail nobody expected: Hello (to nobody@example.org)"),
        (House(late_elsewhere=("callback",)), "outside the scenario, the callback clock ran out"),
        (House(mishaps=("TimeoutError",)), "on the stage: TimeoutError"),
    ],
)
def test_what_is_about_no_customer_is_a_fault_too(house: House, fault: str) -> None:
    assert faults(WRITER, WRITTEN, house) == (fault,)
    assert fault in shown(judge([(WRITER, WRITTEN)], house))


def test_a_good_row_says_what_came_when_and_by_which_rule() -> None:
    page = shown(judge([(WRITER, WRITTEN), (replace(CALLER, closed="reached"), owed(closed="reached"))], House()))
    (row,) = [line for line in page.splitlines() if "Jane Clarke" in line]
    assert " ".join(row.split()) == "✓ Jane Clarke mail English acknowledged, answer by 14:00 0.8 s policy standard"
    assert "called back" in page
    assert "callback by 14:00 for 1 call" in page
    assert "the table equals the scenario" in page


def test_a_failing_row_is_marked_and_explained_below() -> None:
    judgement = judge([(WRITER, Got()), (MACHINE, Got(silence="no-ack:list"))], House())
    assert not judgement.good
    page = shown(judgement)
    assert [line[0] for line in page.splitlines() if "mail" in line and line[0] in "✓✗"] == ["✗", "✓"]
    assert "- Jane Clarke: no acknowledgement" in page
    assert "equals the scenario" not in page


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_the_terminal_and_loses_no_word(width: int) -> None:
    silent = (replace(MACHINE, silence="no-ack:auto-submitted"), Got(silence="no-ack:auto-submitted"))
    page = shown(judge([(WRITER, WRITTEN), silent, (CALLER, RUNG)], House()), width)
    assert max(map(len, page.splitlines())) <= width
    assert "…" not in page
    for word in ("Jane Clarke", "English", "acknowledged,", "14:00", "0.8 s", "Lars Nielsen", "12.0 s"):
        assert word in page
