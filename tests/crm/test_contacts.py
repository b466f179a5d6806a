"""People through the API: put under another system's id, found, merged and split, on both stores."""

from typing import Any

import httpx
import pytest

from tests.crm.serving import Place, rang, types, wrote

JANE = "jane@example.org"
NUMBER = "+493023125099"
MAIL = {"kind": "email", "value": JANE}
PHONE = {"kind": "phone", "value": NUMBER}


async def put(
    crm: httpx.AsyncClient, external_id: str = "4711", headers: dict[str, str] | None = None, **said: Any
) -> httpx.Response:
    return await crm.put(f"/v1/contacts/by/hubspot/{external_id}", json=said, headers=headers)


async def made(crm: httpx.AsyncClient, external_id: str = "4711", **said: Any) -> dict[str, Any]:
    answer = await put(crm, external_id, **said)
    assert answer.status_code in (200, 201), answer.text
    known: dict[str, Any] = answer.json()
    return known


async def known_by(crm: httpx.AsyncClient, identity: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await crm.get("/v1/contacts", params={"identity": identity})).json()["data"]
    return found


async def feed(here: Place, crm: httpx.AsyncClient, kinds: str) -> list[dict[str, Any]]:
    await here.numbered()
    events: list[dict[str, Any]] = (await crm.get("/v1/events", params={"types": kinds})).json()["data"]
    return events


async def test_a_crm_puts_a_contact_and_finds_it_by_every_identity(here: Place) -> None:
    async with await here.client() as crm:
        new = await put(
            crm, name="Jane Clarke", identities=[MAIL, {"kind": "phone", "value": "+49 30 23125099"}], tier="gold"
        )
        again = await put(crm, name="Jane Clarke", tier="gold")
        for identity in (JANE.upper(), NUMBER, "hubspot:4711"):
            assert [known["id"] for known in await known_by(crm, identity)] == [new.json()["id"]], identity
        bare_plus = await crm.get(f"/v1/contacts?identity={NUMBER}")
        events = await feed(here, crm, "contact.*")
    assert (new.status_code, again.status_code) == (201, 200)
    assert new.json()["links"] == [{"rel": "contact", "system": "hubspot", "type": None, "id": "4711", "url": None}]
    assert len(bare_plus.json()["data"]) == 1
    assert types(events) == ["contact.created"]
    assert again.json()["revision"] == 1


async def test_what_a_crm_leaves_out_stays_and_null_takes_away(here: Place) -> None:
    async with await here.client() as crm:
        await made(
            crm, name="Jane", tier="gold", language="de", wishes={"no_calls": True, "hours": "mon-fri 09:00-12:00"}
        )
        after = await made(crm, tier=None, timezone="Europe/Vienna", wishes={"brief": True})
        events = await feed(here, crm, "contact.*")
    assert (after["name"], after["tier"], after["language"], after["timezone"]) == ("Jane", None, "de", "Europe/Vienna")
    assert after["wishes"] == {
        "no_calls": True,
        "write_only": False,
        "call_only": False,
        "brief": True,
        "hours": "mon-fri 09:00-12:00",
    }
    assert types(events) == ["contact.created", "contact.updated"]


