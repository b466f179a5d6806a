"""Somebody blocked is erased: the number stays blocked without standing anywhere, until one of our people undoes it."""

from commsd.core import key
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity
from commsd.core.screen import DNC, Limits, held_because
from commsd.crm.contact_actions import block_contact
from commsd.crm.contact_set import Said, put_person
from commsd.crm.erasure import erase
from commsd.store.evidence import evidence
from tests.crm.serving import Place, asked_to_ring, rang
from tests.crm.test_erasure import ANNA, every_row
from tests.house import TERMS, items_of
from tests.traces import needles, traces

NUMBER, SPELLED, OTHER = "+493023125977", "030 23125977", "+493023125061"


async def block(here: Place, number: str = NUMBER, *, blocked: bool = True) -> Change:
    return await here.log.decide(key.of_addresses(number), block_contact(number, ANNA, blocked=blocked))


async def erased(here: Place, contact_id: str) -> None:
    await erase(here.log, contact_id, ANNA, TERMS, even_if_owed=True)


async def blocked_and_erased(here: Place) -> str:
    """Somebody rang, was blocked and is erased; the id they had."""
    contact: Contact = (await rang(here, NUMBER)).contacts[0]
    await block(here)
    await erased(here, contact.id)
    return contact.id


async def test_prv_1_who_was_blocked_rings_after_the_erasure_and_is_owed_no_call(here: Place) -> None:
    former = await blocked_and_erased(here)
    again = await rang(here, NUMBER, "CA2")
    assert (again.contacts[0].id != former, again.contacts[0].blocked) == (True, True)
    assert again.callbacks == ()


async def test_prv_1_of_a_number_that_stays_blocked_no_byte_is_left(here: Place) -> None:
    await blocked_and_erased(here)
    assert traces(await every_row(here), needles((NUMBER, NUMBER[1:], SPELLED))) == []


async def test_others_and_who_was_not_blocked_are_owed_their_calls_after_an_erasure(here: Place) -> None:
    await blocked_and_erased(here)
    other = await rang(here, OTHER, "CA3")
    assert (other.contacts[0].blocked, len(other.callbacks)) == (False, 1)
    await erased(here, other.contacts[0].id)
    assert len((await rang(here, OTHER, "CA4")).callbacks) == 1


async def test_who_is_entered_with_such_a_number_is_blocked(here: Place) -> None:
    await blocked_and_erased(here)
    said = Said(identities=(Identity("email", "jane@example.org"), Identity("phone", NUMBER)))
    keys = key.of_addresses("jane@example.org", NUMBER)
    entered = await here.log.decide(keys, put_person(said, ANNA))
    assert [each.blocked for each in entered.contacts] == [True]


async def test_a_call_to_such_a_number_that_somebody_else_asks_for_waits_for_a_person(here: Place) -> None:
    await blocked_and_erased(here)
    (owed,) = (await asked_to_ring(here, NUMBER)).callbacks
    known = await here.log.read(lambda connection: evidence(connection, owed))
    assert held_because(owed, known, Limits(regions=frozenset({"DE"}))) == DNC


async def test_undone_before_anybody_rings_the_number_is_free_for_good(here: Place) -> None:
    await blocked_and_erased(here)
    (made,) = (await block(here, blocked=False)).contacts
    assert not made.blocked
    assert (await items_of(here.log, *key.of_addresses(NUMBER))).opt_outs == ()
    await erased(here, made.id)
    assert len((await rang(here, NUMBER, "CA2")).callbacks) == 1


async def test_undone_of_whoever_rang_meanwhile_the_number_is_free_for_good(here: Place) -> None:
    await blocked_and_erased(here)
    again = (await rang(here, NUMBER, "CA2")).contacts[0]
    undo = block_contact(again.id, ANNA, blocked=False)
    await here.log.decide((key.of_contact(again.id),), undo)
    await erased(here, again.id)
    assert len((await rang(here, NUMBER, "CA3")).callbacks) == 1


async def test_erased_a_second_time_the_number_is_still_blocked(here: Place) -> None:
    await blocked_and_erased(here)
    again = (await rang(here, NUMBER, "CA2")).contacts[0]
    await erased(here, again.id)
    assert (await rang(here, NUMBER, "CA3")).callbacks == ()
