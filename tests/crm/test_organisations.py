"""Firms through the API: put under another system's id, found by their marks, and people in them; on both stores."""

from typing import Any

import httpx
import pytest

from commsd.core import key
from commsd.core.entry import Hand
from commsd.crm import organisation_merge
from commsd.crm.audit import ORGANISATION_DELETED, ORGANISATION_MERGED
from commsd.crm.organisation_merge import all_move, merge_organisations
from commsd.crm.organisation_set import FirmChange, set_organisation
from commsd.errors import Refused, TryAgain
from commsd.store.audit import audited
from commsd.store.person import person
from tests.crm.serving import Place, rang, types, wrote

SWITCHBOARD = "+493023125010"


async def put(crm: httpx.AsyncClient, external_id: str = "77", **said: Any) -> httpx.Response:
    return await crm.put(f"/v1/organisations/by/hubspot/{external_id}", json=said)


async def test_a_firm_is_found_by_domain_number_and_a_systems_id(here: Place) -> None:
    async with await here.client() as crm:
        new = await put(
            crm, name="Bücher & Sons", domains=["Bücher.example", "example.org"], numbers=[SWITCHBOARD], tier="gold"
        )
        again = await put(crm, name="Bücher & Sons")
        for mark in ("bücher.example", "EXAMPLE.org", SWITCHBOARD, "hubspot:77"):
            found = (await crm.get("/v1/organisations", params={"mark": mark})).json()["data"]
            assert [firm["id"] for firm in found] == [new.json()["id"]], mark
        one = await crm.get(f"/v1/organisations/{new.json()['id']}")
        await here.numbered()
        events = types((await crm.get("/v1/events?types=organisation.*")).json()["data"])
    assert (new.status_code, again.status_code) == (201, 200)
    assert new.json()["domains"] == ["xn--bcher-kva.example", "example.org"]
    assert one.headers["ETag"] == '"1"'
    assert events == ["organisation.created"]


async def test_a_mark_is_of_one_firm_and_is_free_again_when_given_up(here: Place) -> None:
    async with await here.client() as crm:
        await put(crm, "1", domains=["example.org"])
        taken = await put(crm, "2", domains=["other.example", "example.org"])
        nothing = (await crm.get("/v1/organisations", params={"mark": "other.example"})).json()["data"]
        given_up = await put(crm, "1", domains=[], name="One")
        then = await put(crm, "2", domains=["example.org"])
    assert (taken.status_code, nothing) == (409, [])
    assert (given_up.json()["domains"], given_up.json()["revision"]) == ([], 2)
    assert then.json()["domains"] == ["example.org"]


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"domains": ["example.org", "no domain"]}, "/domains/1"),
        ({"domains": ["gmail.com"]}, "/domains/0"),
        ({"numbers": ["030"]}, "/numbers/0"),
        ({"owner": "nobody"}, "/owner"),
        ({"domain": "example.org"}, "/domain"),
    ],
)
async def test_what_cannot_be_a_firms_is_named(here: Place, said: dict[str, Any], pointer: str) -> None:
    async with await here.client() as crm:
        answer = await put(crm, **said)
        assert (await crm.get("/v1/organisations")).json()["data"] == []
    assert answer.status_code == 400
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


async def test_who_writes_from_a_firms_domain_is_of_the_firm_and_its_switchboard_is_nobody(here: Place) -> None:
    async with await here.client() as crm:
        firm = (await put(crm, domains=["example.org"], numbers=[SWITCHBOARD])).json()["id"]
        written, called = await wrote(here, "jane@example.org"), await rang(here, SWITCHBOARD)
    assert written.contacts[0].organisation_id == written.interactions[0].organisation_id == firm
    assert called.interactions[0].organisation_id == firm
    assert called.interactions[0].contact_id is None
    assert called.callbacks


async def test_a_contact_is_put_into_a_firm(here: Place) -> None:
    async with await here.client() as crm:
        firm = (await put(crm, name="Example")).json()["id"]
        answer = await crm.put("/v1/contacts/by/hubspot/1", json={"organisation_id": firm})
    assert answer.json()["organisation_id"] == firm


async def member(crm: httpx.AsyncClient, firm: str, external_id: str = "1") -> dict[str, Any]:
    answer = await crm.put(f"/v1/contacts/by/hubspot/{external_id}", json={"organisation_id": firm})
    assert answer.is_success, answer.text
    known: dict[str, Any] = answer.json()
    return known