async def test_a_change_for_another_revision_is_refused_with_412(here: Place) -> None:
    async with await here.client() as crm:
        assert (await put(crm, headers={"If-Match": '"1"'}, name="Jane")).status_code == 412
        first = await put(crm, headers={"If-None-Match": "*"}, name="Jane")
        tag = (await crm.get(f"/v1/contacts/{first.json()['id']}")).headers["ETag"]
        assert tag == first.headers["ETag"] == '"1"'
        assert (await put(crm, headers={"If-Match": tag}, name="Jane Clarke")).status_code == 200
        late = await put(crm, headers={"If-Match": tag}, name="Jane Smith")
        assert (late.status_code, late.json()["type"]) == (412, "urn:commsd:problem:other-revision")
        assert (await put(crm, headers={"If-None-Match": "*"}, name="Jane")).status_code == 412
        assert (await put(crm, headers={"If-Match": "yesterday"}, name="Jane")).status_code == 400
        assert (await known_by(crm, "hubspot:4711"))[0]["name"] == "Jane Clarke"


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"language": "german!"}, "/language"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"owner": "nobody"}, "/owner"),
        ({"wishes": {"hours": "whenever"}}, "/wishes/hours"),
        ({"wishes": {"no_call": True}}, "/wishes/no_call"),
        ({"identities": [MAIL, {"kind": "phone", "value": "12"}]}, "/identities/1/value"),
        ({"identities": [{"kind": "email", "value": f"write to {JANE}"}]}, "/identities/0/value"),
        ({"identities": [{"kind": "email", "value": f"Jane <{JANE}>"}]}, "/identities/0/value"),
        ({"identities": [{"kind": "Hub Spot", "value": "1"}]}, "/identities/0/value"),
        ({"organisation_id": "01950000-0000-7000-8000-000000000100"}, "/organisation_id"),
        ({"url": "javascript:alert(1)"}, "/url"),
        ({"nickname": "J"}, "/nickname"),
    ],
)
async def test_what_cannot_be_used_is_named_and_nothing_is_recorded(
    here: Place, said: dict[str, Any], pointer: str
) -> None:
    async with await here.client() as crm:
        answer = await put(crm, **said)
        assert await known_by(crm, "hubspot:4711") == []
    assert answer.status_code == 400
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


async def test_calls_only_and_none_at_once_is_refused(here: Place) -> None:
    async with await here.client() as crm:
        await made(crm, wishes={"call_only": True})
        assert (await put(crm, wishes={"no_calls": True})).status_code == 409


async def test_a_crms_contact_is_the_one_who_wrote_before(here: Place) -> None:
    written = await wrote(here, JANE)
    async with await here.client() as crm:
        known = await made(crm, identities=[MAIL], name="Jane Clarke")
    assert known["id"] == written.contacts[0].id


async def test_prv_two_contacts_become_one_only_where_that_is_said(here: Place) -> None:
    by_mail, by_phone = (await wrote(here, JANE)).contacts[0], (await rang(here, NUMBER)).contacts[0]
    async with await here.client() as crm:
        guess = await put(crm, identities=[MAIL, PHONE])
        said = await made(crm, identities=[MAIL, PHONE], merge=True)
        gone = (await crm.get(f"/v1/contacts/{by_phone.id}")).json()
        events = types(await feed(here, crm, "contact.*"))
    assert guess.status_code == 409
    assert by_phone.id in guess.json()["detail"]
    assert said["id"] == by_mail.id
    assert gone["merged_into"] == by_mail.id
    assert "contact.merged" in events


async def test_an_identity_of_two_people_of_one_crm_is_ambiguous(here: Place) -> None:
    async with await here.client() as crm:
        one = await made(crm, "1", name="Jane", identities=[PHONE])
        two = await made(crm, "2", name="John", identities=[PHONE])
        both = await known_by(crm, NUMBER)
        call = (await rang(here, NUMBER)).interactions[0]
        assert {known["id"] for known in both} == {one["id"], two["id"]}
        assert (call.contact_id, call.contact_match) == (None, "ambiguous")
        await made(crm, "2", identities_removed=[PHONE])
        assert [known["id"] for known in await known_by(crm, NUMBER)] == [one["id"]]
        later = (await rang(here, NUMBER, sid="CA2")).interactions[0]
    assert (later.contact_id, later.contact_match) == (one["id"], "exact")


async def test_who_writes_as_name_plus_tag_is_known_by_the_inbox(here: Place) -> None:
    jane = (await wrote(here, JANE)).contacts[0]
    alias = (await wrote(here, "jane+shop@example.org", "Invoice")).interactions[0]
    other = (await wrote(here, "jane.shop@example.org", "Invoice")).interactions[0]
    assert (alias.contact_id, alias.contact_match) == (jane.id, "alias")
    assert other.contact_id != jane.id


