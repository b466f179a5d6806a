"""What an acknowledgement says of a letter or fax: the texts of the mail turned to it, and those of the printed page.

Reads files, once at the start: those shipped in `templates/letter/`, and those of the operator laid over them.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any

from commsd.channels.mail.texts import Complaint, Texts, Wording
from commsd.core.interaction import Channel
from commsd.errors import ConfigError

Tables = Mapping[str, Any]
_FOLDER = "letter"
_WORD = re.compile(r"\{(paper|it|It)\}")
_ANYWHERE = frozenset({"paper", "it", "It", "service"})
_TOLD = frozenset(
    {"name", "received", "promised", "called", "number", "person", "phone", "address", "weekday", "day", "month"}
)
"""Of what the shipped sentences fill in, what a reader needs; but who writes the answer is named once, at the top."""


@dataclass(frozen=True, slots=True)
class PaperTexts:
    """mail: the texts of the mailed acknowledgement. printed: sentences of the page, by language and register.

    page: the page as HTML, with $NAME for what is filled in.
    """

    mail: Texts
    printed: Mapping[tuple[str, str], Wording]
    page: str

    def of(self, language: str, address_as: str | None = None) -> Wording:
        """The sentences of the page in that language and register; its ordinary one, then English, where not there."""
        for key in ((language, address_as or ""), (language, ""), ("en", "")):
            if key in self.printed:
                return self.printed[key]
        return next(iter(self.printed.values()))


def paper_texts(channel: Channel, texts: Texts, folder: Path | None = None) -> PaperTexts:
    """The texts of one channel, letter or fax. folder: the operator's templates/.

    Raises ConfigError, with all that is wrong, for a file that is no TOML and for a text nobody knows.
    """
    files = dict(_shipped())
    wrong: list[str] = []
    for path in sorted((folder / _FOLDER).glob("*.toml")) if folder and (folder / _FOLDER).is_dir() else ():
        try:
            own = tomllib.loads(path.read_text("utf-8"))
        except ValueError as error:
            wrong.append(f"{path}: {error}")
            continue
        wrong += (f"{path}: {complaint}" for complaint in complaints_of_paper(own))
        if not wrong:
            files[path.stem] = _over(files.get(path.stem, files["en"]), own)
    if wrong:
        what = "compare the file with the shipped templates/letter/en.toml, which names every text"
        raise ConfigError("\n".join(wrong), remedy=what)
    mail, printed = dict(texts.wordings), {}
    for language, tables in files.items():
        if (language, "") not in texts.wordings:
            continue
        ordinary = texts.wordings[language, ""]
        for register in ("", *tables.get("register", {})):
            said = _over(tables, tables["register"][register]) if register else tables
            key, words = (language, register), said["words"][channel.value]
            below = texts.wordings.get(key, ordinary)
            mail[key] = replace(below, sentences={**below.sentences, **_said(said["mail"], words)})
            printed[key] = Wording(_said(said["printed"], words), below.dates)
    return PaperTexts(replace(texts, wordings=mail), printed, _page())


def _said(sentences: Mapping[str, str], words: Mapping[str, str]) -> Mapping[str, str]:
    return {name: _WORD.sub(lambda found: words[found[1]], sentence) for name, sentence in sentences.items()}


def _over(below: Tables, above: Tables) -> Tables:
    both = dict(below)
    for name, value in above.items():
        both[name] = _over(below.get(name, {}), value) if isinstance(value, Mapping) else value
    return both


@cache
def _shipped() -> Mapping[str, Tables]:
    folder = resources.files("commsd.channels.mail") / "templates" / _FOLDER
    found = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return {each.name.removesuffix(".toml"): tomllib.loads(each.read_text("utf-8")) for each in found}


@cache
def _page() -> str:
    return (resources.files("commsd.channels.mail") / "templates" / _FOLDER / "page.html").read_text("utf-8")


def complaints_of_paper(own: Tables) -> Iterator[Complaint]:
    """What of an operator's file cannot be filled in."""
    registers = own.get("register", {})
    if not isinstance(registers, Mapping) or not all(isinstance(each, Mapping) for each in registers.values()):
        yield Complaint("register", None, "write [register.NAME.mail] and [register.NAME.printed]")
        return
    whole = {name: table for name, table in own.items() if name != "register"}
    for prefix, tables in (("", whole), *((f"register.{name}.", each) for name, each in registers.items())):
        for name, table in tables.items():
            if name == "words" and isinstance(table, Mapping):
                for paper, words in table.items():
                    yield from _misfits(f"{prefix}words.{paper}", words, _models("words", paper))
            else:
                yield from _misfits(f"{prefix}{name}", table, _models(name))


def _models(*path: str) -> Mapping[str, list[str]]:
    """Each sentence of a table as the shipped languages have it; not every language needs every sentence."""
    found: dict[str, list[str]] = {}
    for table in _shipped().values():
        for name in path:
            table = table.get(name, {})
        for name, sentence in table.items():
            found.setdefault(name, []).append(sentence)
    return found


def _misfits(table: str, given: object, models: Mapping[str, Sequence[str]]) -> Iterator[Complaint]:
    if not models or not isinstance(given, Mapping):
        yield Complaint(table, None, "there is no such table")
        return
    for name, sentence in given.items():
        if name not in models or not isinstance(sentence, str):
            yield Complaint(table, name, "there is no such text")
            continue
        said, usual = _placeholders(sentence), [_placeholders(each) for each in models[name]]
        extra = said.difference(_ANYWHERE, *usual)
        yield from (Complaint(table, name, f"{{{each}}} is not known here") for each in sorted(extra))
        missing = _TOLD.intersection(*usual) - said - ({"person"} if name.startswith("note") else set())
        yield from (Complaint(table, name, f"lacks {{{each}}}, which the reader needs") for each in sorted(missing))


def _placeholders(text: str) -> set[str]:
    try:
        return {field for _, field, _, _ in Formatter().parse(text) if field is not None}
    except ValueError:
        return {"a brace without its pair"}
