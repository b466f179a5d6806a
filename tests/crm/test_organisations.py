"""Firms through the API: put under another system's id, found by their marks, and people in them; on both stores."""

from typing import Any

import httpx
import pytest

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
