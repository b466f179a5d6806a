"""The page over HTTP: who gets in, what it shows, what a link does."""

import hashlib
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from commsd.core import key
from commsd.core.callback import Attempt, Callback, State
from commsd.core.change import Change, Original
from commsd.core.interaction import MACHINE_HEARD, Channel, Kind, Stored
from commsd.core.link import LASTS, Act, Link, link_of, link_token
from commsd.core.pause import Pause
from commsd.core.record import Json
from commsd.crm.keys import SCOPES
from commsd.web.sound import heard
from commsd.web.view import late, remaining, span, title
from tests.crm.serving import KEY, Place, asked_to_ring, call_from, rang, wrote
from tests.web.busy import a_busy_morning
from tests.world import WEDNESDAY_MORNING, ScriptedWorld

LIVE = Attempt(
    at=WEDNESDAY_MORNING, by="bo", result=None, id="a1", bridged=True, ended_at=WEDNESDAY_MORNING + timedelta(minutes=3)
)


def browser(here: Place) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=here.url, follow_redirects=True)


async def signed_in(here: Place, client: httpx.AsyncClient, *scopes: str) -> httpx.Response:
    return await client.get("/", params={"token": here.sessions.link_token("anna", scopes or SCOPES)})


async def test_without_a_session_nobody_sees_a_name(here: Place) -> None:
    await wrote(here, subject="A private matter")
    async with browser(here) as client:
        answer = await client.get("/")
    assert answer.status_code == 401
    assert "private" not in answer.text


async def test_a_sign_in_link_works_once(here: Place) -> None:
    token = here.sessions.link_token("anna", SCOPES)
    async with browser(here) as first, browser(here) as second:
        opened = await first.get("/", params={"token": token})
        again = await second.get("/", params={"token": token})
        stays = await first.get("/")
    assert (opened.status_code, again.status_code, stays.status_code) == (200, 401, 200)
    assert opened.url.query == b""
    cookie = opened.history[0].headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()


