"""Pictures of waiting times as SVG and HTML text, for reports that a manager reads in any browser and prints.

Pure. Nothing is loaded from outside, nothing is told by colour alone: every cell and line says its figure in words.
What the figures mean and which are shown is up to the reports.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import count

from commsd.core.measure import ENOUGH, Point, curve, percentiles, share_within
from commsd.sla.report.style import STYLE

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
STEPS = 7
"""Shades of a heat map."""

_WIDTH, _HEIGHT = 720, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 24, 40, 52
_AXIS = [
    s * u
    for u, steps in ((60, (1, 2, 5, 10, 15, 30)), (3600, (1, 2, 4, 6, 8, 12, 24, 48, 96, 240, 720)))
    for s in steps
]
_MOST_POINTS = 400
_LONG = 24
"""Characters from which a cell of a table may break into lines."""

_FIGURE = re.compile(r"-|[-+≥]? ?[\d.,]+(?: ?%|[hms](?: \d\dm)?)?")


def length(seconds: float) -> str:
    """A length of open time: "45s", "12m", "3h 05m", "26h". Never in days, which are ambiguous."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours >= 100 or (hours and not minutes):
        return f"{hours}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m" if minutes else f"{whole}s"


def percent(share: float | None) -> str:
    """A share as "93.4 %"; whole where it is whole. Never rounded up to 100 nor down to 0. "-": none."""
    if share is None:
        return "-"
    rounded = round(share * 100, 1)
    if (rounded == 100 and share < 1) or (rounded == 0 and share > 0):
        return "over 99.9 %" if share > 0.5 else "under 0.1 %"
    return f"{rounded:g} %"


def cumulative(done: Sequence[float], still_open: Sequence[float], target: float | None, title: str) -> str:
    """How many had an answer within which time, as a curve with the target as a line; any percentile is read off it.

    done, still_open, target: seconds. Open ones are counted as `measure.curve` says.
    """
    n = len(done) + len(still_open)
    if n < ENOUGH:
        return _figure(f"<p class='none'>{_e(title)}: not enough data ({n}, and {ENOUGH} are needed)</p>", "")
    points = curve(done, still_open)
    said = _said(points, done, still_open, target)
    reach = _reach(done, still_open, target)
    parts = [
        *_grid(reach),
        _path(points, reach),
        *_target_line(target, reach, points),
        *_medians(done, still_open, reach),
    ]
    beyond = 1 - share_within(points, reach)
    if beyond > 0.0005:
        note = f"{percent(beyond)} took longer"
        parts.append(_text(_WIDTH - _RIGHT, _HEIGHT - _BOTTOM - 8, note, "end", "small halo"))
    svg = (
        f'<svg class="curve" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
        f"<title>{_e(title)}</title><desc>{_e(said)}</desc>{''.join(parts)}</svg>"
    )
    return _figure(svg, f"<strong>{_e(title)}.</strong> {_e(said)}")


def heat_map(cells: Mapping[tuple[int, int], float | None], title: str, *, unit: str, low_is_good: bool) -> str:
    """A table of weekday (0-6 from Monday) by hour (0-23); the worse, the stronger the colour. A cell says its figure.

    None, or no cell: not enough data. Where figures are below zero it shows a difference: one colour for better,
    another for worse, and the sign says which.
    """
    known = [value for value in cells.values() if value is not None]
    if not known:
        return _figure(f"<p class='none'>{_e(title)}: not enough data</p>", "")
    signed = min(known) < 0
    rows = []
    for day, name in enumerate(DAYS):
        inner = "".join(
            _cell(cells.get((day, hour)), known, signed, low_is_good, f"{name} {hour:02}:00", unit)
            for hour in range(24)
        )
        rows.append(f'<tr><th scope="row">{name}</th>{inner}</tr>')
    hours = "".join(f'<th scope="col">{hour}</th>' for hour in range(24))
    head = f'<thead><tr><th scope="col">hour</th>{hours}</tr></thead>'
    told = f"<strong>{_e(title)}</strong>, in {_e(unit)}. {_legend(signed, low_is_good)}"
    table = f'<table class="heat"><caption><span>{told}</span></caption>{head}<tbody>{"".join(rows)}</tbody></table>'
    return f'<div class="wide">{table}</div>'


