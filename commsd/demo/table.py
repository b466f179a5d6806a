"""What every customer got, judged against what the scenario says they must get, and printed. Pure.

Who looked and where (the mail server, the telephone exchange, the store) is witness.py's business.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

LATEST_ACK = timedelta(seconds=15)
"""An acknowledgement that takes longer, from the mail's arrival to the mail server's 250, is late."""

LANGUAGES = {"en": "English", "de": "German", "da": "Danish", "id": "Indonesian"}
NOTHING = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one customer must have got when the scene is over.

    key: a mail's Message-ID or a caller's number. by: "mail" or "phone". language: "" for machines.
    short: two lines instead of the whole acknowledgement. silence: the reason why a mail gets none.
    answered: one of our people wrote an answer. breach: the clock that ends late. misses: calls in vain.
    talked: one of our people took the call. closed: how the callback ended; "" while it is still owed. held: why no
    machine rings back. machine: we rang back, and a machine picked up.
    """

    key: str
    who: str
    by: str
    language: str = ""
    short: bool = False
    silence: str = ""
    answered: bool = False
    breach: str = ""
    misses: int = 0
    talked: bool = False
    closed: str = ""
    held: str = ""
    machine: bool = False

    @property
    def acks(self) -> int:
        """How many acknowledgements; a call gets its own on the line."""
        return 1 if self.by == "mail" and not self.silence else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """An acknowledgement as it arrived. after: since the mail did. promised: the time of the answer it names."""

    language: str
    short: bool
    after: timedelta
    promised: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A callback. after: from the ringing of the first call to its record. closed_after: the same to its end.

    held: why it waits for a person. machine: a try of ours ended at a machine.
    """

    misses: int
    due_at: datetime | None
    after: timedelta
    closed: str = ""
    closed_after: timedelta | None = None
    held: str = ""
    machine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A clock that ran out. after: since it began. told: which of our people were, and how long after it was due."""

    clock: str
    after: timedelta
    told: tuple[tuple[str, timedelta], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What one customer got. spoken: the language heard on the telephone. policy: of the SLA rule that matched."""

    acks: tuple[Ack, ...] = ()
    silence: str = ""
    answer: tuple[str, timedelta] | None = None
    late: tuple[Late, ...] = ()
    misses: int = 0
    callbacks: tuple[Owed, ...] = ()
    talk: tuple[str, timedelta] | None = None
    spoken: str = ""
    policy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What is not about one customer.

    wrong: the ledger's lines that must never be. strays: mail nobody expected. late_elsewhere: clocks of no row.
    mishaps: what the people of the scene could not do.
    """

    wrong: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    late_elsewhere: tuple[str, ...] = ()
    mishaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One customer of the table, with what is wrong."""

    wanted: Wanted
    got: Got
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The rows and what is wrong with the house as a whole."""

    rows: tuple[Row, ...]
    faults: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether everything is as the scenario says."""
        return not self.faults and not any(row.faults for row in self.rows)

    @property
    def all_faults(self) -> tuple[str, ...]:
        """Every fault with the name of whom it is about."""
        return (*(f"{row.wanted.who}: {fault}" for row in self.rows for fault in row.faults), *self.faults)


def judge(pairs: Iterable[tuple[Wanted, Got]], house: House) -> Judgement:
    """The scenario beside what happened."""
    rows = tuple(Row(wanted=wanted, got=got, faults=tuple(_faults(wanted, got))) for wanted, got in pairs)
    return Judgement(rows=rows, faults=tuple(_house_faults(house)))


def _faults(wanted: Wanted, got: Got) -> Iterable[str]:
    if wanted.by == "mail":
        yield from _mail_faults(wanted, got)
    else:
        yield from _phone_faults(wanted, got)
    yield from _clock_faults(wanted, got)


def _mail_faults(wanted: Wanted, got: Got) -> Iterable[str]:
    if len(got.acks) > wanted.acks:
        yield "a machine was answered" if not wanted.acks else f"{len(got.acks)} acknowledgements instead of one"
    if len(got.acks) < wanted.acks:
        yield f"no acknowledgement ({got.silence})" if got.silence else "no acknowledgement"
    if wanted.silence and got.silence != wanted.silence and not got.acks:
        yield f"kept silent for {got.silence or 'no reason'} instead of {wanted.silence}"
    for ack in got.acks[: wanted.acks]:
        yield from _ack_faults(wanted, ack)
    if wanted.answered and got.answer is None:
        yield "the agent's answer was not seen"
    if got.answer is not None and not wanted.answered:
        yield f"an answer from {got.answer[0]} that nobody wrote"


def _ack_faults(wanted: Wanted, ack: Ack) -> Iterable[str]:
    if ack.language != wanted.language:
        yield f"acknowledged in {_language(ack.language)} instead of {_language(wanted.language)}"
    if ack.after > LATEST_ACK:
        yield f"acknowledged after {seconds(ack.after)}, {seconds(LATEST_ACK)} is the limit"
    if ack.short != wanted.short:
        yield "the whole acknowledgement again" if wanted.short else "two lines instead of the whole acknowledgement"
    if ack.promised is None:
        yield "no time of the answer in the acknowledgement"


def _phone_faults(wanted: Wanted, got: Got) -> Iterable[str]:
    owed = 1 if wanted.misses else 0
    if got.misses != wanted.misses:
        yield f"{_counted(got.misses, 'missed call')} instead of {wanted.misses}"
    if len(got.callbacks) != owed:
        yield f"{_counted(len(got.callbacks), 'callback')} instead of {owed or 'none'}"
    for callback in got.callbacks[:owed]:
        yield from _callback_faults(wanted, callback)
    if wanted.talked and got.talk is None:
        yield "nobody talked to them"
    if got.talk is not None and not wanted.talked:
        yield f"a talk with {got.talk[0]} that nobody had"
    if got.spoken != wanted.language:
        yield f"spoken to in {_language(got.spoken)} instead of {_language(wanted.language)}"


def _callback_faults(wanted: Wanted, callback: Owed) -> Iterable[str]:
    if callback.due_at is None:
        yield "a callback without a due time"
    if callback.misses != wanted.misses:
        yield f"the callback counts {_counted(callback.misses, 'missed call')} instead of {wanted.misses}"
    if callback.closed != wanted.closed:
        yield f"the callback is {callback.closed or 'open'} instead of {wanted.closed or 'open'}"
    if callback.held != wanted.held:
        yield f"the callback is held for {callback.held or 'nothing'} instead of {wanted.held or 'nothing'}"
    if callback.machine != wanted.machine:
        yield "no machine picked up" if wanted.machine else "a machine picked up that nobody has"


def _clock_faults(wanted: Wanted, got: Got) -> Iterable[str]:
    names = [late.clock for late in got.late]
    if wanted.breach and wanted.breach not in names:
        yield f"the {wanted.breach} clock did not run out as scripted"
    for late in got.late:
        if late.clock != wanted.breach:
            yield f"the {late.clock} clock ran out"
        elif not late.told:
            yield f"nobody was told that the {late.clock} clock ran out"
        elif len(late.told) > 1:
            yield f"told {len(late.told)} times that the {late.clock} clock ran out"
    if len(names) > len(set(names)):
        yield "the same clock ran out twice"


def _house_faults(house: House) -> Iterable[str]:
    yield from (f"the ledger: {line}" for line in house.wrong)
    yield from (f"a mail nobody expected: {line}" for line in house.strays)
    yield from (f"on the stage: {mishap}" for mishap in house.mishaps)
    yield from (f"outside the scenario, the {clock} clock ran out" for clock in house.late_elsewhere)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a row: what they got, after how long, by which rule."""

    what: str
    after: timedelta | None
    why: str


def lines(row: Row, zone: ZoneInfo) -> tuple[Line, ...]:
    """What the row says, line by line. zone: whose clock times are told in."""
    found = _mail_lines(row, zone) if row.wanted.by == "mail" else _phone_lines(row, zone)
    return (*found, *_late_lines(row.got))


def _mail_lines(row: Row, zone: ZoneInfo) -> Iterable[Line]:
    got = row.got
    for ack in got.acks:
        form = "two lines" if ack.short else "acknowledged"
        promise = f", answer by {_clock(ack.promised, zone)}" if ack.promised else ""
        yield Line(form + promise, ack.after, "same matter" if ack.short else f"policy {got.policy or NOTHING}")
    if not got.acks:
        yield Line("nothing", None, got.silence or "no reason recorded")
    if got.answer:
        yield Line(f"answer from {got.answer[0]}", got.answer[1], "seen in Sent")


def _phone_lines(row: Row, zone: ZoneInfo) -> Iterable[Line]:
    got = row.got
    if got.talk:
        yield Line(f"a talk with {got.talk[0]}", got.talk[1], "pressed 1, bridged")
    for owed in got.callbacks:
        by = f" by {_clock(owed.due_at, zone)}" if owed.due_at else ""
        what = f"callback{by} for {_counted(owed.misses, 'call')}"
        yield Line(what, owed.after, f"policy {got.policy or NOTHING}")
        if owed.closed:
            yield Line("called back", owed.closed_after, f"closed: {owed.closed}")
        if owed.machine:
            yield Line("a machine; still owed", None, "voicemail")
        if owed.held:
            yield Line("held for a person", None, owed.held)
    if not got.talk and not got.callbacks:
        yield Line("nothing", None, _counted(got.misses, "missed call"))


def _late_lines(got: Got) -> Iterable[Line]:
    for late in got.late:
        yield Line("no answer in time", late.after, f"{late.clock} late")
        for name, after in late.told:
            yield Line(f"{name} told by mail", after, "after the due time")


def printed(judgement: Judgement, zone: ZoneInfo, took: timedelta) -> RenderableType:
    """The table with its totals, and every fault explained. took: the whole scene."""
    table = Table(
        Column("", width=1, no_wrap=True),
        Column("Who", no_wrap=True, style="bold"),
        Column("By", no_wrap=True),
        Column("Language", no_wrap=True),
        Column("What they got", overflow="fold"),
        Column("After", justify="right", no_wrap=True),
        Column("Rule, reason", overflow="fold"),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for row in judgement.rows:
        _add(table, row, zone)
    return Group(table, "", *_totals(judgement, took), *_explained(judgement))


def _add(table: Table, row: Row, zone: ZoneInfo) -> None:
    mark = Text("✗", style="bold red") if row.faults else Text("✓", style="green")
    head = (mark, row.wanted.who, row.wanted.by, _language(row.got.spoken or _heard(row.got)))
    for number, line in enumerate(lines(row, zone)):
        left = head if number == 0 else (Text(), "", "", "")
        table.add_row(*left, line.what, seconds(line.after), Text(line.why, style="dim"))
    for fault in row.faults:
        table.add_row(Text(), "", "", "", Text(fault, style="red"))


def _heard(got: Got) -> str:
    return got.acks[0].language if got.acks else ""


def _totals(judgement: Judgement, took: timedelta) -> Sequence[Text]:
    rows = judgement.rows
    acks = [ack for row in rows for ack in row.got.acks]
    slowest = max((ack.after for ack in acks), default=timedelta(0))
    callbacks = sum(len(row.got.callbacks) for row in rows)
    misses, late = sum(row.got.misses for row in rows), sum(len(row.got.late) for row in rows)
    silent = sum(1 for row in rows if row.wanted.by == "mail" and not row.got.acks)
    fine = (
        "ledger clean" if not any(fault.startswith("the ledger") for fault in judgement.faults) else "ledger NOT clean"
    )
    return (
        Text(
            f"{_counted(len(acks), 'acknowledgement')}, slowest {seconds(slowest)} "
            f"(limit {seconds(LATEST_ACK)}) · {_counted(silent, 'machine')} left in peace"
        ),
        Text(
            f"{_counted(misses, 'missed call')}, {_counted(callbacks, 'callback')} · "
            f"{_counted(late, 'clock')} breached · {fine} · {seconds(took)} in all"
        ),
    )


def _explained(judgement: Judgement) -> Sequence[Text]:
    if judgement.good:
        return (Text("Nothing lost, nothing doubled, nothing late: the table equals the scenario.", style="green"),)
    head = Text("The table does not equal the scenario:", style="bold red")
    return (head, *(Text(f"- {fault}", style="red") for fault in judgement.all_faults))


def seconds(length: timedelta | None) -> str:
    """A length of time in seconds with one decimal; a dash for none."""
    return NOTHING if length is None else f"{length.total_seconds():.1f} s"


def _language(code: str) -> str:
    return LANGUAGES.get(code, code or NOTHING)


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def _counted(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
