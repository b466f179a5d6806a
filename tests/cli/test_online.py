"""What `check --online` says of the rules in force, beyond that the store answers."""

from dataclasses import replace
from pathlib import Path

from commsd.config.load import load
from commsd.sla.rules.in_force import Rules
from commsd.store.log import Log
from tests.cli.office import Office, built

GONE = "Europe/Gone"


def office_in_a_lost_zone(tmp_path: Path) -> Office:
    """Its rules were accepted with a zone that has left the database since."""
    office = Office(built(tmp_path))
    main = office.folder / "commsd.toml"
    main.write_text(main.read_text().partition("[mailbox.support]")[0], "utf-8")
    version = load(office.folder).version
    calendars = {name: replace(each, tz=GONE) for name, each in version.calendars.items()}

    async def work(log: Log, rules: Rules) -> None:
        await rules.bring_in(replace(version, calendars=calendars, source="elsewhere"), {}, log.world.now())

    office.with_log(work)
    return office


def test_a_zone_that_is_gone_is_told_with_what_is_counted_in_instead(tmp_path: Path) -> None:
    ran = office_in_a_lost_zone(tmp_path).done("check", "--online")
    assert (
        f'store: warning: answers; no time zone database knows "{GONE}" of calendar "standard" any more: '
        "it counts in its fallback_tz, else in UTC\n  give standard another tz, or update tzdata"
    ) in ran.out


def test_rules_whose_zones_are_known_say_nothing(tmp_path: Path) -> None:
    office = Office(built(tmp_path))
    main = office.folder / "commsd.toml"
    main.write_text(main.read_text().partition("[mailbox.support]")[0], "utf-8")

    async def work(log: Log, rules: Rules) -> None:
        assert rules.lost_zones(log.world.now()) == {}

    office.with_log(work)
    assert "store: answers\n" in office.done("check", "--online").out
