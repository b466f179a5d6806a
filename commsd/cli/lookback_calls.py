"""The telephone's part of `lookback`: Twilio's list of past calls, read and not touched, as text and as JSON."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import typer

from commsd.channels.phone.line import PhoneSettings, Twilio
from commsd.cli.output import span, table, when
from commsd.config.settings import Config
from commsd.core.measure import Percentile
from commsd.core.past_calls import CallGathering, PastCalls, Rung
from commsd.core.past_calls_report import CallLine, CallReport, Waited
from commsd.core.record import Json, instant

SHOWN = 40
ALL = "all together"
Told = Callable[[int], None]


def past_calls(config: Config, phone: PhoneSettings, twilio: Twilio, since: datetime, tell: Told) -> PastCalls:
    """What the list says came of everybody who rang since then. Raises ConfigError, Throttled, Unreachable.

    tell: told after each page how many calls are read.
    """
    from commsd.channels.phone.call_list import pages_of_calls  # the Twilio library is slow to import
    from commsd.channels.phone.rest import Rest

    phones = frozenset(agent.phone for agent in config.firm.people.agents.values() if agent.phone)
    gathering = CallGathering({line.number.e164: name for name, line in phone.lines.items()}, phones)

    async def read() -> None:
        done = 0
        async for page in pages_of_calls(Rest(twilio), since):
            for call in page:
                gathering.take(call)
            done += len(page)
            tell(done)

    asyncio.run(read())
    return gathering.past()


# --- as text


def print_calls(found: CallReport, zone: ZoneInfo) -> None:
    """The lines, what to know of the figures, and who waits."""
    typer.echo(f"Calls from {when(found.since, zone)} to {when(found.until, zone)}.\n")
    lines = [*found.lines.items(), *([(ALL, found.total)] if len(found.lines) > 1 else [])]
    headings = ("LINE", "RECEIVED", "ANSWERED", "IN VAIN", "CALLED BACK", "RANG AGAIN", "WAITING", "TOO LATE")
    table((*headings, "HALF TOOK", "9 OF 10 TOOK"), [_row(name, line) for name, line in lines], "no line")
    for sentence in _sentences(found.total):
        typer.echo(f"\n{sentence}")
    if found.waiting:
        typer.echo("\nRang in vain and never called back, longest first:")
        rows = [_wait(each, zone) for each in found.waiting[:SHOWN]]
        table(("RANG", "WAITING", "IN OPEN HOURS", "", "NUMBER", "LINE"), rows, "")
    if len(found.waiting) > SHOWN:
        typer.echo(f"and {len(found.waiting) - SHOWN} more, which --json lists")


def _row(name: str, line: CallLine) -> tuple[object, ...]:
    rung = line.rung
    ends = line.called_back, line.rang_again, line.waiting, line.late
    return name, rung.received, rung.answered, rung.in_vain, *ends, _about(line.open[50]), _about(line.open[90])


def _about(found: Percentile | None) -> str | None:
    return ("over " if found.at_least else "") + span(timedelta(seconds=found.seconds)) if found else None


def _sentences(total: CallLine) -> Sequence[str]:
    rung, said = total.rung, []
    if rung.in_vain > rung.withheld:
        half, most = _about(total.passed[50]), _about(total.passed[90])
        said.append(f"Times are opening hours by the rules in force. By the clock, half took {half}, 9 of 10 {most}.")
    if rung.withheld:
        said.append(f"In vain with a withheld number, whom nobody can call back: {_calls(rung.withheld)}.")
    if rung.direct:
        said.append(
            f"Nobody was dialled for {_calls(rung.direct)}, counted as in vain: "
            "what a queue or a menu answered, Twilio's list does not show."
        )
    if rung.received:
        said.append("A leg that was answered counts as a talk, a voicemail's too: the list knows no difference.")
    return said


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"


def _wait(each: Waited, zone: ZoneInfo) -> tuple[object, ...]:
    wait = each.wait
    again = [f"rang {wait.further} more"] if wait.further else []
    tried = [f"tried {wait.tried}"] if wait.tried else []
    more = ", ".join((*again, *tried))
    open_time = span(each.open) if each.open is not None else None
    number = f"{wait.number} ({more})" if more else wait.number
    return when(wait.at, zone), span(each.passed), open_time, "late" if each.late else "", number, wait.line


# --- as JSON


def record_of_calls(found: CallReport) -> Json:
    """The `calls` block of `lookback --json`: every figure, and everybody who waits."""
    return {
        "lines": {name: _line(line) for name, line in found.lines.items()},
        "total": _line(found.total),
        "never_called_back": [_waiting(each) for each in found.waiting],
    }


def _line(line: CallLine) -> Json:
    return {
        **_rung(line.rung),
        "called_back": line.called_back,
        "rang_again": line.rang_again,
        "waiting": line.waiting,
        "late": line.late,
        "response_s": _percentiles(line.passed),
        "response_in_opening_hours_s": _percentiles(line.open),
    }


def _rung(rung: Rung) -> Json:
    return {
        "received": rung.received,
        "answered": rung.answered,
        "in_vain": rung.in_vain,
        "withheld": rung.withheld,
        "nobody_dialled": rung.direct,
    }


def _percentiles(found: Mapping[int, Percentile | None]) -> Json:
    names = {50: "median", 90: "p90"}
    return {names[p]: {"seconds": f.seconds, "at_least": f.at_least} if f else None for p, f in found.items()}


def _waiting(each: Waited) -> Json:
    wait = each.wait
    return {
        "line": wait.line,
        "number": wait.number,
        "rang_at": instant(wait.at),
        "waiting_s": each.passed.total_seconds(),
        "waiting_in_opening_hours_s": each.open.total_seconds() if each.open is not None else None,
        "late": each.late,
        "rang_again": wait.further,
        "tried": wait.tried,
    }
