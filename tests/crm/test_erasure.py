"""A person is erased: no byte of them is left, the log keeps its order, and the world is told so that it erases too."""

import asyncio
import hashlib
import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from commsd.channels.phone.dial.step import journal_name
from commsd.core import key
from commsd.core.callback import Attempt, Callback
from commsd.core.change import Answer, Change, LogicalKey, Original, OwedOriginal, change_of
from commsd.core.contact import Identity
from commsd.core.entry import Hand, Result, Said
from commsd.core.event import Event
from commsd.core.external_link import ExternalLink
from commsd.core.interaction import (
    MESSAGE_ID,
    Actor,
    Channel,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Direction,
    ExternalId,
    Kind,
    Outcome,
    Party,
    Role,
    Stored,
)
from commsd.core.open_items import OpenItems
from commsd.core.opt_out import OptOut
from commsd.core.refusal import Refusal
from commsd.crm.call_actions import callback_result
from commsd.crm.erasure import Erased, erase
from commsd.errors import NotFound, Refused, TryAgain
from commsd.store import crm_schema, schema
from commsd.store.journal import Journal, Webhook
from commsd.store.originals import keep_original, settle_original
from tests.crm.serving import Fact, Place, call_from, mail_from, place, types
from tests.house import TERMS, items_of
from tests.neighbours.postgres import Postgres
from tests.traces import needles, traces
from tests.world import ScriptedWorld

ANNA = Hand(by="anna", agent_id="anna", agent="Anna Berg")
NAME, ADDRESS, NUMBER = "Xaviera Quillfeather", "xaviera.quillfeather@zeppelinwerft.example", "+493023125977"
SUBJECT, WORDS = "Grammofonnadel kratzt", "Die Mohnblumenvase zersprang"
SID = "CA00000000000000000000000000abcdef"
OTHER = "olaf@example.org"


SECRETS = (
    *NAME.split(),
    *(ADDRESS, ADDRESS.partition("@")[0], "zeppelinwerft"),
    *(NUMBER, NUMBER[1:], "030 23125977", SID),
    *("Grammofonnadel", "Mohnblumenvase", "zersprang"),
)
NEEDLES = needles(SECRETS)


def found_in(content: bytes) -> list[bytes]:
    return traces(content, NEEDLES)


def raw_mail() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"{NAME} <{ADDRESS}>", "support@example.com", SUBJECT
    mail.set_content(WORDS, cte="base64")
    return mail.as_bytes()