async def firm_of(crm: httpx.AsyncClient, contact: dict[str, Any]) -> str | None:
    known: str | None = (await crm.get(f"/v1/contacts/{contact['id']}")).json()["organisation_id"]
    return known


async def test_of_two_firms_that_are_one_the_one_that_stays_has_marks_people_and_what_was_known(here: Place) -> None:
    async with await here.client() as crm:
        gone = (await put(crm, "1", name="Acme Limited", domains=["acme.example"], tier="gold")).json()["id"]
        stays = (await put(crm, "2", name="Acme", numbers=[SWITCHBOARD])).json()["id"]
        jane = await member(crm, gone)
        merged = await crm.post(f"/v1/organisations/{gone}/merge", json={"into": stays, "agent": "anna"})
        assert await firm_of(crm, jane) == stays
        for mark in ("acme.example", SWITCHBOARD, "hubspot:1", "hubspot:2"):
            found = (await crm.get("/v1/organisations", params={"mark": mark})).json()["data"]
            assert [firm["id"] for firm in found] == [stays], mark
        put_again = await put(crm, "1", owner="anna")
        left = (await crm.get(f"/v1/organisations/{gone}")).json()
        written = await wrote(here, "bo@acme.example")
        await here.numbered()
        events = types((await crm.get("/v1/events?types=organisation.*")).json()["data"])
    assert merged.status_code == 200, merged.text
    assert (merged.json()["id"], merged.json()["name"], merged.json()["tier"]) == (stays, "Acme", "gold")
    assert (left["merged_into"], left["domains"], left["external"]) == (stays, [], [])
    assert put_again.json()["id"] == stays
    assert written.contacts[0].organisation_id == stays
    assert events[-3:] == ["organisation.merged", "organisation.updated", "organisation.updated"]
    (row,) = await here.log.read(lambda c: audited(c, limit=10, what=ORGANISATION_MERGED))
    assert (row.about, row.scope) == ((gone, stays), "contacts:write")


async def test_a_merge_of_firms_says_what_of_the_one_that_went_is_dropped(here: Place) -> None:
    async with await here.client() as crm:
        gone = (await put(crm, "1", name="Acme Limited", tier="gold", owner="anna")).json()["id"]
        stays = (await put(crm, "2", name="Acme", tier="silver")).json()["id"]
        merged = await crm.post(f"/v1/organisations/{gone}/merge", json={"into": stays})
        again = await crm.post(f"/v1/organisations/{gone}/merge", json={"into": stays})
    assert (merged.json()["tier"], merged.json()["owner"], merged.json()["dropped"]) == (
        "silver",
        "anna",
        {"tier": "gold"},
    )
    assert (again.status_code, again.json()["dropped"]) == (200, {}), "nothing is left to be dropped"


async def test_the_id_of_a_firm_that_went_into_another_still_leads_to_it(here: Place) -> None:
    async with await here.client() as crm:
        first, second, third = [(await put(crm, name, name=name)).json()["id"] for name in "abc"]
        for gone, stays in ((first, second), (second, third)):
            assert (await crm.post(f"/v1/organisations/{gone}/merge", json={"into": stays})).is_success
        jane = await member(crm, first)
    assert jane["organisation_id"] == third


async def test_people_whom_a_merge_cut_short_left_behind_are_of_the_one_that_stays_and_follow_when_it_is_repeated(
    here: Place,
) -> None:
    async with await here.client() as crm:
        gone = (await put(crm, "1", domains=["acme.example"], tier="gold")).json()["id"]
        stays = (await put(crm, "2", name="Acme")).json()["id"]
        (jane,) = (await wrote(here, "jane@acme.example")).contacts
        keys = [key.of_organisation(gone), key.of_organisation(stays)]
        await here.log.decide(keys, merge_organisations(gone, stays, Hand(by="anna")))
        written = await wrote(here, "jane@acme.example", subject="Another")
        shown = await here.log.read(lambda c: person(c, jane.id))
        repeated = await crm.post(f"/v1/organisations/{gone}/merge", json={"into": stays})
        then = (await crm.get(f"/v1/contacts/{jane.id}")).json()
    assert written.interactions[0].organisation_id == stays
    assert shown is not None
    assert shown.firm is not None
    assert shown.firm.record["id"] == stays
    assert repeated.status_code == 200
    assert then["organisation_id"] == stays