async def test_a_merge_keeps_what_was_recorded_and_its_cases_go_on(here: Place) -> None:
    written, called = await wrote(here, JANE), await rang(here, NUMBER)
    gone, stays = called.contacts[0].id, written.contacts[0].id
    async with await here.client() as crm:
        first = await crm.post(f"/v1/contacts/{gone}/merge", json={"into": stays, "agent": "anna"})
        again = await crm.post(f"/v1/contacts/{gone}/merge", json={"into": stays, "agent": "anna"})
        events = await feed(here, crm, "contact.*")
        call = (await crm.get(f"/v1/interactions/{called.interactions[0].id}")).json()
        callback = (await crm.get("/v1/callbacks")).json()["data"][0]
        case = (await crm.get(f"/v1/cases/{called.cases[0].id}")).json()
        both = (await crm.get("/v1/interactions", params={"contact": stays})).json()["data"]
        cases = (await crm.get("/v1/cases", params={"contact": stays})).json()["data"]
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert {each["value"] for each in first.json()["identities"]} == {JANE, NUMBER}
    assert types(events).count("contact.merged") == 1
    assert next(e for e in events if e["type"] == "commsd.contact.merged.v1")["data"]["merged_into"] == stays
    assert call["contact_id"] == gone
    assert callback["contact_id"] == case["contact_id"] == stays
    assert case["clocks"]
    assert len(both) == 2
    assert len(cases) == 2
    later = await rang(here, NUMBER, sid="CA2")
    assert later.interactions[0].contact_id == stays
    assert later.interactions[0].case_id == called.cases[0].id


async def test_a_merge_that_cannot_be_is_refused_with_what_to_do(here: Place) -> None:
    async with await here.client() as crm:
        one, two, three = [(await made(crm, each))["id"] for each in "123"]
        assert (await crm.post(f"/v1/contacts/{one}/merge", json={"into": two})).status_code == 200
        for gone, into, status in ((one, three, 409), (three, one, 409), (two, two, 409), ("nobody", two, 404)):
            answer = await crm.post(f"/v1/contacts/{gone}/merge", json={"into": into})
            assert answer.status_code == status, (gone, into)
            assert answer.json()["remedy"]
        assert (await crm.post(f"/v1/contacts/{one}/merge", json={})).status_code == 400
        assert (await put(crm, "1", name="Jane")).json()["id"] == two


async def test_a_split_takes_the_case_along_and_is_done_once(here: Place) -> None:
    written, called = await wrote(here, JANE), await rang(here, NUMBER)
    stays = written.contacts[0].id
    async with await here.client() as crm:
        await crm.post(f"/v1/contacts/{called.contacts[0].id}/merge", json={"into": stays})
        split = await crm.post(f"/v1/contacts/{stays}/split", json={"identities": [PHONE]})
        again = await crm.post(f"/v1/contacts/{stays}/split", json={"identities": [PHONE]})
        strange = await crm.post(
            f"/v1/contacts/{stays}/split", json={"identities": [{"kind": "email", "value": "x@example.org"}]}
        )
        last = await crm.post(f"/v1/contacts/{stays}/split", json={"identities": [MAIL]})
        events = types(await feed(here, crm, "contact.*"))
        case = (await crm.get(f"/v1/cases/{called.cases[0].id}")).json()
        callback = (await crm.get("/v1/callbacks")).json()["data"][0]
        mail_case = (await crm.get(f"/v1/cases/{written.cases[0].id}")).json()
    new = split.json()
    assert (split.status_code, new["split_from"]) == (201, stays)
    assert again.json()["id"] == new["id"]
    assert strange.status_code == 409
    assert (last.status_code, last.json()["id"]) == (200, stays)  # they stand for themselves already
    assert events.count("contact.split") == 1
    assert case["contact_id"] == callback["contact_id"] == new["id"]
    assert mail_case["contact_id"] == stays