async def lived(here: Place) -> str:
    """Somebody wrote, rang, was texted, left a message, was told and talked of; all is answered and closed."""
    content = raw_mail()
    kept = Original(sha256=hashlib.sha256(content).hexdigest(), media_type="message/rfc822", content=content)
    fact = mail_from(
        ADDRESS,
        SUBJECT,
        NAME,
        preview=WORDS,
        original=Stored(kept.sha256, kept.media_type, len(content)),
        external_ids=(ExternalId(MESSAGE_ID, f"17.{NAME.split()[0]}@zeppelinwerft.example"),),
        status_raw=f"250 queued for {ADDRESS}",
        attachments=(Stored("ef" * 32, "image/png", 12, name=f"{NAME}.png"),),
    )

    def wrote(items: OpenItems) -> Change:
        change = change_of(fact(items), items, TERMS)
        (first,) = change.interactions
        owed = Delivery(
            id=items.new_id(),
            kind=DeliveryKind.ACK,
            key=f"ack:{first.id}",
            via="support",
            recipient=ADDRESS,
            payload=content,
            created_at=items.now,
            due_at=items.now,
            state=DeliveryState.SENT,
            settled_at=items.now,
            interaction_id=first.id,
            case_id=first.case_id,
            status_raw=f"250 {ADDRESS}",
        )
        note = replace(
            owed, id=items.new_id(), kind=DeliveryKind.NOTICE, key=f"told:{first.id}", recipient="anna@example.com"
        )
        several = replace(note, id=items.new_id(), key="told:several", interaction_id=None, case_id=None)
        refused = Refusal(
            address=ADDRESS,
            mailbox="support",
            since=items.now,
            until=items.now + timedelta(days=1),
            interaction_id=None,
        )
        return change + Change(
            originals=(kept,),
            keys=(LogicalKey(key="seen-once", interaction_id=first.id),),
            deliveries=(owed, note, several),
            refusals=(refused,),
            opt_outs=(OptOut(number=NUMBER, channel="sms", since=items.now, word="STOP"),),
        )

    first = (await here.log.decide(key.of_addresses(ADDRESS), wrote)).interactions[0]
    contact_id = first.contact_id or ""

    def named(items: OpenItems) -> Change:
        contact = items.people[contact_id]
        known = replace(
            contact,
            revision=contact.revision + 1,
            name=NAME,
            identities=(*contact.identities, Identity("phone", NUMBER), Identity("hubspot", "zeppelinwerft-1")),
            links=(ExternalLink(rel="contact", system="hubspot", id="zeppelinwerft-1"),),
        )
        return Change(contacts=(known,), events=(Event("contact.updated", known, items.now, "anna"),))

    await here.log.decide((key.of_contact(contact_id),), named)
    await Journal(here.log).append(
        Webhook(
            call_sid=SID,
            route="/twilio/voice",
            step="incoming",
            url=f"https://calls.example.com/twilio/voice?From={urllib.parse.quote(NUMBER)}",
            fields={"From": NUMBER, "CallSid": SID, "CallerName": NAME},
            received_at=here.world.now(),
        )
    )
    rang = call_from(NUMBER, SID)

    async def sound() -> AsyncIterator[bytes]:
        yield NAME.encode()
        yield WORDS.encode()

    voice = await keep_original(here.log, here.world, sound(), "audio/mpeg")

    def missed(items: OpenItems) -> Change:
        call = replace(rang(items), original=voice, preview=WORDS)
        answer = Answer(call_sid=SID, step="incoming", body=f"<Response><Say>{NAME}</Say></Response>".encode())
        return change_of(call, items, TERMS) + Change(answers=(answer,))

    change = await here.log.decide((*key.of_addresses(NUMBER), key.of_call(SID)), missed)
    (owed_call,) = change.callbacks
    await dialled(here, owed_call)
    spoken = Said(result=Result.REACHED, note=f"{NAME} said: {WORDS}")
    await here.log.decide((key.of_callback(owed_call.id),), callback_result(owed_call.id, spoken, ANNA, TERMS))
    answered = Fact(
        channel=Channel.EMAIL,
        kind=Kind.MESSAGE,
        direction=Direction.OUTBOUND,
        actor=Actor.AGENT,
        outcome=Outcome.REACHED,
        mailbox="support",
        subject=f"Re: {SUBJECT}",
        parties=(Party(Role.FROM, "anna@example.com", "Anna Berg"), Party(Role.TO, ADDRESS, NAME)),
        external_ids=(ExternalId(MESSAGE_ID, "answer@example.com"),),
    )
    await here.happened(*key.of_addresses(ADDRESS), fact=answered)
    others = mail_from(OTHER, "Ours", parties=(Party(Role.FROM, OTHER, "Olaf"), Party(Role.CC, ADDRESS.title(), NAME)))
    await here.happened(*key.of_addresses(OTHER), fact=others)
    return contact_id


