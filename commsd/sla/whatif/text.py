"""The what-if report for a terminal. Pure."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from commsd.core.whatif.report import HONESTY, Report
from commsd.sla.report.chart import DAYS
from commsd.sla.whatif.blocks import FEW, LEGEND, Block, blocks, head, heat, reproduced
from commsd.sla.whatif.gist import changed, headlines

_WIDE = 100


def text(report: Report, zone: tzinfo) -> Iterator[str]:
    """The whole report, line by line."""
    yield "WHAT OTHER RULES WOULD HAVE MEANT"
    for sentence in headlines(report):
        yield from _wrapped(sentence)
    for against, lines in changed(report, zone):
        yield ""
        yield f"  {against}"
        yield from (f"    {line}" for line in lines)
    yield ""
    yield "WHAT WAS REPLAYED"
    yield from _wrapped("A is what was; B, the same past under the rules that are tried.")
    for line in (*head(report, zone), reproduced(report)):
        yield from _wrapped(line)
    for block in blocks(report, zone):
        yield from _told(block)
        if block.title == "By language":
            yield from _heat(report)
    yield ""
    yield "WHAT THE WORDS MEAN"
    for word, meaning in LEGEND:
        yield from _wrapped(f"{word}: {meaning}")
    yield ""
    yield HONESTY


def _told(block: Block) -> Iterator[str]:
    yield ""
    yield block.title.upper()
    yield from _wrapped(block.about)
    if not block.rows:
        yield f"  {block.nothing}"
        return
    yield from table(block.headings, block.rows)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows in columns; figures stand to the right."""
    cells = [headings, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    right = [all(_is_figure(row[column]) for row in rows) for column in range(len(headings))]
    for row in cells:
        yield (
            "  "
            + "  ".join(
                cell.rjust(width) if figure else cell.ljust(width)
                for cell, width, figure in zip(row, widths, right, strict=True)
            ).rstrip()
        )


def _is_figure(cell: str) -> bool:
    return cell in ("", "-") or (cell[0].isdigit() and not cell[-1].isalpha() and "-" not in cell and ":" not in cell)


def _wrapped(words: str) -> Iterator[str]:
    line = ""
    for word in words.split():
        if len(line) + len(word) >= _WIDE:
            yield f"  {line}"
            line = ""
        line = f"{line} {word}".strip()
    if line:
        yield f"  {line}"


def _heat(report: Report) -> Iterator[str]:
    yield ""
    yield "LATE IN PERCENT, BY WEEKDAY AND HOUR OF ARRIVAL"
    yield from _wrapped(f"In the local time of each clock's calendar. A dot: fewer than {FEW} clocks with a verdict.")
    for name, cells in heat(report).items():
        yield f"  {name:<10}" + "".join(f"{hour:>4}" for hour in range(24))
        for day, word in enumerate(DAYS):
            line = "".join(_figure(cells.get((day, hour)), signed="less" in name) for hour in range(24))
            yield f"  {word:<10}{line}"


def _figure(value: float | None, *, signed: bool) -> str:
    if value is None:
        return "   ."
    return f"{value:>+4.0f}" if signed and round(value) else f"{round(value):>4}"