async def test_a_merge_repeated_under_one_key_changes_nothing_more(here: Place) -> None:
    async with await here.client() as crm:
        gone, stays = [(await put(crm, name, name=name)).json()["id"] for name in "ab"]
        path, headers = f"/v1/organisations/{gone}/merge", {"Idempotency-Key": "a1"}
        first, again = [await crm.post(path, json={"into": stays}, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()


async def test_a_deleted_firm_keeps_its_id_alone_and_its_people_stay_of_none(here: Place) -> None:
    async with await here.client() as crm:
        firm = (await put(crm, name="Acme", domains=["acme.example"], numbers=[SWITCHBOARD], owner="anna")).json()["id"]
        jane = await member(crm, firm)
        first, again = [await crm.delete(f"/v1/organisations/{firm}") for _ in range(2)]
        assert await firm_of(crm, jane) is None
        refused = await crm.put("/v1/contacts/by/hubspot/2", json={"organisation_id": firm})
        made = await put(crm, name="Acme again", domains=["acme.example"])
        written = await wrote(here, "bo@acme.example")
        await here.numbered()
        events = types((await crm.get("/v1/events?types=organisation.deleted")).json()["data"])
    assert (first.status_code, again.status_code, first.json()) == (200, 200, again.json())
    left = first.json()
    assert (left["id"], left["name"], left["domains"], left["external"], left["owner"]) == (firm, None, [], [], None)
    assert left["deleted_at"]
    assert refused.status_code == 400
    assert (made.status_code, written.contacts[0].organisation_id) == (201, made.json()["id"])
    assert len(events) == 1
    rows = await here.log.read(lambda c: audited(c, limit=10, what=ORGANISATION_DELETED))
    assert {row.about for row in rows} == {(firm,)}


async def test_what_cannot_be_merged_or_deleted_says_why(here: Place) -> None:
    async with await here.client() as crm:
        a, b, c = [(await put(crm, name, name=name)).json()["id"] for name in "abc"]
        merge = "/v1/organisations/{}/merge"
        itself = await crm.post(merge.format(a), json={"into": a})
        nobody = await crm.post(merge.format("x"), json={"into": a})
        nameless = await crm.post(merge.format(a), json={})
        await crm.post(merge.format(a), json={"into": b})
        into_gone = await crm.post(merge.format(c), json={"into": a})
        gone_elsewhere = await crm.post(merge.format(a), json={"into": c})
        gone_deleted = await crm.delete(f"/v1/organisations/{a}")
        await crm.delete(f"/v1/organisations/{c}")
        deleted = await crm.post(merge.format(c), json={"into": b})
        absent = await crm.delete("/v1/organisations/x")
    assert [each.status_code for each in (itself, into_gone, gone_elsewhere, gone_deleted, deleted)] == [409] * 5
    assert (nobody.status_code, absent.status_code, nameless.status_code) == (404, 404, 400)
    assert f"went into {b}" in into_gone.text


async def test_a_store_that_takes_no_writes_ends_the_moving_and_the_next_try_goes_on(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = Hand(by="anna")
    async with await here.client() as crm:
        firm = (await put(crm, name="Acme")).json()["id"]
        people = [await member(crm, firm, str(number)) for number in range(5)]
        monkeypatch.setattr(organisation_merge, "AT_ONCE", 2)
        with monkeypatch.context() as patch:
            patch.setattr(organisation_merge, "PATIENCE", 0.0)
            with pytest.raises(TryAgain, match="the rest goes then"):
                await all_move(here.log, firm, None, hand)
        await all_move(here.log, firm, None, hand)
        assert [await firm_of(crm, each) for each in people] == [None] * 5


async def test_a_name_that_somebody_else_made_a_moment_ago_is_not_made_twice(here: Place) -> None:
    decide = set_organisation(None, FirmChange(fields={"name": "Acme"}), Hand(by="anna"))
    keys = [key.of_organisation_called("ACME")]
    await here.log.decide(keys, decide)
    with pytest.raises(Refused, match="has this name by now"):
        await here.log.decide(keys, decide)