async def dialled(here: Place, callback: Callback) -> None:
    """We rang them back once, in vain; what Twilio asked and heard meanwhile is kept under the attempt's name."""
    attempt = Attempt(at=here.world.now(), by="anna", result="no_answer", id=here.world.new_id(), call_sid="CAours")
    name = journal_name(attempt.id or "")
    asked = Webhook(
        call_sid=name,
        route="/twilio/dial",
        step="leg",
        url="https://calls.example.com/twilio/dial",
        fields={"To": NUMBER, "CallSid": "CAtheirs"},
        received_at=here.world.now(),
    )
    await Journal(here.log).append(asked)
    brief = Answer(call_sid=name, step="brief-1", body=f"<Response><Say>{NAME}: {WORDS}</Say></Response>".encode())
    tried = Change(
        callbacks=(replace(callback, revision=callback.revision + 1, attempts=(attempt,)),), answers=(brief,)
    )
    await here.log.decide((key.of_callback(callback.id), key.of_call(name)), lambda _: tried)


async def erased(here: Place, contact_id: str, **more: Any) -> Erased:
    return await erase(here.log, contact_id, ANNA, TERMS, **{"even_if_owed": True, **more})


async def every_row(here: Place) -> bytes:
    """All tables, as text."""

    def read(connection: Any) -> bytes:
        found = []
        for table in schema.metadata.sorted_tables:
            found += [f"{table.name} {dict(row._mapping)!r}" for row in connection.execute(select(table))]
            found += [str(v) for row in connection.execute(select(table)) for v in row if isinstance(v, bytes)]
        return "\n".join(found).encode()

    return await here.log.read(read)


async def test_prv_1_an_erased_person_is_in_no_row_of_any_table(here: Place) -> None:
    contact_id = await lived(here)
    await here.numbered()
    assert len(found_in(await every_row(here))) > 10
    counts = await erased(here, contact_id)
    assert counts.interactions >= 4
    assert counts.mentions == 1
    assert found_in(await every_row(here)) == []
    await here.numbered()
    assert found_in(await every_row(here)) == []


async def test_prv_1_events_not_numbered_yet_are_erased_too(here: Place) -> None:
    contact_id = await lived(here)
    await erased(here, contact_id)
    assert found_in(await every_row(here)) == []
    await here.numbered()
    assert found_in(await every_row(here)) == []


async def feed_of(here: Place, *scopes: str) -> list[dict[str, Any]]:
    async with await here.client(*scopes) as client:
        events: list[dict[str, Any]] = (await client.get("/v1/events?limit=1000")).json()["data"]
    return events


async def test_prv_1_numbers_stay_dense_and_old_events_keep_their_envelope(here: Place) -> None:
    contact_id = await lived(here)
    await here.numbered()
    before = await feed_of(here, "events:read", "events:read:pii")
    await erased(here, contact_id, even_if_owed=True)
    await here.numbered()
    for scopes in (("events:read",), ("events:read", "events:read:pii")):
        after = await feed_of(here, *scopes)
        assert [int(event["sequence"]) for event in after] == list(range(1, len(after) + 1))
        for old, now in zip(before, after, strict=False):
            assert {k: v for k, v in old.items() if k not in ("data", "dataclassification")} == {
                k: v for k, v in now.items() if k not in ("data", "dataclassification")
            }
            theirs = now["data"].get("contact_id") == contact_id or now["data"]["id"] == contact_id
            if theirs and old["type"].split(".")[1] in ("interaction", "contact", "case", "callback"):
                assert now["data"]["privacy"]["erased_at"]
                assert now["data"]["revision"] == old["data"]["revision"]
    told = types(after)[len(before) :]
    assert told.count("contact.erased") == 1
    assert told.count("interaction.erased") >= 4
    assert await here.log.read(lambda c: c.execute(select(crm_schema.erasures.c.contact_id)).scalars().all()) == [
        contact_id
    ]


async def test_prv_1_events_of_other_people_are_as_they_were(here: Place) -> None:
    contact_id = await lived(here)
    await here.numbered()
    before = {event["id"]: event for event in await feed_of(here, "events:read", "events:read:pii")}
    await erased(here, contact_id)
    after = {event["id"]: event for event in await feed_of(here, "events:read", "events:read:pii")}
    others = [event for event in before.values() if "Olaf" in str(event) and "contact." in event["type"]]
    assert others
    assert all(after[event["id"]] == event for event in others)
    said = next(
        e for e in after.values() if e["type"].startswith("commsd.interaction.") and e["data"]["subject"] == "Ours"
    )
    assert [party["address"] for party in said["data"]["parties"]] == [OTHER]


