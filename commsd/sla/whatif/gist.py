"""The gist of a what-if: what B changes, in words, and what came of it, a sentence a clock. Pure."""

from collections.abc import Iterator
from datetime import tzinfo

from commsd.core.difference import ABSENT, Difference, written
from commsd.core.policy import ClockKind, Target, Version
from commsd.core.whatif.report import Report, Row, changes
from commsd.sla.report import wording
from commsd.sla.report.chart import percent

MOST_LINES = 12
"""Differences that are named; `sla diff` has all."""

MOST_SENTENCES = 3


def changed(report: Report, zone: tzinfo) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What B says otherwise: a sentence that says than which rules, and the differences in words."""
    found = list(changes(report))
    for share, differences in found:
        against = "what was"
        if len(found) > 1:
            against = f"the rules in force since {share.effective_from.astimezone(zone):%Y-%m-%d}"
        if not differences:
            yield f"B says the same as {against}.", ()
            continue
        lines = [told(each) for each in differences[:MOST_LINES]]
        if more := len(differences) - len(lines):
            lines.append(f"and {more:,} more: commsd sla diff {share.id[:12]} DIR")
        yield f"B changes, against {against}:", tuple(lines)


def told(found: Difference) -> str:
    """One difference: "first answer, standard: 4 h -> 2 h"."""
    kind, _, name = found.of.partition(" ")
    before, after = wording.spoken(found.before), wording.spoken(found.after)
    if kind == "policy":
        what, _, option = found.what.partition(" ")
        if what in wording.CLOCKS:
            kind = f"{wording.clock(what)}, {name}{f', {option}' if option else ''}"
        else:
            kind = f"policy {name}{' ' if found.what.startswith('is ') else ', '}{found.what}"
        before, after = (_with_clocks(each) for each in (before, after))
    elif kind == "rules":
        kind = found.what
    else:
        kind = f"{found.of}{' ' if found.what.startswith('is ') else ', '}{found.what}"
    if found.before == ABSENT:
        return f"{kind}: {after}"
    return f"{kind}: {before} -> {after}" if found.after != ABSENT else f"{kind}; it was {before}"


def _with_clocks(text: str) -> str:
    return " ".join(wording.clock(word) for word in text.split(" "))


def headlines(report: Report) -> Iterator[str]:
    """What came of it, the clock on which most changes first, then over all."""
    total = report.total
    if not total.n:
        yield "Nothing in this window is counted."
        return
    rows = sorted((row for row in report.rows if _moved(row)), key=lambda row: -_moved(row))
    if not rows:
        yield "Nothing would have changed: every clock of this window has the same verdict under both rules."
        return
    for row in rows[:MOST_SENTENCES]:
        yield _sentence(report, row)
    if total.a.n and total.b.n:
        yield (
            f"Over all clocks, {percent(total.b.attainment)} would have been in time instead of "
            f"{percent(total.a.attainment)}: {total.newly_breached:,} newly late, {total.newly_saved:,} saved, had "
            "everybody answered when they did."
        )


def _moved(row: Row) -> int:
    return row.n - row.unchanged


def _sentence(report: Report, row: Row) -> str:
    """Clocks that keep their policy are judged by its target; those that move are told apart, with the new one."""
    alone = sum(each.clock == row.clock for each in report.rows) == 1
    things = wording.many(row.clock) + ("" if alone else f" of policy {row.policy}")
    if not row.b.n:
        if row.moves and row.policy_b:
            things = f"{wording.many(row.clock)} that {_move(report, row)}"
        return f"Under B there would be no verdict on {row.a.n:,} {things}, of which {row.a.breached:,} were late."
    late = percent(1 - (row.b.attainment or 0))
    was = f"{row.a.breached:,}" if row.a.n == row.b.n else f"{row.a.breached:,} of {row.a.n:,}"
    end = f"would have been late, instead of {was}."
    if row.moves:
        things = f"{wording.many(row.clock)} that {_move(report, row)}"
        end = end if row.policy_a else "would have been late."
        return f"Of the {row.b.n:,} {things}, {row.b.breached:,} ({late}) {end}"
    return f"{_under(report, row)}, {row.b.breached:,} of {row.b.n:,} {things} ({late}) {end}"


def _move(report: Report, row: Row) -> str:
    aim = wording.spoken(_aim(_target(report.question.candidate, row)))
    to = f"{row.policy_b} ({aim})" if aim else row.policy_b
    return f"go from {row.policy_a} to {to}" if row.policy_a else f"only B has, by policy {to}"


def _under(report: Report, row: Row) -> str:
    """ "With 2 h", where A had another target, if only for a time; else only that the rules are others."""
    asked = report.question
    used = {share.id for share in report.versions if share.clocks}
    before = {_aim(_target(version, row)) for version in asked.history if version.id in used} - {""}
    aim = _aim(_target(asked.candidate, row))
    return f"With {wording.spoken(aim)}" if aim and before - {aim} else "Under B"


def _target(version: Version, row: Row) -> Target | None:
    policy = version.policies.get(row.policy_b)
    return policy.targets.get(ClockKind(row.clock)) if policy else None


def _aim(target: Target | None) -> str:
    if target is None:
        return ""
    if target.business_days is not None:
        return f"{target.business_days}bd"
    return "" if target.duration is None else written(target.duration)