def grid(headings: Sequence[str], rows: Sequence[Sequence[object]], caption: str = "") -> str:
    """A table of words and figures; columns of figures stand to the right. The first column names its row.

    Only long cells break into lines; a table wider than the page is scrolled within its own box.
    """
    if not rows:
        return f"<p class='none'>{_e(caption)}: nothing</p>" if caption else "<p class='none'>nothing</p>"
    texts = [["-" if cell is None or cell == "" else str(cell) for cell in row] for row in rows]
    right = [
        bool(place) and all(_FIGURE.fullmatch(text) for text in column)
        for place, column in enumerate(zip(*texts, strict=True))
    ]
    styles = [' class="n"' if figures else "" for figures in right]
    head = "".join(f'<th scope="col"{style}>{_e(name)}</th>' for name, style in zip(headings, styles, strict=True))
    body = "".join(
        f'<tr><th scope="row"{_long(row[0])}>{_e(row[0])}</th>'
        + "".join(f"<td{style or _long(text)}>{_e(text)}</td>" for text, style in zip(row[1:], styles[1:], strict=True))
        + "</tr>"
        for row in texts
    )
    told = f"<caption><span>{_e(caption)}</span></caption>" if caption else ""
    return f'<div class="wide"><table>{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _long(text: str) -> str:
    return ' class="l"' if len(text) > _LONG else ""


def legend(terms: Sequence[tuple[str, str]]) -> str:
    """What words mean: (word, meaning)."""
    return f'<dl class="legend">{"".join(f"<dt>{_e(word)}</dt><dd>{_e(meaning)}</dd>" for word, meaning in terms)}</dl>'


def listed(lines: Sequence[str]) -> str:
    """A list of plain lines."""
    return f"<ul>{''.join(f'<li>{_e(line)}</li>' for line in lines)}</ul>"


def tiles(figures: Sequence[tuple[str, str, str]]) -> str:
    """Large figures side by side: (what it is, the figure, a word about it)."""
    made = (
        f"<div><dt>{_e(name)}</dt><dd>{_e(figure)}<small>{_e(word)}</small></dd></div>"
        for name, figure, word in figures
    )
    return f'<dl class="tiles">{"".join(made)}</dl>'