async def test_prv_1_who_writes_again_after_an_erasure_is_a_new_contact_with_a_new_case(here: Place) -> None:
    contact_id = await lived(here)
    await erased(here, contact_id)
    again = mail_from(ADDRESS, f"Re: {SUBJECT}", NAME, external_ids=(ExternalId(MESSAGE_ID, "new@z.example"),))
    keys = (*key.of_addresses(ADDRESS), key.of_message_id("answer@example.com"))
    change = await here.happened(*keys, fact=again)
    (contact,) = change.contacts
    assert contact.id != contact_id
    (case,) = change.cases
    assert (case.contact_id, case.related_to) == (contact.id, None)


async def test_log_9_a_mail_of_an_erased_person_that_comes_again_is_known(here: Place) -> None:
    contact_id = await lived(here)
    await erased(here, contact_id)
    items = await items_of(here.log, key.of_logical("seen-once"), key.of_call(SID))
    assert set(items.known) == {key.of_logical("seen-once"), key.of_call(SID)}


async def test_prv_1_what_comes_late_about_somebody_erased_is_not_kept(here: Place) -> None:
    contact_id = await lived(here)
    await erased(here, contact_id)
    call = (await items_of(here.log, key.of_call(SID))).known[key.of_call(SID)]

    words = WORDS.encode()
    text = Stored(hashlib.sha256(words).hexdigest(), "text/plain", len(words))

    def late(items: OpenItems) -> Change:
        fact = replace(call, revision=call.revision + 1, preview=WORDS, attachments=(text,))
        event = Event("interaction.updated", fact, items.now, "machine")
        kept = Original(sha256=text.sha256, media_type=text.media_type, content=words)
        return Change(interactions=(fact,), events=(event,), originals=(kept,))

    await here.log.decide((key.of_call(SID),), late)

    async def fetched() -> AsyncIterator[bytes]:
        yield raw_mail()

    stored = await keep_original(here.log, here.world, fetched(), "message/rfc822")
    owed = OwedOriginal(interaction_id=call.id, place="support/INBOX", uidvalidity=1, uid=1)
    await settle_original(here.log, owed, stored)
    assert found_in(await every_row(here)) == []


async def test_prv_1_who_said_stop_is_not_texted_after_an_erasure_until_they_lift_it(here: Place) -> None:
    await erased(here, await lived(here))
    again = await items_of(here.log, *key.of_addresses(NUMBER))
    assert (again.contacts, [each.word for each in again.opt_outs]) == ({}, ["STOP"])
    start = OptOut(number=NUMBER, channel="sms", since=again.now, word="START", lifted=True)
    await here.log.decide(key.of_addresses(NUMBER), lambda _: Change(opt_outs=(start,)))
    assert (await items_of(here.log, *key.of_addresses(NUMBER))).opt_outs == ()


async def test_prv_1_erasing_is_refused_while_something_is_owed_and_says_what(here: Place) -> None:
    owed = await here.happened(*key.of_addresses(NUMBER), key.of_call(SID), fact=call_from(NUMBER, SID))
    contact_id = owed.contacts[0].id
    with pytest.raises(Refused, match=owed.callbacks[0].id) as refused:
        await erased(here, contact_id, even_if_owed=False)
    assert owed.cases[0].id in str(refused.value)
    assert NUMBER not in str(refused.value)
    await erased(here, contact_id)
    items = await items_of(here.log, key.of_callback(owed.callbacks[0].id), key.of_case(owed.cases[0].id))
    (callback,) = items.callbacks
    assert (callback.open, callback.number, callback.closed_at is not None) == (False, None, True)
    assert items.files[owed.cases[0].id].case.state == "closed"
    assert not [clock for clock in items.files[owed.cases[0].id].clocks if clock.owed]


