"""`sla test`: what the rules would decide in cases written down, against what they should."""

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from commsd.cli.output import as_json, plain
from commsd.cli.place import Folder, example, folder
from commsd.cli.sla.group import sla_app
from commsd.config.load import MAIN, load
from commsd.config.position import Place
from commsd.config.read import Finding, Findings, Severity
from commsd.core.policy import Version
from commsd.sla.trial.deviation import Deviation, Difference, deviations, exact, shown
from commsd.sla.trial.trial import Examples, read_examples

FINDINGS = 1
LARGEST = 64 * 1024 * 1024
"""Bytes of a file; more was made by mistake."""


@sla_app.command("test", epilog=example("commsd sla test tests/*.yaml", "commsd sla test ours.yaml --rules new-rules"))
def try_cases(
    ctx: typer.Context,
    files: list[Path] = typer.Argument(metavar="FILE...", help="Cases in YAML, with the clocks that must come out."),
    rules: Path | None = typer.Option(None, metavar="DIR", help="Try the rules of this folder, not the config's own."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Try the rules on cases written down. Exit 1 with the differences where something comes out otherwise.

    Calendars and policies come from the config unless the file brings its own; a case that names neither a policy nor
    versions is decided by the config's rules. A time without Z or offset is local: in the case's `tz`, else in the
    zone of the policy's calendar.
    """
    version, findings = _version(folder(ctx), rules), Findings()
    read = [_read(path, findings, version) for path in files]
    found = {examples.file: deviations([*examples.sums, *examples.cases]) for examples in read}
    if json:
        as_json(_record(read, found, findings))
    else:
        _print(read, found, findings)
    failed = bool(findings.errors) or any(found.values())
    raise typer.Exit(FINDINGS if failed else 0)


def _version(place: Folder, rules: Path | None) -> Version | None:
    """The config's rules, or a folder's; None where nobody named a config and there is none."""
    if not place.chosen and rules is None and not (place.path / MAIN).exists():
        return None
    return load(place.path, rules=rules).version


def _read(path: Path, findings: Findings, version: Version | None) -> Examples:
    try:
        if path.stat().st_size > LARGEST:
            findings.error(Place(str(path)), "this file is over 64 MB", "split it")
            return Examples(file=str(path))
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        findings.error(Place(str(path), line), "this is not UTF-8 text", "store the file as UTF-8")
    except OSError as error:
        findings.error(Place(str(path)), f"cannot be read: {error.strerror}", "name a file that this user may read")
    else:
        return read_examples(text, str(path), findings, version)
    return Examples(file=str(path))


def _print(read: Sequence[Examples], found: dict[str, tuple[Deviation, ...]], findings: Findings) -> None:
    for finding in findings.all:
        typer.echo(str(finding), err=True)
    for deviation in (each for examples in read for each in found[examples.file]):
        row = deviation.row
        typer.echo(f"{row.place.file}:{row.place.line}: {plain(row.id)}{f': {plain(row.title)}' if row.title else ''}")
        for line in _lines(deviation.differences, row.zone):
            typer.echo(f"  {line}")
    typer.echo(_summary(read, sum(map(len, found.values())), findings))


def _lines(differences: Sequence[Difference], zone: ZoneInfo) -> list[str]:
    """Expected above got, so that the eye runs down the two."""
    made = []
    for each in differences:
        about = " ".join(part for part in (each.about, each.key) if part)
        expected, got = (plain(shown(each.key, value, zone)) for value in (each.expected, each.got))
        made += [plain(about), f"  expected {expected}", f"  got      {got}"]
    return made


def _summary(read: Sequence[Examples], failed: int, findings: Findings) -> str:
    sums, cases = sum(len(each.sums) for each in read), sum(len(each.cases) for each in read)
    left = sum(each.rows for each in read) - sums - cases
    tried = f"{_many(sums, 'arithmetic row')}, {_many(cases, 'case')}"
    if not failed and not findings.errors:
        return f"{tried}: all as expected"
    said = [f"{failed} not as expected" if failed else "all as expected"] if sums or cases else []
    said += [f"{_many(left, 'row')} not tried"] if left else []
    said += [_many(len(findings.errors), "mistake")] if findings.errors else []
    return f"{tried}: {', '.join(said)}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _record(read: Sequence[Examples], found: dict[str, tuple[Deviation, ...]], findings: Findings) -> dict[str, object]:
    return {
        "ok": not findings.errors and not any(found.values()),
        "arithmetic_rows": sum(len(each.sums) for each in read),
        "cases": sum(len(each.cases) for each in read),
        "failed": [_failed(deviation) for deviations in found.values() for deviation in deviations],
        "findings": [_finding(finding) for finding in findings.all],
    }


def _failed(deviation: Deviation) -> dict[str, object]:
    row = deviation.row
    return {
        "file": row.place.file,
        "line": row.place.line,
        "id": row.id,
        "title": row.title,
        "differences": [
            {
                "clock": each.about or None,
                "key": each.key or None,
                "expected": exact(each.key, each.expected),
                "got": exact(each.key, each.got),
            }
            for each in deviation.differences
        ],
    }


def _finding(finding: Finding) -> dict[str, object]:
    place = finding.place
    severity: Severity = finding.severity
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "severity": severity.value,
        "what": finding.what,
        "remedy": finding.remedy,
    }
