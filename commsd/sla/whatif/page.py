"""The what-if report as one page that needs no other file, for somebody who decides. Pure."""

from collections.abc import Iterator
from datetime import tzinfo

from commsd.core.whatif.report import HONESTY, Report
from commsd.sla.report.chart import cumulative, document, grid, heat_map, percent, tiles, words
from commsd.sla.whatif.blocks import FEW, Block, blocks, head, heat, name_of, reproduced, when


def page(report: Report, zone: tzinfo, firm: str) -> str:
    """The whole page."""
    return document(
        f"{firm}: what other rules would have meant",
        tuple(_sections(report, zone)),
        f"commsd sla whatif, {when(report.question.now, zone)}, {report.zone}. B is {report.question.candidate.id}.",
    )


def _sections(report: Report, zone: tzinfo) -> Iterator[tuple[str, str]]:
    yield "", words(_in_short(report)) + _tiles(report) + words(HONESTY)
    yield "What was replayed", "".join(words(line) for line in (*head(report, zone), reproduced(report)))
    for block in blocks(report, zone):
        yield block.title, _block(block)
        if block.title.startswith("What changes"):
            yield "Answers over time, with the target of B", _curves(report)
        if block.title == "By language":
            yield "When customers came whose clocks became late", _maps(report)


def _in_short(report: Report) -> str:
    """The answer, before any table."""
    total, asked = report.total, report.question
    if not total.n:
        return "Nothing in this window is counted."
    if not total.newly_breached and not total.newly_saved and total.unchanged == total.n:
        return "Nothing would have changed: every clock of this window has the same verdict under both rules."
    return (
        f"Under the rules {name_of(asked.candidate.id)}, {percent(total.b.attainment)} of all promises of this window "
        f"would have been kept instead of {percent(total.a.attainment)}: {total.newly_breached:,} more would have been "
        f"late, and {total.newly_saved:,} that were late would have been in time, had everybody answered when they did."
    )


def _tiles(report: Report) -> str:
    total = report.total
    return tiles(
        (
            ("In time as it was (A)", percent(total.a.attainment), f"of {total.a.n:,} promises"),
            ("In time under B", percent(total.b.attainment), f"of {total.b.n:,} promises"),
            ("Newly late", f"{total.newly_breached:,}", f"late in all: {total.b.breached:,}, was {total.a.breached:,}"),
            ("Saved", f"{total.newly_saved:,}", "late as it was, in time under B"),
        )
    )


def _block(block: Block) -> str:
    table = grid([_heading(name) for name in block.headings], block.rows) if block.rows else words(block.nothing)
    return (words(block.about) if block.about else "") + table


def _heading(name: str) -> str:
    """In small letters but for the first, and for A and B."""
    first, *others = name.split()
    return " ".join((first.capitalize(), *(word if len(word) == 1 else word.lower() for word in others)))


def _curves(report: Report) -> str:
    made = (
        cumulative(each.done, each.still_open, each.target, f"{each.policy}: {each.clock}") for each in report.curves
    )
    return "".join(made) or words("No clock of the candidate counts open time.")


def _maps(report: Report) -> str:
    maps = heat(report)
    told = words(
        f"By weekday and hour of arrival in the local time of the clock's calendar; fewer than {FEW} clocks with a "
        "verdict are not enough data."
    )
    return told + "".join(
        (
            heat_map(maps["A"], "Late as it was (A)", unit="percent", low_is_good=True),
            heat_map(maps["B"], "Late under B", unit="percent", low_is_good=True),
            heat_map(maps["B less A"], "Difference, B less A", unit="percentage points", low_is_good=True),
        )
    )
