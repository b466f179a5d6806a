"""Pictures that say in words what they show, need nothing from outside and hold no markup of strangers."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from commsd.sla.report.chart import cumulative, document, grid, heat_map, length, percent, tiles, words

HOUR = 3600.0
ANSWERS = [HOUR * tenth / 10 for tenth in range(1, 51)]


class Balanced(HTMLParser):
    """Every tag that opens closes, in order."""

    VOID = frozenset({"meta", "line", "circle", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(html: str) -> Balanced:
    reader = Balanced()
    reader.feed(html)
    assert reader.open == []
    return reader


def svg(text: str) -> ElementTree.Element:
    found = re.search(r"<svg.*</svg>", text, re.S)
    assert found
    return ElementTree.fromstring(found[0])


def test_a_curve_says_in_words_what_it_shows() -> None:
    text = cumulative(ANSWERS, [HOUR, 2 * HOUR], 4 * HOUR, "First response")
    picture = svg(text)
    assert picture.get("role") == "img"
    assert picture.findtext("title") == "First response"
    said = picture.findtext("desc") or ""
    assert said.startswith("52 in all, 2 of them still open; 79")
    assert "within the target of 4h; half within 2h 36m" in said
    assert said in re.sub(r"<[^>]+>", "", text)  # also for who sees it


def test_the_target_line_tells_the_share_within_it() -> None:
    texts = [element.text or "" for element in svg(cumulative(ANSWERS, [], 4 * HOUR, "x")).iter("text")]
    assert "target 4h: 80 %" in texts
    assert "50 %: 2h 30m" in texts


def test_a_curve_stays_on_the_paper_and_very_late_answers_are_told() -> None:
    picture = svg(cumulative([60.0] * 97 + [HOUR * 900] * 3, [], HOUR, "x"))
    drawn = " ".join(path.get("d") or "" for path in picture.iter("path"))
    edges = [float(number) for number in re.findall(r"[MHV ](\d+\.?\d*)", drawn)]
    assert max(edges) <= 720
    assert "3 % took longer" in [element.text for element in picture.iter("text")]


def test_of_very_many_answers_the_picture_stays_small() -> None:
    assert len(cumulative([float(n) for n in range(100_000)], [], HOUR, "x")) < 20_000


def test_few_answers_make_no_curve() -> None:
    assert "not enough data (29, and 30 are needed)" in cumulative(ANSWERS[:29], [], HOUR, "x")


def test_every_cell_of_a_heat_map_says_its_figure() -> None:
    text = heat_map({(0, 9): 12.5, (0, 10): 0.0, (6, 23): 40.0}, "Late", unit="% late", low_is_good=True)
    assert 'class="h6" title="Sun 23:00: 40 % late">40</td>' in text
    assert 'class="h0" title="Mon 10:00: 0 % late">0</td>' in text
    assert text.count(': not enough data"') == 7 * 24 - 3
    assert text.count('scope="row"') == 7


def test_where_high_is_good_the_lowest_is_the_strongest() -> None:
    text = heat_map({(0, 9): 99.0, (0, 10): 60.0}, "Attainment", unit="%", low_is_good=False)
    assert 'class="h6" title="Mon 10:00' in text
    assert 'class="h0" title="Mon 09:00' in text


def test_a_difference_has_a_sign_and_two_colours() -> None:
    text = heat_map({(0, 9): -8.0, (0, 10): 4.0, (0, 11): 0.0}, "Change", unit="points", low_is_good=True)
    assert re.search(r'class="good3"[^>]*>-8<', text)
    assert re.search(r'class="bad2"[^>]*>\+4<', text)
    assert re.search(r'class="h0"[^>]*>0<', text)


def test_an_empty_heat_map_says_so() -> None:
    assert "not enough data" in heat_map({(0, 1): None}, "Late", unit="%", low_is_good=True)


def test_a_page_needs_nothing_from_outside_and_no_word_becomes_markup() -> None:
    evil = '<script>"&'
    page = document(
        evil,
        [
            (evil, words(evil) + tiles([(evil, evil, evil)])),
            ("", grid((evil, evil), [(evil, 3)], evil)),
            ("", cumulative(ANSWERS, [], HOUR, evil) + heat_map({(0, 9): 1.0}, evil, unit=evil, low_is_good=True)),
            (
                "",
                cumulative([], [], None, evil)
                + heat_map({}, evil, unit="", low_is_good=True)
                + grid((evil,), [], evil),
            ),
        ],
        evil,
    )
    assert "<script" not in page
    reader = read(page)
    assert reader.sources == []
    assert not re.search(r"url\(|@import|https?:", page)


def test_columns_of_figures_stand_to_the_right() -> None:
    text = grid(("policy", "n", "note"), [("vip", 12, "3 of them"), ("standard", None, "none")])
    assert text.count('class="n"') == 3
    assert '<th scope="row">vip</th>' in text


def test_only_long_cells_break_into_lines() -> None:
    text = grid(("case", "why"), [("0" * 36, "short"), ("short", "a reason of many words and more")])
    assert text.count('class="l"') == 2
    assert "<td>short</td>" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (60, "1m"), (3599.7, "1h"), (11100, "3h 05m"), (360_000, "100h")]
)
def test_lengths_are_told_in_hours_and_never_in_days(seconds: float, text: str) -> None:
    assert length(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "-"), (1.0, "100 %"), (0.99999, "over 99.9 %"), (0.0001, "under 0.1 %"), (0.934, "93.4 %")],
)
def test_a_share_is_not_rounded_to_perfection(share: float | None, text: str) -> None:
    assert percent(share) == text
