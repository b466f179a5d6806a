"""What came of `sla apply`, or would come of it: in words, and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from commsd.cli.output import table, when
from commsd.config.read import Finding
from commsd.core.impact import Impact, Moves
from commsd.core.record import Json, instant
from commsd.sla.rules.handover import Finished
from commsd.sla.rules.in_force import Plan
from commsd.store.versions import Stored

NOTHING = Impact()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """refused: why it needs --confirm. stored: the version, once it was accepted. waits: it is not in force yet.

    source: where the files came from; place: where they go, copied: and did. finished: an earlier apply that had been
    cut short. at_work: whether a daemon is. still_to_move: open clocks that no daemon has looked at since earlier
    rules took over those that run.
    """

    plan: Plan
    source: Path
    place: Path
    findings: Sequence[Finding] = ()
    copied: bool = False
    impact: Impact = NOTHING
    open_clocks: int = 0
    refused: tuple[str, ...] = ()
    stored: Stored | None = None
    waits: bool = False
    finished: Finished | None = None
    at_work: bool = True
    still_to_move: int = 0

    def as_json(self) -> Json:
        """As `--json` has it."""
        version = self.stored.version if self.stored else self.plan.version
        return {
            "changed": self.plan.version is not None,
            "applied": self.stored is not None,
            "needs_confirm": list(self.refused),
            "why": self.plan.why or None,
            "number": self.stored.number if self.stored else None,
            "id": version.id if version else None,
            "effective_from": instant(version.effective_from) if version else None,
            "applies": version.applies if version else None,
            "withdraws": [each.number for each in self.plan.withdraws],
            "copied": self.copied,
            "finished": self.finished.version.number if self.finished else None,
            "daemon_at_work": self.at_work,
            "still_to_move": self.still_to_move,
            "impact": _impact(self.impact, self.open_clocks),
            "findings": [found(each) for each in self.findings],
        }


def _impact(impact: Impact, open_clocks: int) -> Json:
    return {
        "cases": impact.cases,
        "open_clocks": open_clocks,
        **_counts(impact.total),
        "rejudged": impact.rejudged,
        "share": round(impact.share, 4),
        "by": [{"policy": p, "clock": c, **_counts(each)} for (p, c), each in sorted(impact.moves.items())],
        "other_policy": impact.other_policy,
        "policies": [
            {"before": before or None, "after": after or None, "cases": cases}
            for (before, after), cases in sorted(impact.policies.items())
        ],
    }


def _counts(moves: Moves) -> Mapping[str, int]:
    return {
        "moved": moves.moved,
        "earlier": moves.earlier,
        "later": moves.later,
        "due_at_once": moves.at_once,
        "dropped": moves.lost,
        "added": moves.gained,
        "stay_late": moves.late,
    }


def found(finding: Finding) -> Json:
    """A finding as `--json` has it."""
    place = finding.place
    return {
        "severity": finding.severity.value,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "what": finding.what,
        "remedy": finding.remedy,
    }


def say(done: Applied, zone: ZoneInfo) -> None:
    """In words."""
    plan = done.plan
    if done.finished:
        _say_finished(done.finished, done.place)
    if plan.version is None:
        typer.echo(f"nothing changed: {plan.why}")
        if done.copied:
            typer.echo(f"their files were put into {done.place}, where others stood")
    else:
        _say_moves(done)
        for each in plan.withdraws:
            waits = f"version {each.number}, which was to come at {when(each.version.effective_from, zone)},"
            typer.echo(f"{waits} {'is withdrawn' if done.stored else 'would be withdrawn'}")
    _say_what_is_to_come(done)
    if plan.version is not None:
        _say_outcome(done, zone)


def _say_finished(finished: Finished, place: Path) -> None:
    number = finished.version.number
    if finished.why_not:
        typer.echo(f"the files of version {number} are still not in {place}: {finished.why_not}")
    else:
        typer.echo(f"first the files of version {number} were put into {place}: the apply of it had been cut short")


def _say_outcome(done: Applied, zone: ZoneInfo) -> None:
    for reason in done.refused:
        typer.echo(f"not applied: {reason}: confirm with --confirm")
    if done.refused:
        typer.echo(f"  look at what it does with `commsd sla whatif {done.source}`, then say --confirm")
    elif done.stored is None:
        typer.echo("nothing was written: --dry-run")
    elif done.plan.former is None:
        typer.echo(f"version {done.stored.number} is in force; it is the first")
    else:
        version = done.stored.version
        whom = "also for clocks that run" if version.applies == "running" else "for new clocks"
        word = "waits: it comes in force at" if done.waits else "is in force since"
        typer.echo(f"version {done.stored.number} {word} {when(version.effective_from, zone)}, {whom}")


def _say_moves(done: Applied) -> None:
    total = done.impact.total
    if done.impact.moves:
        typer.echo(_in_all(total))
        _say_each(done.impact.moves)
    else:
        typer.echo(_clocks(done.open_clocks))
    if done.open_clocks and done.plan.version and done.plan.version.applies == "new":
        typer.echo("clocks that run keep their rules: --applies running moves them too")
    if done.impact.policies:
        pairs = ", ".join(
            f"{before or 'none'} -> {after or 'none'} {cases}"
            for (before, after), cases in sorted(done.impact.policies.items())
        )
        count = done.impact.other_policy
        cases = "1 open case falls" if count == 1 else f"{count} open cases fall"
        typer.echo(f"{cases} under another policy with the next message, before -> after: {pairs}")


def _clocks(count: int) -> str:
    return "no open clock" if not count else f"{count} open clock{'s' if count > 1 else ''}"


def _in_all(total: Moves) -> str:
    """What becomes of all open clocks, in one line."""
    same = total.clocks - total.moved
    parts = [
        _part(total.earlier, "due earlier", total.at_once, "late at once"),
        _part(total.later, "due later", 0, ""),
        _part(total.lost, "no longer owed", 0, ""),
        _part(same, "unchanged", total.late, "late already: they stay late"),
    ]
    added = f"; {total.gained} owed again" if total.gained else ""
    return f"{_clocks(total.clocks)}: {', '.join(part for part in parts if part)}{added}"


def _part(count: int, word: str, among: int, said: str) -> str:
    if not count:
        return ""
    return f"{count} {word}" + (f" ({among} of them {said})" if among else "")


def _say_each(moves: Mapping[tuple[str, str], Moves]) -> None:
    """By policy and clock, where something moves; columns for what is rare only where it occurs."""
    moving = {sort: each for sort, each in sorted(moves.items()) if each.moved or each.gained}
    if not moving:
        return
    total = sum(moving.values(), Moves())
    columns = [
        ("policy", [policy for policy, _ in moving]),
        ("clock", [clock for _, clock in moving]),
        ("open", [each.clocks for each in moving.values()]),
        ("due earlier", [each.earlier for each in moving.values()]),
        ("late at once", [each.at_once for each in moving.values()]),
        ("due later", [each.later for each in moving.values()]),
        *([("no longer owed", [each.lost for each in moving.values()])] if total.lost else []),
        *([("owed again", [each.gained for each in moving.values()])] if total.gained else []),
    ]
    heads, values = [head for head, _ in columns], [each for _, each in columns]
    table(tuple(heads), list(zip(*values, strict=True)), "")
    if total.lost:
        typer.echo("  no longer owed: the new rules have no such clock for the case")
    if total.gained:
        typer.echo("  owed again: earlier rules had dropped the clock; it counts from its first beginning")


def _say_what_is_to_come(done: Applied) -> None:
    """What no daemon has carried out yet, and that none is there to do it."""
    if done.still_to_move:
        count, wait = _clocks(done.still_to_move), "waits" if done.still_to_move == 1 else "wait"
        typer.echo(f"{count} still {wait} to be taken over by the rules in force; the counts take that as done")
    moves = done.impact.total.moved or done.impact.total.gained or done.still_to_move
    if moves and not done.at_work:
        typer.echo("no daemon runs on this store: clocks move when it starts")
