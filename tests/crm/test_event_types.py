"""Every type of event that interface.md promises comes out of the product at work, and fits what was promised of it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx

from commsd.core import key
from commsd.core.change import change_of
from commsd.core.entry import Hand
from commsd.core.interaction import Outcome
from commsd.core.open_items import Terms
from commsd.core.policy import ClockKind, Target
from commsd.crm.actions import hold_case, release_case
from commsd.crm.schema.catalogue import event_types
from commsd.sla.notice.escalation import Escalation
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from tests.channels.mail.test_watchman import House
from tests.crm.serving import Place, mail_from, rang, wrote
from tests.crm.test_schemas import judged
from tests.crm.webhook.desk import FIRM, NOTICES, Desk, said
from tests.fakes.receiver import receiving
from tests.house import STANDARD, TERMS
from tests.sla.rules.test_in_force import answering_within
from tests.world import ScriptedWorld

BO = "bo@example.org"
HOUR = timedelta(hours=1)

Do = Callable[..., Awaitable[dict[str, Any]]]


async def test_evt2_every_type_is_told_by_the_product_at_work_and_fits_its_schema(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    desk = Desk(here.log, scripted_world, head=here.sequencer.head)
    async with receiving() as full, receiving() as thin, await here.client() as crm:
        await desk.hooks.add("full", full.url(), full=True)
        await desk.hooks.add("thin", thin.url())
        await _matters(here, scripted_world, crm)
        await _held(here)
        await _calls(here, scripted_world, crm)
        await _people(here, crm)
        await _channels(here, scripted_world)
        await here.numbered()
        await desk.settled()
        async with await here.client("events:read") as other:
            for reader in (crm, other):
                events = await _feed(reader)
                assert {event["type"] for event in events} == set(event_types())
                for event in events:
                    judged(event)
    ids = {event["id"] for event in events}
    for receiver in (full, thin):
        bodies = [said(heard.body) for heard in receiver.heard]
        assert {body["id"] for body in bodies} == ids
        for body in bodies:
            judged(body, thin=receiver is thin)


async def _matters(here: Place, world: ScriptedWorld, crm: httpx.AsyncClient) -> None:
    """Two mails: one is held, late, answered, the answer taken back; the other goes into it. Other rules come."""
    do, rules = _doing(crm), Rules(here.log)
    await rules.bring_in(TERMS.versions[0], {}, world.now)
    case = (await wrote(here)).cases[0].id
    other = (await wrote(here, BO)).cases[0].id
    await do(f"/v1/cases/{case}/set", priority="high")
    await do(f"/v1/cases/{case}/hold", reason="supplier")
    await do(f"/v1/cases/{case}/release")
    world.advance(HOUR * 3.5)
    await _escalated(here, rules)
    plan = rules.plan(answering_within(6), world.now, None, "running")
    await rules.accept(plan, {}, world.now, "cli:test")
    world.advance(timedelta(seconds=1))
    await _escalated(here, rules)
    answer = await do("/v1/interactions", channel="email", direction="outbound", case_id=case, agent="anna")
    await do(f"/v1/interactions/{answer['id']}/partial", agent="anna")
    await do(f"/v1/interactions/{answer['id']}/void", why="meant for another case", agent="anna")
    await do(f"/v1/cases/{case}/close", agent="anna", note="done")
    await do(f"/v1/cases/{case}/reopen", agent="anna")
    await do(f"/v1/cases/{case}/merge", into=other, agent="anna")


async def _held(here: Place) -> None:
    """A case whose time to be solved does not count while a supplier is waited for."""
    solved = Target(duration=HOUR * 8, pause_on=frozenset({"supplier"}))
    policy = replace(STANDARD, targets={**STANDARD.targets, ClockKind.RESOLUTION: solved})
    terms = Terms(versions=(replace(TERMS.versions[0], policies={"standard": policy}),))
    fact = mail_from("mia@example.org")
    change = await here.log.decide(
        key.of_addresses("mia@example.org"), lambda items: change_of(fact(items), items, terms)
    )
    case, hand = change.cases[0].id, Hand(by="anna")
    await here.log.decide((key.of_case(case),), hold_case(case, hand, terms, reason="supplier"))
    await here.log.decide((key.of_case(case),), release_case(case, hand, terms))


async def _calls(here: Place, world: ScriptedWorld, crm: httpx.AsyncClient) -> None:
    """A call owed: claimed, given back until the lead has it, tried, made, the talk taken back, not wanted, closed."""
    do = _doing(crm)
    owed = (await rang(here)).callbacks[0]
    path = f"/v1/callbacks/{owed.id}"
    await rang(here, sid="CA2")
    for _ in range(3):
        await do(f"{path}/claim", agent="anna")
        await do(f"{path}/release", agent="anna", why="asks for a technician")
    await do(f"{path}/release", agent="anna")
    await do(f"{path}/result", result="voicemail", agent="anna")
    world.advance(timedelta(minutes=5))
    talk = (await rang(here, sid="CA3", outcome=Outcome.REACHED)).interactions[0]
    await do(f"/v1/interactions/{talk.id}/void", why="it was a wrong number", agent="anna")
    phone = {"kind": "phone", "value": "+493023125099"}
    await do("/v1/contacts/by/hubspot/1", "PUT", identities=[phone], wishes={"no_calls": True})
    await do(f"{path}/close", agent="anna", note="does not want it")


async def _people(here: Place, crm: httpx.AsyncClient) -> None:
    """Somebody new; two who are one, and two again; one who wants to be forgotten. A firm, and its new name."""
    do = _doing(crm)
    await do("/v1/organisations/by/hubspot/7", "PUT", name="Acme")
    firm = await do("/v1/organisations/by/hubspot/7", "PUT", name="Acme Ltd")
    other = await do("/v1/organisations/by/hubspot/8", "PUT", name="Acme Limited")
    await do(f"/v1/organisations/{other['id']}/merge", into=firm["id"], agent="anna")
    assert (await crm.delete(f"/v1/organisations/{firm['id']}")).is_success
    email = {"kind": "email", "value": BO}
    stays = await do("/v1/contacts/by/hubspot/2", "PUT", name="Cleo", identities=[])
    (gone,) = (await crm.get("/v1/contacts", params={"identity": BO})).json()["data"]
    await do(f"/v1/contacts/{gone['id']}/merge", into=stays["id"], agent="anna")
    again = await do(f"/v1/contacts/{stays['id']}/split", identities=[email], agent="anna")
    await wrote(here, BO, "Once more")
    erased = await crm.delete(f"/v1/contacts/{again['id']}?even_if_owed=true")
    assert erased.is_success, erased.text


async def _channels(here: Place, world: ScriptedWorld) -> None:
    """A mailbox goes deaf and comes back."""
    house = House(here.log, world)
    await house.goes_on(timedelta(minutes=2))
    await house.dies("support")
    await house.goes_on(HOUR)
    house.silent.clear()
    await house.goes_on(HOUR)


async def _escalated(here: Place, rules: Rules) -> None:
    duty = Escalation(FIRM, NOTICES, here.log, Claims(here.log, here.world, "node/1"), rules, here.world)
    while await duty.once():
        pass


async def _feed(crm: httpx.AsyncClient) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await crm.get("/v1/events", params={"limit": "500", **cursor})).json()
        events += page["data"]
        cursor = {"after": page["next_cursor"]}
        if not page["has_more"]:
            return events


def _doing(crm: httpx.AsyncClient) -> Do:
    async def do(path: str, method: str = "POST", **body: object) -> dict[str, Any]:
        answer = await crm.request(method, path, json=body)
        assert answer.is_success, (path, answer.text)
        told: dict[str, Any] = answer.json()
        return told

    return do
