"""What happened in a case of a test: its attributes and its touches. Pure."""

from typing import Literal, cast
from zoneinfo import ZoneInfo

from commsd.config.read import did_you_mean
from commsd.core.policy import Version
from commsd.core.touch import Touch, TouchKind
from commsd.sla.rules.rulebook import MATCH_KEYS, SET_KEYS
from commsd.sla.trial.instant import ALWAYS, WHEN, instant_of
from commsd.sla.trial.rules import HARMLESS
from commsd.sla.trial.sheet import Sheet, must_be_new


def attrs_of(row: Sheet) -> dict[str, str | tuple[str, ...]]:
    """The attributes that the case has from the start."""
    part = row.part("attrs")
    if part is None:
        return {}
    given = [key for key in part.names() if not part.is_null(key)]
    return {key: part.texts(key) if part.is_list(key) else part.text(key) or "" for key in given}


def look_over(row: Sheet, versions: tuple[Version, ...]) -> None:
    """Tells of attributes that no rule asks for: the test would hold, and say nothing."""
    asked = [key for version in versions for rule in version.rules for key in (*rule.match, *rule.sets)]
    expected = row.part("expect") if row.is_mapping("expect") else None
    parts = (row, expected, *row.parts("touches", "touch"))
    for attrs in [part.part("attrs") for part in parts if part is not None]:
        if attrs is None:
            continue
        if "timezone" not in asked and attrs.has("timezone"):
            attrs.error("timezone", 'unknown key "timezone"', "write tz: as in tz: Asia/Jakarta")
        attrs.knows(*MATCH_KEYS, *SET_KEYS, "tz", *asked)
        attrs.done()


def touches_of(row: Sheet, zone: ZoneInfo) -> tuple[Touch, ...]:
    """What happened. What is referred to must be there, also further down: they stand in order of arrival."""
    names: dict[str, Sheet] = {}
    found = []
    for number, part in enumerate(row.parts("touches", "touch"), start=1):
        found.append(_touch(part, number, zone))
        must_be_new(part, found[-1].id, names)
    promises = {touch.promise for touch in found}
    for touch in found:
        part = names[touch.id]
        if touch.touch is not None and touch.touch not in names:
            part.error("touch", f'there is no touch "{touch.touch}" in this case', did_you_mean(touch.touch, names))
        for key, promised in (("replaces", touch.replaces), *(("keeps", each) for each in touch.keeps)):
            if promised is not None and promised not in promises:
                known = [each for each in promises if each]
                part.error(key, f'there is no promise "{promised}" in this case', did_you_mean(promised, known))
    return tuple(found)


def _touch(row: Sheet, number: int, zone: ZoneInfo) -> Touch:
    name = row.text("id") or f"t{number}"
    kind = row.choice("kind", list(TouchKind), "kind of touch")
    at, due = instant_of(row, "at", zone), instant_of(row, "due", zone)
    needs = {"promise": ("at", "due"), "void": ("at", "touch"), "set": ("at", "attrs")}
    for key in ("kind", *needs.get(kind or "", ("at",))):
        if not row.has(key) or row.is_null(key):
            row.error(None, f"{key} is missing", WHEN if key in ("at", "due") else f"add {key}:")
    sets = row.part("attrs")
    touch = Touch(
        id=name,
        at=at or ALWAYS,
        kind=TouchKind(kind or "note"),
        recorded_at=instant_of(row, "recorded_at", zone),
        channel=row.text("channel") or "",
        direction=cast(Literal["in", "out"], row.choice("dir", ("in", "out"), "direction") or "out"),
        auto=row.flag("auto"),
        observed=row.flag("observed"),
        partial=row.flag("partial"),
        reason=row.text("reason"),
        promise=row.text("promise") or (name if kind == "promise" else None),
        due=due,
        via=cast(Literal["any", "call"], row.choice("via", ("any", "call"), "way to keep it") or "any"),
        replaces=row.text("replaces"),
        keeps=row.texts("keeps"),
        attrs={key: sets.text(key) or "" for key in sets.names()} if sets else {},
        touch=row.text("touch"),
        void_case=row.flag("void_case"),
    )
    row.done(HARMLESS)
    return touch