async def test_a_wrong_merge_is_undone_by_naming_the_contact_that_went(here: Place) -> None:
    written, called = await wrote(here, JANE), await rang(here, NUMBER)
    gone, stays = called.contacts[0].id, written.contacts[0].id
    async with await here.client() as crm:
        await crm.post(f"/v1/contacts/{gone}/merge", json={"into": stays})
        back = (await crm.post(f"/v1/contacts/{gone}/split", json={"identities": [PHONE]})).json()
        theirs = (await crm.get("/v1/interactions", params={"contact": stays})).json()["data"]
    assert (back["id"], back["merged_into"]) == (gone, None)
    assert [each["id"] for each in theirs] == [written.interactions[0].id]


async def test_prv_without_the_scope_nothing_personal_of_a_contact_is_shown(here: Place) -> None:
    async with await here.client() as crm, await here.client("events:read") as reader:
        known = await made(crm, name="Jane Clarke", identities=[MAIL])
        seen = (await reader.get(f"/v1/contacts/{known['id']}")).json()
        refused = await put(reader, name="Jane")
        denied = await reader.post(f"/v1/contacts/{known['id']}/merge", json={"into": known["id"]})
    assert (seen["name"], seen["identities"], seen["shared"]) == (None, None, None)
    assert set(seen["privacy"]["redactions"]) == {"/name", "/identities", "/shared"}
    assert (refused.status_code, denied.status_code) == (403, 403)


async def test_the_list_of_contacts_goes_on_where_the_page_ended(here: Place) -> None:
    async with await here.client() as crm:
        every = [(await made(crm, str(each)))["id"] for each in range(5)]
        first = (await crm.get("/v1/contacts", params={"limit": 2})).json()
        second = (await crm.get("/v1/contacts", params={"limit": 3, "after": first["next_cursor"]})).json()
    assert [known["id"] for known in (*first["data"], *second["data"])] == every
    assert (first["has_more"], second["has_more"]) == (True, False)


async def test_the_people_of_an_organisation_are_listed_with_those_of_one_that_went_into_it(here: Place) -> None:
    async with await here.client() as crm:
        firms = [
            (await crm.put(f"/v1/organisations/by/hubspot/{each}", json={"name": each})).json()["id"] for each in "ab"
        ]
        for each, firm in (("1", firms[0]), ("2", firms[1]), ("3", None)):
            identity = {"kind": "email", "value": f"p{each}@example.org"}
            await put(crm, each, identities=[identity], organisation_id=firm)
        path = f"/v1/contacts?organisation={firms[0]}"
        before = (await crm.get(path)).json()["data"]
        await crm.post(f"/v1/organisations/{firms[1]}/merge", json={"into": firms[0]})
        first = (await crm.get(f"{path}&limit=1")).json()
        second = (await crm.get(f"{path}&limit=1&after={first['next_cursor']}")).json()
        known = [(await crm.get(f"{path}&identity=p{each}@example.org")).json()["data"] for each in "123"]
        nobody = (await crm.get("/v1/contacts?organisation=nobody")).json()["data"]
    assert len(before) == 1
    assert [len(page["data"]) for page in (first, second)] == [1, 1]
    assert (first["has_more"], second["has_more"], nobody) == (True, False, [])
    assert [len(found) for found in known] == [1, 1, 0]


async def test_who_wants_no_calls_is_held_when_a_crm_says_so(here: Place) -> None:
    owed = (await rang(here, NUMBER)).callbacks[0]
    async with await here.client() as crm:
        await made(crm, identities=[PHONE], wishes={"no_calls": True})
        held = (await crm.get(f"/v1/callbacks/{owed.id}")).json()
    assert (held["state"], held["held"]) == ("held", "dnc")


async def test_log8_a_merge_or_put_under_one_idempotency_key_is_done_once(here: Place) -> None:
    again = {"Idempotency-Key": "one"}
    async with await here.client() as crm:
        first = await put(crm, headers=again, name="Jane")
        repeated = await put(crm, headers=again, name="Jane")
        other = await put(crm, headers=again, name="John")
        now = (await known_by(crm, "hubspot:4711"))[0]
    assert first.status_code == 201
    assert repeated.json() == first.json()
    assert (other.status_code, other.json()["type"]) == (422, "urn:commsd:problem:same-key-other-body")
    assert now["name"] == "Jane"


