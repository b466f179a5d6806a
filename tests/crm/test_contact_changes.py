"""Through the API: a wish taken back frees the call that was held for it; what a merge drops, and odd identities."""

import pytest

from commsd.core import key
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity
from commsd.core.open_items import OpenItems
from commsd.core.record import instant
from tests.crm.serving import Place, rang, types
from tests.crm.test_contacts import JANE, MAIL, NUMBER, PHONE, feed, known_by, made


@pytest.mark.parametrize(("wish", "reason"), [("no_calls", "dnc"), ("write_only", "write_only")])
async def test_a_call_held_for_a_wish_waits_again_once_the_wish_is_taken_back(
    here: Place, wish: str, reason: str
) -> None:
    (owed,) = (await rang(here, NUMBER)).callbacks
    async with await here.client() as crm:
        await made(crm, identities=[PHONE], wishes={wish: True})
        held = (await crm.get(f"/v1/callbacks/{owed.id}")).json()
        await made(crm, wishes={wish: False})
        free = (await crm.get(f"/v1/callbacks/{owed.id}")).json()
        events = await feed(here, crm, "callback.*")
    assert (held["state"], held["held"]) == ("held", reason)
    assert (free["state"], free["held"], free["look_at"]) == ("waiting", None, instant(owed.look_at or owed.opened_at))
    assert free["wish_ended_at"] is not None
    assert types(events) == ["callback.opened", "callback.held", "callback.released"]


async def test_a_call_stays_held_while_another_wish_or_a_block_speaks_against_it(here: Place) -> None:
    (owed,) = (await rang(here, NUMBER)).callbacks
    async with await here.client() as crm:
        await made(crm, identities=[PHONE], wishes={"no_calls": True, "write_only": True}, blocked=True)
        for said in ({"wishes": {"no_calls": False}}, {"wishes": {"write_only": False}}, {"name": "Jane"}):
            await made(crm, **said)
            assert (await crm.get(f"/v1/callbacks/{owed.id}")).json()["state"] == "held", said
        await made(crm, blocked=False)
        assert (await crm.get(f"/v1/callbacks/{owed.id}")).json()["state"] == "waiting"


async def test_a_text_that_was_taken_for_an_address_once_can_be_taken_away(here: Place) -> None:
    odd = Identity("email", f"write to {JANE}")

    def kept(items: OpenItems) -> Change:
        return Change(contacts=(Contact(id=items.new_id(), created_at=items.now, identities=(odd,)),))

    await here.log.decide((key.of_identity(odd),), kept)
    async with await here.client() as crm:
        (known,) = await known_by(crm, odd.value)
        await made(crm, identities=[MAIL])
        (jane,) = await known_by(crm, JANE)
        merged = await crm.post(f"/v1/contacts/{known['id']}/merge", json={"into": jane["id"]})
        assert {"kind": "email", "value": odd.value} in merged.json()["identities"]
        left = await made(crm, identities_removed=[{"kind": "email", "value": odd.value}])
    assert {"kind": "email", "value": odd.value} not in left["identities"]


async def test_a_merge_says_what_of_the_one_that_went_is_dropped_also_when_it_is_asked_again(here: Place) -> None:
    async with await here.client() as crm, await here.client("contacts:write", "events:read") as blind:
        gone = await made(
            crm,
            "1",
            name="J. Clarke",
            tier="gold",
            language="de",
            wishes={"call_only": True, "hours": "mon 09:00-12:00"},
        )
        stays = await made(
            crm, "2", name="Jane Clarke", tier="silver", wishes={"hours": "fri 09:00-12:00"}, stage="lead"
        )
        path, asked = f"/v1/contacts/{gone['id']}/merge", {"into": stays["id"]}
        first = await crm.post(path, json=asked, headers={"Idempotency-Key": "m1"})
        repeated = await crm.post(path, json=asked, headers={"Idempotency-Key": "m1"})
        again = await crm.post(path, json=asked)
        unseen = await blind.post(path, json=asked)
    dropped = {"name": "J. Clarke", "tier": "gold", "wishes": {"hours": "mon 09:00-12:00"}}
    assert [answer.json()["dropped"] for answer in (first, repeated, again)] == [dropped] * 3
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert (first.json()["tier"], first.json()["language"]) == ("silver", "de")
    assert unseen.json()["dropped"] == {"tier": "gold", "wishes": {"hours": "mon 09:00-12:00"}}