def words(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{_e(text)}</p>"


def lead(text: str) -> str:
    """A paragraph that stands out."""
    return f'<p class="lead">{_e(text)}</p>'


def document(title: str, sections: Sequence[tuple[str, str]], footer: str) -> str:
    """A whole page that needs no other file: (heading, HTML) in order. Light or dark as it is set; it prints."""
    inner = "".join(
        f"<section>{f'<h2>{_e(heading)}</h2>' if heading else ''}{content}</section>" for heading, content in sections
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{_e(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{_e(title)}</h1>{inner}</main><footer>{_e(footer)}</footer></body></html>\n"
    )


def _e(text: object) -> str:
    return escape(str(text))


def _figure(content: str, caption: str) -> str:
    told = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f"<figure>{content}{told}</figure>"


def _said(points: Sequence[Point], done: Sequence[float], still_open: Sequence[float], target: float | None) -> str:
    """The picture in words."""
    n = len(done) + len(still_open)
    found = percentiles(done, still_open, (50, 90))
    half, most = found[50], found[90]
    told = [f"{n:,} in all" + (f", {len(still_open):,} of them still open" if still_open else "")]
    if target is not None:
        told.append(f"{percent(share_within(points, target))} within the target of {length(target)}")
    if half and most:
        told.append(f"half within {_about(half)}, nine of ten within {_about(most)}")
    return "; ".join(told) + "."


def _about(value: tuple[float, bool]) -> str:
    return f"{'at least ' if value[1] else ''}{length(value[0])}"


def _reach(done: Sequence[float], still_open: Sequence[float], target: float | None) -> float:
    """The right edge: the 95th percentile and the target are on it, and one very late answer does not flatten it."""
    found = percentiles(done, still_open, (95,))[95]
    most = max(found.seconds if found else 0, 60.0) * 1.08
    return most if target is None else max(min(most, target * 6), target * 1.3)


def _x(seconds: float, reach: float) -> float:
    return _LEFT + min(seconds / reach, 1.0) * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}">{_e(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def _grid(reach: float) -> list[str]:
    made = []
    for tenth in (0, 5, 8, 9, 10):
        y = _y(tenth / 10)
        made += [
            _line(_LEFT, y, _WIDTH - _RIGHT, y, "rule"),
            _text(_LEFT - 6, y + 4, f"{tenth * 10} %", "end", "small"),
        ]
    step = next((step for step in _AXIS if reach / step <= 8), _AXIS[-1] * max(1, int(reach / _AXIS[-1] / 8)))
    for number in count():
        if number * step > reach:
            break
        x = _x(number * step, reach)
        made += [_line(x, _y(0), x, _y(0) + 5, "rule"), _text(x, _y(0) + 19, length(number * step), "middle", "small")]
    return [*made, _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "open time until the answer", "middle", "small")]


def _path(points: Sequence[Point], reach: float) -> str:
    """The curve as stairs; of very many points, those that can be seen."""
    every = max(1, len(points) // _MOST_POINTS)
    seen = [point for place, point in enumerate(points) if place % every == 0 or place == len(points) - 1]
    drawn, last = [f"M{_LEFT} {_y(0):.1f}"], 0.0
    for point in seen:
        if point.seconds > reach:
            break
        drawn.append(f"H{_x(point.seconds, reach):.1f}V{_y(point.share):.1f}")
        last = point.share
    drawn.append(f"H{_WIDTH - _RIGHT}" if last < 1 else "")
    return f'<path d="{"".join(drawn)}" class="line"/>'


def _target_line(target: float | None, reach: float, points: Sequence[Point]) -> list[str]:
    if target is None:
        return []
    x, share = _x(target, reach), share_within(points, target)
    side, anchor = (8, "start") if x < _WIDTH * 0.6 else (-8, "end")
    told = f"target {length(target)}: {percent(share)}"
    return [
        _line(x, _TOP - 6, x, _y(0), "target"),
        _text(x + side, _TOP - 10, told, anchor, "strong"),
        f'<circle cx="{x:.1f}" cy="{_y(share):.1f}" r="4.5" class="dot"/>',
    ]


def _medians(done: Sequence[float], still_open: Sequence[float], reach: float) -> list[str]:
    """Where half and nine of ten are, with their lengths."""
    made = []
    for share, found in percentiles(done, still_open, (50, 90)).items():
        if found and not found.at_least and found.seconds <= reach:
            x, y = _x(found.seconds, reach), _y(share / 100)
            late = x > _WIDTH * 0.74
            made.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="mark"/>')
            label = f"{share} %: {length(found.seconds)}"
            place = (x - 8, y - 8, label, "end") if late else (x + 8, y + 16, label, "start")
            made.append(_text(*place, "small halo"))
    return made


def _cell(value: float | None, known: Sequence[float], signed: bool, low_is_good: bool, where: str, unit: str) -> str:
    if value is None:
        return f'<td class="no" title="{where}: not enough data">·</td>'
    style = _signed_shade(value, known, low_is_good) if signed else f"h{_shade(value, known, low_is_good)}"
    told = f"{value:+.0f}" if signed and round(value) else f"{round(value)}"
    return f'<td class="{style}" title="{where}: {_e(f"{value:.1f}".removesuffix(".0"))} {_e(unit)}">{told}</td>'


def _shade(value: float, known: Sequence[float], low_is_good: bool) -> int:
    """From 0, no fault at all, to STEPS - 1, the worst there is. Without fault: zero, or the highest figure."""
    best = 0.0 if low_is_good else max(*known, 0.0)
    worst = max(known) if low_is_good else min(known)
    return round((value - best) / (worst - best) * (STEPS - 1)) if worst != best else 0


def _signed_shade(value: float, known: Sequence[float], low_is_good: bool) -> str:
    if not round(value):
        return "h0"
    size = max(1, round(abs(value) / max(abs(each) for each in known) * 3))
    return f"{'good' if (value < 0) == low_is_good else 'bad'}{min(size, 3)}"


def _legend(signed: bool, low_is_good: bool) -> str:
    none = "A dot: not enough data."
    if signed:
        better = "minus" if low_is_good else "plus"
        return f"A {better} is better (blue), the other sign worse (orange). {none}"
    return f"The stronger the colour, the {'higher' if low_is_good else 'lower'} and the worse. {none}"
