"""Rule tests as files: what happened, under which rules, and what must come out. YAML text -> rows to be tried.

The form is that of the worked examples the engine itself was built by: calendars, policies, `arithmetic` rows (open
time alone) and `cases` rows (touches and the clocks they make). A file may leave calendars and policies to the
config; its own win by name. A time without an offset is local: in the row's `tz`, else in the zone of the calendar.
What came out otherwise says `deviation`.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from commsd.config.read import Findings
from commsd.core.calendar import in_zone
from commsd.core.policy import Version
from commsd.core.touch import Facts
from commsd.sla.trial.deviation import Case, Sum
from commsd.sla.trial.happened import attrs_of, look_over, touches_of
from commsd.sla.trial.instant import WHEN, instant_of
from commsd.sla.trial.rules import HARMLESS, ZONE, ZONE_REMEDY, aim, named, zone_name
from commsd.sla.trial.sheet import Sheet, must_be_new, read_sheet
from commsd.sla.trial.versions import Known, drafts_of, known_of, version_of, zone_of
from commsd.sla.trial.wanted import value_of, wanted_of

SCHEMA = "commsd-sla-oracle/1"
"""The form of these files, for a file that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """The rows of a file that can be tried, and how many there are in all."""

    file: str
    sums: tuple[Sum, ...] = ()
    cases: tuple[Case, ...] = ()
    rows: int = 0


def read_examples(text: str, file: str, findings: Findings, version: Version | None = None) -> Examples:
    """The rows of a file. Mistakes are noted with their places; a row that has one is left out.

    version: the config's rules, where there is a config. Where a calendar or policy is wrong, no row is tried.
    """
    root = read_sheet(text, file, findings)
    if root is None:
        return Examples(file=file)
    root.choice("schema", (SCHEMA,), "schema")
    rules = known_of(root, version)
    sound = root.reading.mistakes == 0
    sum_rows, case_rows = root.parts("arithmetic", "arithmetic row"), root.parts("cases", "case")
    names: dict[str, Sheet] = {}
    sums = [_sum(row, rules, names) for row in sum_rows]
    cases = [_case(row, rules, names) for row in case_rows]
    root.done(HARMLESS)
    if not sum_rows and not case_rows and not root.reading.mistakes:
        root.error(None, "there is nothing to test", "write a case below `cases:`")
    return Examples(
        file=file,
        sums=tuple(row for row in sums if row and sound),
        cases=tuple(row for row in cases if row and sound),
        rows=len(sum_rows) + len(case_rows),
    )


def _sum(row: Sheet, rules: Known, names: dict[str, Sheet]) -> Sum | None:
    before = row.reading.mistakes
    name, tz = _called(row, names), row.form("tz", zone_name, ZONE, ZONE_REMEDY)
    known = named(row, "calendar", rules.calendars, needed=True)
    calendar = in_zone(rules.calendars[known], tz) if known else None
    zone = ZoneInfo(tz or (calendar.tz if calendar else "UTC"))
    start, end = instant_of(row, "start", zone), instant_of(row, "end", zone)
    length, number = aim(row)
    wanted = {key: value_of(row, key, zone) for key in ("due_at", "elapsed_s") if row.has(key)}
    if not row.has("start"):
        row.error(None, "start is missing", WHEN)
    if not wanted:
        row.error(None, "it expects nothing", "write target: and due_at:, or end: and elapsed_s:")
    for key, other in (("due_at", "target"), ("elapsed_s", "end")):
        if key in wanted and not row.has(other):
            row.error(key, f"{key} without {other}", f"add {other}")
    title = row.text("title") or row.text("note") or ""
    row.done(HARMLESS)
    if row.reading.mistakes > before or calendar is None or start is None:
        return None
    return Sum(
        place=row.place(), id=name, title=title, zone=zone, calendar=calendar, start=start, end=end,
        length=length, business_days=number, wanted=wanted,
    )  # fmt: skip


def _case(row: Sheet, rules: Known, names: dict[str, Sheet]) -> Case | None:
    before = row.reading.mistakes
    name, title = _called(row, names), row.text("title") or row.text("note") or ""
    tz = row.form("tz", zone_name, ZONE, ZONE_REMEDY)
    attrs: Facts = {**({"tz": tz} if tz else {}), **attrs_of(row)}
    drafts = drafts_of(row, rules)
    zone = ZoneInfo(tz or zone_of(drafts, rules, attrs))
    versions = tuple(version_of(draft, rules, zone) for draft in drafts)
    touches = touches_of(row, zone)
    now = instant_of(row, "now", zone)
    wanted = wanted_of(row, zone)
    for key, remedy in (("touches", "list what happened"), ("now", WHEN), ("expect", "list the clocks, or []")):
        if not row.has(key):
            row.error(None, f"{key} is missing", remedy)
    row.done(HARMLESS)
    if row.reading.mistakes == before:
        look_over(row, versions)
    if row.reading.mistakes > before or now is None:
        return None
    return Case(
        place=row.place(), id=name, title=title, zone=zone, touches=touches, versions=versions, attrs=attrs, now=now,
        only=wanted.only, expected=wanted.clocks, carried=wanted.attrs,
    )  # fmt: skip


def _called(row: Sheet, names: dict[str, Sheet]) -> str:
    """The row's id, noted among `names`; messages call it so from here on."""
    name = row.text("id")
    row.path = name or row.path
    must_be_new(row, row.path, names)
    return row.path