async def test_a_session_ends_after_a_working_day_and_an_edited_one_is_none(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    async with browser(here) as client:
        await signed_in(here, client)
        scripted_world.advance(timedelta(hours=11))
        assert (await client.get("/")).status_code == 200
        scripted_world.advance(timedelta(hours=1))
        assert (await client.get("/")).status_code == 401
        client.cookies.set("commsd_session", "aaaa.bbbb")
        assert (await client.get("/")).status_code == 401


async def test_a_pasted_key_signs_in_if_it_may_see_names(here: Place) -> None:
    may = await here.keys.add("board", ["events:read", "events:read:pii"])
    may_not = await here.keys.add("counter", ["events:read"])
    async with browser(here) as client:
        assert (await client.post("/sign-in", data={"key": may_not})).status_code == 401
        assert (await client.post("/sign-in", data={"key": "csd_x"})).status_code == 401
        elsewhere = await client.post("/sign-in", data={"key": may}, headers={"Origin": "https://evil.example"})
        assert elsewhere.status_code == 403
        assert (await client.post("/sign-in", data={"key": may})).status_code == 200
        assert (await client.post("/sign-out")).status_code == 401


async def test_the_page_shows_what_is_due_who_waits_what_is_broken_and_what_happened(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    await a_busy_morning(here, scripted_world)
    async with browser(here) as client:
        text = (await signed_in(here, client)).text
    for shown in (
        "Jane Clarke",
        "late by 1 h 10 min",
        "due soon",
        "+49 30 23125099",
        "rang 2 times on hotline, tried once",
        "taken by bo",
        "number withheld",
        "the server refuses the login",
        "no-ack:list",
        "Tilbud på 40 stk. til Aarhus?",
    ):
        assert shown in text, shown
    assert text.count("I call back") == 2


async def test_a_pause_stands_on_the_page_with_who_why_and_until_when(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    now = scripted_world.now
    acks = Pause(
        what="acks", name="support", until=now + timedelta(hours=1), why="a <loop>", by="cli:anna", made_at=now
    )
    dialling = replace(acks, what="dialling", name="", until=now + timedelta(days=2), why="too many", by="machine")
    over = replace(acks, name="sales", until=now)
    await here.log.decide((), lambda items: Change(pauses=(acks, dialling, over)))
    async with browser(here) as client:
        text = (await signed_in(here, client)).text
    until = acks.until.astimezone(ZoneInfo("Europe/Berlin"))
    assert f"Acknowledgements of support paused until {until:%H:%M} by cli:anna: a &lt;loop&gt;" in text
    assert "All dialling paused until" in text
    assert "by commsd itself: too many" in text
    assert "sales" not in text


async def test_observe_mode_stands_on_the_page_and_marks_what_was_not_sent(here: Place) -> None:
    async with browser(here) as client:
        assert "Observe mode" not in (await signed_in(here, client)).text
        here.observing.append("mailbox support")
        text = (await client.get("/")).text
    assert "Observe mode for mailbox support: customers get nothing" in text


async def test_what_a_customer_wrote_cannot_become_part_of_the_page(here: Place) -> None:
    await wrote(here, subject="<script>alert(1)</script>")
    async with browser(here) as client:
        text = (await signed_in(here, client)).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


async def test_the_claim_button_takes_the_callback(here: Place) -> None:
    callback = (await rang(here)).callbacks[0].id
    async with browser(here) as client:
        text = (await signed_in(here, client)).text
        action = text.split('action="/a/')[1].split('"')[0].replace("&amp;", "&")
        after = await client.post(f"/a/{action}")
        assert after.url.path == "/"
        assert "taken by anna" in after.text
        assert 'placeholder="Why?"' in after.text
    async with browser(here) as other:
        seen = await other.get("/", params={"token": here.sessions.link_token("bert", SCOPES)})
    assert "taken by anna" in seen.text
    assert 'placeholder="Why?"' not in seen.text, "only who holds a call gives it back"
    async with await here.client() as crm:
        assert (await crm.get(f"/v1/callbacks/{callback}")).json()["owner"] == "anna"


async def test_without_the_scope_there_is_no_claim_button(here: Place) -> None:
    await rang(here)
    async with browser(here) as client:
        answer = await signed_in(here, client, "events:read", "events:read:pii")
    assert (answer.status_code, "+49 30 23125099" in answer.text) == (200, True)
    assert "I call back" not in answer.text


@pytest.mark.parametrize("scopes", [SCOPES, ("events:read", "events:read:pii")])
@pytest.mark.parametrize(
    ("number", "state", "says"),
    [("+442079460018", "waiting", "+44 20 7946 0018"), (None, "no number yet", "no number known")],
)
async def test_a_call_asked_for_in_writing_is_shown_without_a_line(
    here: Place, scopes: tuple[str, ...], number: str | None, state: str, says: str
) -> None:
    await asked_to_ring(here, number)
    async with browser(here) as client:
        answer = await signed_in(here, client, *scopes)
    assert answer.status_code == 200
    shown = answer.text.split('class="calls"')[1].split("</ul>")[0]
    for words in ("Jane Clarke", says, state, "asked in writing"):
        assert words in shown, words
    assert "rang" not in shown
    assert " on " not in shown


async def test_the_board_says_the_time_the_customer_was_told_and_else_when_it_is_due(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    change = await wrote(here)
    clock = next(each for each in change.clocks if each.value.clock == "first_response")
    due = clock.value.due_at
    assert due
    async with browser(here) as client:
        before = (await signed_in(here, client)).text
        told = replace(clock, promised_at=due + timedelta(minutes=8))
        await here.log.decide((), lambda _: Change(clocks=(told,)))
        after = (await signed_in(here, client)).text
    zone = ZoneInfo("Europe/Berlin")
    assert f"due {due.astimezone(zone):%H:%M}" in before
    assert "promised" not in before
    assert f"promised {due.astimezone(zone) + timedelta(minutes=8):%H:%M}" in after
    assert f"{due.astimezone(zone):%H:%M}<" not in after


async def test_a_browser_gets_a_page_where_the_board_fails_and_a_program_gets_a_problem(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("the store is away")

    async with browser(here) as client:
        await signed_in(here, client)
        monkeypatch.setattr(type(here.log), "read", fails)
        page = await client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        program = await client.get("/")
        api = await client.get("/v1/callbacks", headers={"Accept": "text/html"})
        nothing = await client.get("/nothing", headers={"Accept": "text/html"})
    assert (page.status_code, program.status_code, api.status_code, nothing.status_code) == (500, 500, 401, 404)
    assert page.headers["content-type"].startswith("text/html")
    assert nothing.headers["content-type"].startswith("text/html")
    assert "<h1>" in page.text
    assert "store is away" not in page.text
    assert [each.headers["content-type"] for each in (program, api)] == ["application/problem+json"] * 2


@pytest.mark.parametrize(("act", "reason"), [(Act.DONE, "closed"), (Act.JUNK, "junk")])
async def test_a_link_acts_on_post_only_and_not_twice(
    here: Place, scripted_world: ScriptedWorld, act: Act, reason: str
) -> None:
    case = (await wrote(here, subject="A private matter")).cases[0].id
    link = Link(act=act, thing=case, agent="anna", until=scripted_world.now + LASTS)
    path = f"/a/{link_token(KEY, link)}"
    async with browser(here) as client, await here.client() as crm:
        shown = await client.get(path)
        assert "private" not in shown.text
        assert (await crm.get(f"/v1/cases/{case}")).json()["state"] == "open"
        elsewhere = await client.post(path, headers={"Origin": "https://evil.example"})
        done, again = await client.post(path), await client.post(path)
        closed = (await crm.get(f"/v1/cases/{case}")).json()
        scripted_world.advance(LASTS + timedelta(days=1))
        over = await client.get(path)
    assert (shown.status_code, elsewhere.status_code, done.status_code, again.status_code) == (200, 403, 200, 409)
    assert (closed["state"], closed["close_reason"]) == ("closed", reason)
    assert over.status_code == 404


def test_a_link_cannot_be_turned_into_another() -> None:
    link = Link(act=Act.DONE, thing="one", agent="anna", until=WEDNESDAY_MORNING)
    token = link_token(KEY, link)
    assert link_of(KEY, token) == link
    assert link_of(b"another key", token) is None
    other = link_token(KEY, Link(act=Act.JUNK, thing="one", agent="anna", until=WEDNESDAY_MORNING))
    assert link_of(KEY, f"{other.partition('.')[0]}.{token.partition('.')[2]}") is None


@pytest.mark.parametrize(
    ("state", "due", "warn", "expected"),
    [
        ("running", 1, None, "running"),
        ("running", 1, -1, "soon"),
        ("running", -1, -2, "late"),
        ("breached", -1, None, "late"),
        ("paused", None, None, "paused"),
    ],
)
def test_a_clock_is_late_soon_in_time_or_paused(state: str, due: int | None, warn: int | None, expected: str) -> None:
    now = WEDNESDAY_MORNING

    def at(hours: int | None) -> str | None:
        return (now + timedelta(hours=hours)).isoformat() if hours is not None else None

    assert late({"state": state, "due_at": at(due), "warn_at": at(warn)}, now) == expected


@pytest.mark.parametrize(
    ("length", "text"), [(40, "40 s"), (60, "1 min"), (3599, "59 min"), (3900, "1 h 05 min"), (100_000, "1 d 3 h")]
)
def test_a_span_is_told_in_its_two_largest_units(length: int, text: str) -> None:
    assert span(timedelta(seconds=length)) == span(timedelta(seconds=-length)) == text


def test_what_is_past_is_late_by_and_what_comes_is_in() -> None:
    now: datetime = WEDNESDAY_MORNING
    assert remaining(now + timedelta(minutes=5), now) == "in 5 min"
    assert remaining(now - timedelta(minutes=5), now) == "late by 5 min"
    assert remaining(None, now) == ""


def test_an_acknowledgement_that_observe_mode_kept_back_is_told_from_one_nobody_owed() -> None:
    fact = {"kind": "ack", "outcome": "suppressed", "direction": "outbound", "channel": "email"}
    assert title({**fact, "reason": "no-ack:list"}) == "No acknowledgement"
    assert title({**fact, "reason": "no-ack:observe"}) == "Acknowledgement, not sent"


def test_every_kind_has_a_title() -> None:
    for kind in Kind:
        for channel in Channel:
            fact: Json = {"kind": kind, "outcome": None, "direction": "inbound", "channel": channel, "detail": {}}
            assert title(fact)[0].isupper()


async def callback_in(here: Place, number: str, **more: Any) -> Callback:
    """An owed call to this number that somebody else's step brought where it is."""
    owed = (await here.happened(*key.of_addresses(number), fact=call_from(number, f"CA{number}"))).callbacks[0]
    after = replace(owed, revision=owed.revision + 1, **more)
    await here.log.decide((key.of_callback(owed.id),), lambda items: Change(callbacks=(after,)))
    return after


async def test_a_held_number_cannot_be_tapped_and_is_let_go_in_ones_name(here: Place) -> None:
    await callback_in(here, "+18765550123", state=State.HELD, held="region:JM")
    async with browser(here) as client:
        text = (await signed_in(here, client)).text
        assert "tel:+1876" not in text
        assert "+1 876-555-0123" in text
        assert "numbers of JM are not among the regions that may be dialled" in text
        assert "and anna answers for it" in text
        (release,) = re.findall(r'action="([^"]+)"><button type="submit" id="release-', text)
        after = (await client.post(release)).text
    assert ">Decide<" not in after
    assert "tel:+18765550123" in after


async def test_p8_where_a_machine_seems_to_have_answered_the_page_says_so_beside_the_question(here: Place) -> None:
    owed = await callback_in(here, "+493023125044", state=State.CONFIRM, attempts=(LIVE,))
    fact = (await here.happened(*key.of_addresses("+4532123456"), fact=call_from("+4532123456", "CA7"))).interactions[0]
    heard_one = replace(fact, id=LIVE.id or "", case_id=owed.case_id, tags=(MACHINE_HEARD,))
    async with browser(here) as client:
        before = (await signed_in(here, client)).text
        await here.log.decide((key.of_callback(owed.id),), lambda items: Change(interactions=(heard_one,)))
        after = (await client.get("/")).text
    assert "bo has rung; nobody has said what came of it" in before
    assert "bo has rung; a machine seems to have answered, and nobody has said what came of it" in after


async def test_what_came_of_a_call_is_said_with_one_press(here: Place) -> None:
    await callback_in(here, "+493023125044", state=State.CONFIRM, attempts=(LIVE,))
    async with browser(here) as client:
        text = (await signed_in(here, client)).text
        assert "bo has rung; nobody has said what came of it" in text
        (voicemail,) = re.findall(r'action="([^"]+)"><button type="submit" id="voicemail-', text)
        after = (await client.post(voicemail)).text
    assert "last try: voicemail" in after
    assert "what came of it?" not in after


async def test_who_talks_to_whom_just_now_stands_on_the_page(here: Place) -> None:
    live = replace(LIVE, ended_at=None)
    await callback_in(here, "+493023125044", state=State.TALKING, attempts=(live,), purpose="Where is it?")
    async with browser(here) as client:
        text = (await signed_in(here, client)).text
    assert "1 on the line" in text
    assert "bo talks to the customer, for" in text
    assert "Where is it?" in text


async def test_whoever_may_only_look_is_offered_no_result(here: Place) -> None:
    await callback_in(here, "+493023125044", state=State.CONFIRM, attempts=(LIVE,))
    async with browser(here) as client:
        text = (await signed_in(here, client, "events:read", "events:read:pii")).text
    assert "Voicemail" not in text


SOUND = bytes(range(256)) * 8


async def spoken(here: Place, media_type: str = "audio/mpeg", content: bytes = SOUND) -> str:
    """A missed call with a message in it; its id."""
    digest = hashlib.sha256(content).hexdigest()
    owed = await rang(here, original=Stored(digest, media_type, len(content)))
    kept = Original(sha256=digest, media_type=media_type, content=content)
    await here.log.decide((), lambda _items: Change(originals=(kept,)))
    return owed.interactions[0].id


async def test_a7_a_message_is_heard_on_the_board_by_who_may_and_nothing_but_sound(here: Place) -> None:
    call = await spoken(here)
    async with browser(here) as client:
        nobody = await client.get(f"/sound/{call}")
        text = (await signed_in(here, client)).text
        assert f'src="/sound/{call}"' in text
        whole = await client.get(f"/sound/{call}")
        none = await client.get("/sound/nowhere")
    async with browser(here) as client:
        text = (await signed_in(here, client, "events:read", "events:read:pii")).text
        assert "/sound/" not in text
        assert (await client.get(f"/sound/{call}")).status_code == 403
    assert (nobody.status_code, none.status_code) == (401, 404)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, SOUND, "audio/mpeg")
    assert whole.headers["accept-ranges"] == "bytes"


async def test_ssrf_what_is_no_sound_is_never_given_as_one(here: Place) -> None:
    call = await spoken(here, "text/html", b"<script>alert(1)</script>")
    async with browser(here) as client:
        assert "/sound/" not in (await signed_in(here, client)).text
        assert (await client.get(f"/sound/{call}")).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "status", "part", "told"),
    [
        ("bytes=0-", 206, SOUND, "bytes 0-2047/2048"),
        ("bytes=10-19", 206, SOUND[10:20], "bytes 10-19/2048"),
        ("bytes=2040-9999", 206, SOUND[2040:], "bytes 2040-2047/2048"),
        ("bytes=-8", 206, SOUND[-8:], "bytes 2040-2047/2048"),
        ("bytes=2048-", 416, b"", "bytes */2048"),
        ("bytes=-0", 416, b"", "bytes */2048"),
        ("bytes=0-1,5-6", 200, SOUND, None),
        ("bytes=-", 200, SOUND, None),
        ("bytes=5-2", 200, SOUND, None),
        ("lines=1-2", 200, SOUND, None),
    ],
)
def test_a_player_gets_the_part_it_asks_for(wanted: str, status: int, part: bytes, told: str | None) -> None:
    answer = heard(SOUND, "audio/mpeg", wanted)
    assert (answer.status_code, answer.body, answer.headers.get("content-range")) == (status, part, told)
