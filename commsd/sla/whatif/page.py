"""The what-if report as one page that needs no other file, for somebody who decides. Pure."""

from collections.abc import Iterator
from datetime import tzinfo

from commsd.core.whatif.report import HONESTY, Report
from commsd.sla.report import wording
from commsd.sla.report.chart import cumulative, document, grid, heat_map, lead, legend, listed, percent, tiles, words
from commsd.sla.report.page import headings
from commsd.sla.whatif.blocks import ENDLESS, FEW, LEGEND, Block, blocks, head, heat, reproduced, when
from commsd.sla.whatif.gist import changed, headlines


def page(report: Report, zone: tzinfo, firm: str) -> str:
    """The whole page."""
    return document(
        f"{firm}: what other rules would have meant",
        tuple(_sections(report, zone)),
        f"commsd sla whatif, {when(report.question.now, zone)}, {report.zone}. B is {report.question.candidate.id}.",
    )


def _sections(report: Report, zone: tzinfo) -> Iterator[tuple[str, str]]:
    yield "", _changes(report, zone) + _in_short(report) + _tiles(report) + words(HONESTY)
    yield "What was replayed", "".join(words(line) for line in (*head(report, zone), reproduced(report)))
    for block in blocks(report, zone):
        yield block.title, _block(block)
        if block.title.startswith("What changes"):
            yield "Answers over time, with the target of B", _curves(report)
        if block.title == "By language":
            yield "When customers came whose clocks became late", _maps(report)
    yield "What the words mean", legend(LEGEND)


def _changes(report: Report, zone: tzinfo) -> str:
    """What B changes, before anything that came of it."""
    first, last = (at.astimezone(zone).date() for at in (report.question.since, report.question.until - ENDLESS))
    asked = f"Clocks that began from {first} to {last}, under the rules as they were (A) and under those tried (B)."
    return words(asked) + "".join(
        words(against) + (listed([_arrows(line) for line in lines]) if lines else "")
        for against, lines in changed(report, zone)
    )


def _arrows(text: str) -> str:
    return text.replace("->", "→")


def _in_short(report: Report) -> str:
    """The answer, before any table."""
    first, *others = headlines(report)
    return lead(first) + "".join(words(sentence) for sentence in others)


def _tiles(report: Report) -> str:
    total = report.total
    return tiles(
        (
            ("In time as it was (A)", percent(total.a.attainment), f"of {total.a.n:,} clocks"),
            ("In time under B", percent(total.b.attainment), f"of {total.b.n:,} clocks"),
            ("Newly late", f"{total.newly_breached:,}", f"late in all: {total.b.breached:,}, was {total.a.breached:,}"),
            ("Saved", f"{total.newly_saved:,}", "late as it was, not under B"),
        )
    )


def _block(block: Block) -> str:
    rows = [[_arrows(cell) for cell in row] for row in block.rows]
    table = grid(headings(block.headings), rows) if rows else words(block.nothing)
    return (words(block.about) if block.about else "") + table


def _curves(report: Report) -> str:
    made = (
        cumulative(each.done, each.still_open, each.target, f"{wording.title(each.clock)}, policy {each.policy}")
        for each in report.curves
    )
    return "".join(made) or words("No clock of B counts open time.")


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
