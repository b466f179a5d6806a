"""The acknowledgement for those who read mail as HTML: the same words, nothing to load, nothing that tracks. Pure."""

from collections.abc import Iterable
from html import escape

_FRAME = (
    '<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
    '<meta name="color-scheme" content="light dark"></head>'
    '<body style="font: 16px/1.5 sans-serif; max-width: 36em; margin: 1.5em">\n{body}\n</body></html>\n'
)


def html_of(paragraphs: Iterable[str], language: str, url: str) -> str:
    """The paragraphs as a page of their own. url: becomes a link where it stands in them."""
    return _FRAME.format(language=escape(language), body="\n".join(_paragraph(each, url) for each in paragraphs))


def _paragraph(text: str, url: str) -> str:
    before, found, after = text.partition(url) if url else (text, "", "")
    shown = url.partition("?")[0].removeprefix("mailto:")
    link = f'<a href="{escape(url)}">{escape(shown)}</a>' if found else ""
    return f"<p>{_lines(before)}{link}{_lines(after)}</p>"


def _lines(text: str) -> str:
    return "<br>\n".join(escape(line) for line in text.split("\n"))