@pytest.mark.parametrize("thing", ["contacts", "organisations"])
async def test_an_id_of_another_system_may_have_a_slash_written_as_2f(here: Place, thing: str) -> None:
    async with await here.client() as crm:
        one = await crm.put(f"/v1/{thing}/by/hubspot/a%2F2041%2Fx", json={"name": "Jane"})
        two = await crm.put(f"/v1/{thing}/by/hubspot/a%2F2041%2Fx", json={"name": "Jane Clarke"})
        other = await crm.put(f"/v1/{thing}/by/hubspot/a", json={"name": "Bo"})
    assert (one.status_code, two.status_code, other.status_code) == (201, 200, 201)
    assert one.json()["id"] == two.json()["id"] != other.json()["id"]
    assert [link["id"] for link in two.json()["links"]] == ["a/2041/x"]


@pytest.mark.parametrize("external_id", [JANE, "sip:jane@example.org", NUMBER, "a:b"])
async def test_a_system_that_calls_people_by_their_address_finds_them_again(here: Place, external_id: str) -> None:
    async with await here.client() as crm:
        one = await put(crm, external_id, name="Jane")
        two = await put(crm, external_id, name="Jane Clarke")
        found = await known_by(crm, f"hubspot:{external_id}")
    assert (one.status_code, two.status_code) == (201, 200)
    assert [each["id"] for each in found] == [one.json()["id"]] == [two.json()["id"]]


async def test_prv_an_id_that_is_an_address_is_shown_to_nobody_without_the_scope(here: Place) -> None:
    async with await here.client() as crm, await here.client("events:read") as reader:
        for external_id in (JANE, NUMBER, "4711"):
            await put(crm, external_id, name="Jane")
        await here.numbered()
        texts = [(await reader.get(path)).text for path in ("/v1/contacts", "/v1/events")]
    for text in texts:
        assert JANE not in text
        assert NUMBER not in text
        assert "4711" in text


async def test_an_id_of_a_system_is_never_shared(here: Place) -> None:
    theirs = {"kind": "hubspot", "value": "1"}
    async with await here.client() as crm:
        one = await made(crm, "1", name="Jane")
        refused = await put(crm, "2", name="John", identities=[theirs])
        again = await put(crm, "1", tier="gold")
        both = await put(crm, "2", identities=[theirs], merge=True)
    assert refused.status_code == 409
    assert one["id"] in refused.json()["detail"]
    assert (again.status_code, again.json()["id"], again.json()["shared"]) == (200, one["id"], [])
    assert {"kind": "hubspot", "value": "1"} in both.json()["identities"]


async def test_a_merge_into_who_went_on_is_undone_too(here: Place) -> None:
    async with await here.client() as crm:
        one, two, three = [
            (await made(crm, each, identities=[{"kind": "email", "value": f"{each}@a.example"}]))["id"]
            for each in "123"
        ]
        for gone, into in ((one, two), (two, three)):
            await crm.post(f"/v1/contacts/{gone}/merge", json={"into": into})
        known = await crm.post(f"/v1/contacts/{one}/merge", json={"into": three})
        back = await crm.post(
            f"/v1/contacts/{one}/split", json={"identities": [{"kind": "email", "value": "1@a.example"}]}
        )
    assert (known.status_code, known.json()["id"]) == (200, three)
    assert (back.status_code, back.json()["id"], back.json()["merged_into"]) == (200, one, None)


async def test_more_identities_at_once_than_can_be_decided_on_are_refused(here: Place) -> None:
    many = [{"kind": "email", "value": f"{each}@example.org"} for each in range(201)]
    async with await here.client() as crm:
        assert (await put(crm, identities=many)).status_code == 400
        assert (await put(crm, identities=many[:200])).status_code == 201
        assert (await put(crm, identities={})).status_code == 400
