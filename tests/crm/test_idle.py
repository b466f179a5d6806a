"""Nobody heard of them for years: they are erased by themselves; whoever is owed anything or known elsewhere stays."""

from datetime import timedelta
from pathlib import Path

from commsd.core import key
from commsd.core.change import Change
from commsd.core.contact import Identity
from commsd.core.entry import Hand
from commsd.core.event import Event
from commsd.core.fact import replace
from commsd.core.open_items import OpenItems
from commsd.crm.actions import close_case
from commsd.crm.idle import Idle
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from tests.crm.serving import Place, place, wrote
from tests.house import TERMS, items_of
from tests.traces import needles, traces
from tests.world import ScriptedWorld

ANNA = Hand(by="anna", agent_id="anna", agent="Anna Berg")
YEARS = timedelta(days=1100)


async def over(here: Place, address: str) -> str:
    """Somebody wrote, and the matter is closed."""
    change = await wrote(here, address)
    case_id = change.cases[0].id
    await here.log.decide((key.of_case(case_id),), close_case(case_id, ANNA, TERMS))
    return change.interactions[0].contact_id or ""


async def erased(here: Place, contact_id: str) -> bool:
    people = (await items_of(here.log, key.of_contact(contact_id))).people
    return people[contact_id].erased_at is not None


async def run(here: Place) -> None:
    duty = Idle(here.log, Claims(here.log, here.world, "test"), Rules(here.log), here.world, YEARS)
    while await duty.once():
        pass


async def test_log_10_prv_1_who_was_not_heard_of_for_the_time_set_is_erased(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    old = await over(here, "old@example.org")
    back = await over(here, "back@example.org")
    owed = (await wrote(here, "owed@example.org")).contacts[0].id
    elsewhere = await over(here, "crm@example.org")

    def known(items: OpenItems) -> Change:
        contact = items.people[elsewhere]
        named = (*contact.identities, Identity("hubspot", "4711"))
        linked = replace(contact, revision=contact.revision + 1, identities=named)
        return Change(contacts=(linked,), events=(Event("contact.updated", linked, items.now, "key:crm"),))

    await here.log.decide((key.of_contact(elsewhere),), known)
    scripted_world.advance(YEARS - timedelta(days=1))
    await over(here, "back@example.org")
    await run(here)
    assert not await erased(here, old)
    scripted_world.advance(timedelta(days=2))
    await run(here)
    assert await erased(here, old)
    assert not await erased(here, back)
    assert not await erased(here, owed)
    assert not await erased(here, elsewhere)


async def test_prv_1_nothing_of_who_was_erased_by_the_machine_is_left_in_the_files(
    sqlite_url: str, scripted_world: ScriptedWorld
) -> None:
    database = Path(sqlite_url.removeprefix("sqlite:///"))

    def found() -> list[bytes]:
        return traces(b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*")), sought)

    sought = needles(["quillfeather@example.org"])
    async with place(sqlite_url, scripted_world.world) as here:
        await over(here, "quillfeather@example.org")
        await here.numbered()
        assert found()
        scripted_world.advance(YEARS + timedelta(days=1))
        await run(here)
        assert found() == []


async def test_who_went_into_somebody_we_heard_of_is_not_erased(here: Place, scripted_world: ScriptedWorld) -> None:
    gone, lives = await over(here, "old@example.org"), await over(here, "new@example.org")

    def merged(items: OpenItems) -> Change:
        former, stays = items.people[gone], items.people[lives]
        into = replace(former, revision=2, identities=(), merged_into=lives)
        both = replace(stays, revision=2, identities=(*stays.identities, *former.identities))
        return Change(contacts=(into, both))

    await here.log.decide((key.of_contact(gone), key.of_contact(lives)), merged)
    scripted_world.advance(YEARS - timedelta(days=1))
    await wrote(here, "old@example.org")
    scripted_world.advance(timedelta(days=2))
    await run(here)
    assert not await erased(here, gone)
    assert not await erased(here, lives)