async def test_prv_1_nobody_is_erased_while_a_mail_to_them_leaves(here: Place) -> None:
    contact_id = await lived(here)
    table = schema.deliveries
    await here.log.writer.write(
        lambda c: c.execute(update(table).where(table.c.kind == "ack").values(state="sending")).close()
    )
    with pytest.raises(TryAgain):
        await erased(here, contact_id)


async def test_prv_1_what_was_not_sent_yet_is_suppressed(here: Place) -> None:
    contact_id = await lived(here)
    table = schema.deliveries
    await here.log.writer.write(
        lambda c: c.execute(update(table).where(table.c.kind == "ack").values(state="queued")).close()
    )
    await erased(here, contact_id)
    rows = await here.log.read(lambda c: c.execute(select(table.c.state, table.c.reason, table.c.payload)).all())
    assert ("suppressed", "erased", None) in [tuple(row) for row in rows]


def notice(text: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "support@example.com", "anna@example.com", "3 cases are due"
    mail.set_content(text, cte="base64")
    return mail.as_bytes()


async def noticed(here: Place, case_id: str, **payloads: bytes) -> None:
    """Notices over several cases that did not go yet; what was put into the first, the person's case and another's."""

    def decide(items: OpenItems) -> Change:
        def owed(name: str, **more: Any) -> Delivery:
            given: dict[str, Any] = {
                "kind": DeliveryKind.NOTICE,
                "recipient": "anna@example.com",
                "via": "support",
                "key": name,
            }
            given |= {"id": items.new_id(), "created_at": items.now, "due_at": items.now, "payload": b"{}"}
            return Delivery(**given | more)

        told: dict[str, Any] = {"kind": DeliveryKind.TELLING, "state": DeliveryState.SENT, "settled_at": items.now}
        theirs = owed("mine", case_id=case_id, **told)
        others = owed("others", case_id="0195a1b2-0000-7000-8000-00000000000a", **told)
        notices = [owed(name.replace("_", ":"), payload=payload) for name, payload in payloads.items()]
        return Change(deliveries=(theirs, others, *notices))

    await here.log.decide((), decide)


async def test_prv_1_a_queued_notice_that_quotes_the_person_does_not_go_and_others_in_it_are_told_again(
    here: Place,
) -> None:
    contact_id = await lived(here)
    case_id = await here.log.read(
        lambda c: c.execute(select(schema.cases.c.id).where(schema.cases.c.contact_id == contact_id)).scalars().first()
    )
    assert case_id
    away = {
        "told_1": notice(f"Case {case_id}"),
        "digest_1": notice(f"- answer owed to {NAME}"),
        "calls_1": notice("Missed call: 030 23125977, twice"),
        "hook_1": f'{{"text":"{ADDRESS}"}}'.encode(),
    }
    kept = {"digest_2": notice("- answer owed to Olaf"), "hook_2": b'{"text":"+493023125061"}'}
    await noticed(here, case_id, **away, **kept)
    await erased(here, contact_id)
    table = schema.deliveries
    rows = await here.log.read(lambda c: c.execute(select(table)).all())
    found = {row.key: row for row in rows}
    assert {"digest:2", "hook:2"} <= set(found)
    assert {found[each].payload for each in ("digest:2", "hook:2")} == set(kept.values())
    dropped = [row for row in rows if row.key.startswith("erased:")]
    assert [(row.state, row.payload) for row in dropped] == [("suppressed", None)] * len(away)
    assert (found["others"].state, found["others"].settled_at, found["others"].payload) == ("queued", None, b"{}")
    assert (found["mine"].state, found["mine"].payload) == ("sent", None)
    assert found_in(await every_row(here)) == []


async def test_prv_1_nobody_is_erased_while_a_notice_that_quotes_them_leaves(here: Place) -> None:
    contact_id = await lived(here)
    await noticed(here, "0195a1b2-0000-7000-8000-00000000000b", digest_1=notice(f"- answer owed to {ADDRESS}"))
    leaving = update(schema.deliveries).where(schema.deliveries.c.key == "digest:1").values(state="sending")
    await here.log.writer.write(lambda c: c.execute(leaving).close())
    with pytest.raises(TryAgain):
        await erased(here, contact_id)


async def test_prv_1_an_erasure_that_was_cut_short_is_finished_by_the_next(here: Place) -> None:
    contact_id = await lived(here)

    def stop(_done: int, _of: int) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await erased(here, contact_id, tell=stop)
    assert found_in(await every_row(here))
    await erased(here, contact_id)
    assert found_in(await every_row(here)) == []
    again = await erased(here, contact_id)
    assert (again.interactions, again.cases) == (0, 0)


async def test_many_open_cases_are_closed_and_erased_in_few_commits(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enough of them that who decides meanwhile gets between; few enough that nobody waits for the disk so often."""
    for number in range(120):
        facts = mail_from(ADDRESS, f"Matter {number}", external_ids=(ExternalId(MESSAGE_ID, f"{number}@z.example"),))
        change = await here.happened(*key.of_addresses(ADDRESS), fact=facts)
    contact_id = change.cases[0].contact_id or ""
    commits: list[int] = []
    commit = here.log.engine.commit

    async def counted(f: Any, *more: Any) -> Any:
        commits.append(1)
        return await commit(f, *more)

    monkeypatch.setattr(here.log.engine, "commit", counted)
    counts = await erased(here, contact_id)
    assert counts.cases == 120
    assert 6 <= len(commits) <= 20


async def test_an_id_nobody_has_is_not_erased(here: Place) -> None:
    with pytest.raises(NotFound):
        await erased(here, "0195a1b2-0000-7000-8000-00000000ffff")


async def test_prv_1_a_text_that_somebody_else_sent_too_is_kept_for_them(here: Place) -> None:
    content = b"STOP"
    kept = Original(sha256=hashlib.sha256(content).hexdigest(), media_type="text/plain", content=content)
    stored = Stored(kept.sha256, kept.media_type, len(content))
    people = []
    for address in (ADDRESS, OTHER):
        fact = mail_from(address, "Text", original=stored)

        def sent(items: OpenItems, fact: Fact = fact) -> Change:
            return change_of(fact(items), items, TERMS) + Change(originals=(kept,))

        change = await here.log.decide(key.of_addresses(address), sent)
        people.append(change.contacts[0].id)
    for left, contact_id in ((1, people[0]), (0, people[1])):
        await erased(here, contact_id)
        assert (
            await here.log.read(lambda c: c.execute(select(func.count()).select_from(schema.originals)).scalar())
            == left
        )


@pytest.mark.parametrize("mails", [1, 150])
async def test_prv_1_an_erased_person_is_in_no_byte_of_the_database_files(
    here: Place, store_url: str, request: pytest.FixtureRequest, mails: int
) -> None:
    contact_id = await wrote_much(here, mails)
    assert found_in_files(database_files(store_url, request))  # the search finds what is there
    await erased(here, contact_id)
    await here.numbered()
    assert await here.log.engine.tidy()
    files = database_files(store_url, request, anew=True)
    assert any(b"olaf" in path.read_bytes() for path in files)  # what we look through is the database
    assert found_in_files(files) == {}


async def test_prv_1_where_sqlite_does_not_overwrite_what_it_deletes_the_bytes_are_found(
    sqlite_url: str, scripted_world: ScriptedWorld
) -> None:
    """The control of the test above: without `secure_delete` the same search finds the person in free pages."""
    async with place(sqlite_url, scripted_world.world) as here:
        contact_id = await wrote_much(here, 150)
        await here.log.writer.write(lambda c: c.exec_driver_sql("PRAGMA secure_delete = OFF").close())
        await erased(here, contact_id)
        assert await here.log.engine.tidy()
        assert found_in(await every_row(here)) == []
        assert found_in_files(sqlite_files(sqlite_url))


async def wrote_much(here: Place, mails: int) -> str:
    """The person lived and wrote so many mails, and as many others wrote one each."""
    contact_id = await lived(here)
    for number in range(mails):
        parties = (Party(Role.FROM, ADDRESS, f"{NAME} {number}"),)
        ids = (ExternalId(MESSAGE_ID, f"{number}.zeppelinwerft@mail.example"),)
        fact = mail_from(
            ADDRESS, f"{SUBJECT} {number}", parties=parties, preview=WORDS * (number % 5), external_ids=ids
        )
        await here.happened(*key.of_addresses(ADDRESS), fact=fact)
        other = f"olaf{number}@example.org"
        await here.happened(*key.of_addresses(other), fact=mail_from(other, f"Ours {number}"))
    await here.numbered()
    return contact_id


def found_in_files(files: list[Path]) -> dict[str, list[bytes]]:
    return {str(path): found for path in files if (found := found_in(path.read_bytes()))}


def database_files(url: str, request: pytest.FixtureRequest, *, anew: bool = False) -> list[Path]:
    """With what waited in memory. anew: once the tables of PostgreSQL were written anew."""
    if url.startswith("sqlite"):
        return sqlite_files(url)
    server: Postgres = request.getfixturevalue("postgres")
    return server.files(url, anew=anew)


def sqlite_files(url: str) -> list[Path]:
    path = Path(url.removeprefix("sqlite:///"))
    return sorted(path.parent.glob(f"{path.name}*"))


async def test_prv_1_delete_over_http_erases_and_is_audited(here: Place) -> None:
    contact_id = await lived(here)
    await here.happened(*key.of_addresses(NUMBER), key.of_call("CA2"), fact=call_from(NUMBER, "CA2"))
    async with await here.client("events:read", "events:read:pii", "contacts:write", "admin") as client:
        owed = await client.delete(f"/v1/contacts/{contact_id}")
        assert owed.status_code == 409
        assert "even_if_owed" in owed.text
        done = await client.delete(f"/v1/contacts/{contact_id}?even_if_owed=true")
        assert done.status_code == 200, done.text
        assert done.json()["privacy"]["erased_at"]
        assert (done.json()["name"], done.json()["identities"]) == (None, None)
        again = await client.delete(f"/v1/contacts/{contact_id}")
        assert again.json() == done.json()
        assert (await client.delete("/v1/contacts/0195a1b2-0000-7000-8000-00000000ffff")).status_code == 404
        told = (await client.get("/v1/audit?what=contact.erased")).json()["data"]
        assert [(row["outcome"], row["about"]) for row in told[:2]] == [
            ("refused", [contact_id]),
            ("done", [contact_id]),
        ]
    async with await here.client("events:read", "contacts:write") as client:
        shown = (await client.delete(f"/v1/contacts/{contact_id}")).json()
        assert shown["privacy"]["redactions"]
    async with await here.client("events:read", "cases:write") as client:
        assert (await client.delete(f"/v1/contacts/{contact_id}")).status_code == 403


async def test_prv_2_two_erasures_of_one_person_at_once_both_end_well(here: Place) -> None:
    wrote = await here.happened("email:jane@example.org", fact=mail_from("jane@example.org"))
    rang = await here.happened("phone:+493023125099", fact=call_from("+493023125099"))
    for contact in (*wrote.contacts, *rang.contacts):
        one, other = await asyncio.gather(erased(here, contact.id), erased(here, contact.id))
        assert one.contacts == other.contacts == (contact.id,)
    states = await here.log.read(lambda c: c.execute(select(schema.cases.c.state)).scalars().all())
    assert set(states) == {"closed"}
