"""The week as a grid: what began when, and whether it was in time."""

from collections import Counter

from commsd.sla.report.week import week_of
from tests.core.sla_builders import on
from tests.sla.report.test_report import reported, row


def test_a_share_stands_where_ten_are_decided_and_figures_where_fewer_are() -> None:
    many = [row(on(9), 60)] * 9 + [row(on(9), 60, "breached")]
    few = [row(on(11), 60), row(on(11), 60, "breached"), row(on(11), 60, "cancelled", reason="closed")]
    ((name, lines),) = week_of(reported(*many, *few))
    assert name == "first answer"
    assert [line.split() for line in lines] == [
        ["9", "10", "11", "all"],
        ["Mon", ".", ".", ".", "."],
        ["Tue", "90", ".", "1/2", "83"],
        *([day, ".", ".", ".", "."] for day in ("Wed", "Thu", "Fri", "Sat", "Sun")),
        ["all", "90", ".", "1/2", "83"],
    ]


def test_a_whole_week_fits_a_terminal() -> None:
    report = reported(row(on(9), 60))
    slots = report.slots["first_response"]
    for day in range(7):
        for hour in range(24):
            slots[day, hour] = Counter(met=1000 * (day + 1), breached=hour)
    ((_, lines),) = week_of(report)
    assert len(lines) == 9
    assert max(map(len, lines)) <= 110


def test_all_in_time_alone_is_a_hundred() -> None:
    ((_, lines),) = week_of(reported(*[row(on(9), 60)] * 399, row(on(9), 60, "breached")))
    assert lines[2].split() == ["Tue", "99", "99"]
