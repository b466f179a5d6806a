"""Messages that callers left: their sound is fetched safely, kept with the call, and put into words if somebody can."""

import asyncio
import stat
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from commsd.channels.phone.recording import LARGEST, sound_of
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.transcribe import words_of
from commsd.channels.phone.voicemail import SINCE, Voicemail
from commsd.config.secret import SecretSource
from commsd.core.interaction import Interaction, Kind
from commsd.demo.exchange import Caller
from commsd.errors import CommsdError, NotFound, Refused, Unreachable
from commsd.store import schema
from commsd.store.originals import original
from commsd.store.texts import sounds
from tests.channels.phone.conftest import Phone
from tests.channels.phone.hotline import ACCOUNT, twilio
from tests.channels.phone.listener import listening
from tests.eventually import eventually

SID = "RE" + "3" * 32


def duty(phone: Phone, **changes: Any) -> Voicemail:
    assert phone.settings.twilio
    known = replace(phone.settings.twilio, **changes)
    return Voicemail(known, Rest(known), phone.means)


async def worked(running: Voicemail) -> None:
    """All that can be done is done."""
    while await running.once():
        pass


async def left(phone: Phone) -> Interaction:
    """A caller left a message and was judged missed."""
    await phone.rung(Caller(keys=("3",), says="My order is late", speaks_for=7))
    await phone.judged()
    call = next(fact for fact in await phone.calls() if fact.kind is Kind.CALL)
    assert call.external("twilio.recording-sid")
    return call


async def call_of(phone: Phone) -> Interaction:
    return next(fact for fact in await phone.calls() if fact.kind is Kind.CALL)


async def test_a7_the_sound_of_a_message_is_kept_with_the_call(phone: Phone) -> None:
    await left(phone)
    assert await duty(phone).once()
    call = await call_of(phone)
    assert call.original
    assert call.original.media_type == "audio/mpeg"
    assert len(await original(phone.means.log, call.original.sha256)) == call.original.size_bytes
    assert phone.exchange.office.recordings
    (callback,) = await phone.callbacks()
    assert callback.open


async def test_a_sound_is_fetched_once_also_after_a_restart(phone: Phone) -> None:
    await left(phone)
    assert await duty(phone).once()
    before = len(phone.exchange.rest_requests)
    assert not await duty(phone).once()
    assert len(phone.exchange.rest_requests) == before


async def test_a_running_duty_hears_of_a_message_at_once(phone: Phone) -> None:
    running = duty(phone)
    assert not await running.once()
    await left(phone)
    assert await running.once()


async def test_a_sound_that_is_not_ready_is_asked_for_again(phone: Phone) -> None:
    await left(phone)
    kept = dict(phone.exchange.office.recordings)
    phone.exchange.office.recordings.clear()
    running = duty(phone)
    assert not await running.once()
    assert not await running.once()
    phone.exchange.office.recordings.update(kept)
    await phone.passes(11)
    assert await running.once()
    assert (await call_of(phone)).original


async def test_a_message_is_deleted_at_twilio_only_after_the_copy_and_only_where_that_is_wanted(phone: Phone) -> None:
    await left(phone)
    running = duty(phone, delete_recordings=True)
    assert await running.once()
    assert phone.exchange.office.recordings
    assert await running.once()
    assert not phone.exchange.office.recordings


async def test_the_words_stand_with_the_call_and_tell_what_the_callback_is_about(phone: Phone, tmp_path: Path) -> None:
    await left(phone)
    command = program(tmp_path, "print('  my order', 4711, 'is\\x1b[2J late\\n')")
    await worked(duty(phone, transcriber=command))
    call = await call_of(phone)
    assert call.preview == "my order 4711 is [2J late"
    (text,) = call.attachments
    assert text.name == "transcript.txt"
    assert (await original(phone.means.log, text.sha256)).decode() == call.preview
    (callback,) = await phone.callbacks()
    assert callback.purpose == call.preview


async def test_a_transcriber_that_fails_leaves_the_sound(phone: Phone, tmp_path: Path) -> None:
    await left(phone)
    await worked(duty(phone, transcriber=program(tmp_path, "raise SystemExit(3)")))
    call = await call_of(phone)
    assert call.original
    assert not call.attachments


async def test_a_transcriber_that_failed_is_asked_again_and_one_that_heard_nothing_is_not(
    phone: Phone, tmp_path: Path
) -> None:
    await left(phone)
    tries = tmp_path / "tries"
    code = f"f = Path({str(tries)!r}); n = len(f.read_text()) if f.exists() else 0; f.write_text('x' * (n + 1)); "
    running = duty(phone, transcriber=program(tmp_path, f"{code}raise SystemExit(n == 0)"))
    await worked(running)
    await worked(running)
    assert tries.read_text() == "x"
    await phone.passes(11)
    await worked(running)
    await worked(duty(phone, transcriber=running._twilio.transcriber))
    assert tries.read_text() == "xx"
    assert not (await call_of(phone)).attachments


async def test_a_kill_between_the_steps_loses_none_and_takes_none_twice(phone: Phone, tmp_path: Path) -> None:
    await left(phone)
    wanted: dict[str, Any] = {"transcriber": program(tmp_path, "print('my order is late')"), "delete_recordings": True}

    async def restarted() -> bool:
        return await duty(phone, **wanted).once()

    assert await restarted()
    kept = await call_of(phone)
    assert (bool(kept.original), kept.attachments, len(phone.exchange.office.recordings)) == (True, (), 1)
    assert await restarted()
    assert not phone.exchange.office.recordings
    assert not (await call_of(phone)).attachments
    assert await restarted()
    said = await call_of(phone)
    assert (said.preview, len(said.attachments)) == ("my order is late", 1)
    before = len(phone.exchange.rest_requests)
    assert not await restarted()
    assert len(phone.exchange.rest_requests) == before
    assert (await call_of(phone)).revision == said.revision


async def test_a_kill_while_a_message_is_put_into_words_leaves_that_step_owed(phone: Phone, tmp_path: Path) -> None:
    await left(phone)
    started = tmp_path / "started"
    hangs = program(tmp_path, f"import time; Path({str(started)!r}).touch(); time.sleep(60)")
    running = asyncio.create_task(duty(phone, transcriber=hangs).run())
    await eventually(started.exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await worked(duty(phone, transcriber=program(tmp_path, "print('late')")))
    assert (await call_of(phone)).preview == "late"


async def test_a_deletion_waits_for_no_words_and_is_not_given_up(phone: Phone, tmp_path: Path) -> None:
    await left(phone)
    running = duty(phone, transcriber=program(tmp_path, "raise SystemExit(3)"), delete_recordings=True)
    assert await running.once()
    login = running._rest
    running._rest = Rest(replace(running._twilio, api_base_url="http://127.0.0.1:9"))
    for _ in range(3):
        assert not await running.once()
        await phone.passes(SINCE.total_seconds())
    running._rest = login
    await worked(running)
    await phone.passes(3600)
    await worked(running)
    assert not phone.exchange.office.recordings
    assert not running._wanted


async def test_a_message_put_into_words_before_its_step_was_noted_is_left_as_it_is(
    phone: Phone, tmp_path: Path
) -> None:
    call = await left(phone)
    await worked(duty(phone, transcriber=program(tmp_path, "print('late')")))
    before = await call_of(phone)

    def forgotten(connection: Connection) -> None:
        noted = schema.logical_keys
        connection.execute(delete(noted).where(noted.c.interaction_id == call.id, noted.c.key.startswith("recording:")))

    await phone.means.log.engine.commit(forgotten)
    await worked(duty(phone, transcriber=program(tmp_path, "print('late, again')")))
    assert await call_of(phone) == before


async def test_the_store_looks_no_more_for_a_sound_that_is_kept(phone: Phone) -> None:
    call = await left(phone)
    since = call.recorded_at - SINCE
    log = phone.means.log
    assert len(await log.read(lambda c: sounds(c, since, "recording", ("sound",)))) == 1
    assert await duty(phone).once()
    assert not await log.read(lambda c: sounds(c, since, "recording", ("sound",)))
    assert len(await log.read(lambda c: sounds(c, since, "recording", ("sound", "deletion")))) == 1


def program(folder: Path, code: str) -> tuple[str, ...]:
    file = folder / "transcribe.py"
    file.write_text(f"import sys\nfrom pathlib import Path\nassert Path(sys.argv[1]).read_bytes()\n{code}\n")
    file.chmod(stat.S_IRWXU)
    return sys.executable, str(file)


async def test_the_file_is_gone_after_the_words(tmp_path: Path) -> None:
    where = await words_of(program(tmp_path, "print(sys.argv[1])"), b"sound", "audio/mpeg")
    assert where.endswith(".mp3")
    assert not any(Path(where).parent.glob("*"))


async def test_a_transcriber_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="not done within"):
        await words_of(program(tmp_path, "import time; time.sleep(60)"), b"sound", "audio/mpeg", within=1.0)


async def test_a_transcriber_that_is_not_there_says_so() -> None:
    with pytest.raises(Unreachable, match="FileNotFoundError"):
        await words_of(("/nowhere/transcribe",), b"sound", "audio/mpeg")


async def test_a_transcriber_that_talks_for_ever_is_cut(tmp_path: Path) -> None:
    words = await words_of(program(tmp_path, "print('x' * 1_000_000)"), b"sound", "audio/mpeg")
    assert len(words) <= 16 * 1024


Serve = Callable[[Request], Awaitable[Response]]


def api(serve: Serve) -> AbstractAsyncContextManager[str]:
    return listening([Route("/2010-04-01/Accounts/{account}/Recordings/{name}", serve)])


async def fetched(secret: SecretSource, url: str, sid: str = SID) -> bytes:
    async with sound_of(twilio(secret, url), sid) as (_, parts):
        return b"".join([part async for part in parts])


@pytest.fixture
def secret(tmp_path: Path) -> SecretSource:
    (tmp_path / "token").write_text("nobody")
    return SecretSource("file", str(tmp_path / "token"))


async def test_ssrf_the_address_is_made_of_our_account_and_the_sid_alone(secret: SecretSource) -> None:
    asked: list[tuple[str, str | None]] = []

    async def serve(request: Request) -> Response:
        asked.append((request.url.path, request.headers.get("authorization")))
        return Response(b"sound", media_type="audio/mpeg")

    async with api(serve) as url:
        assert await fetched(secret, url) == b"sound"
        with pytest.raises(Refused):
            await fetched(secret, url, "RE/../../Calls")
    ((path, login),) = asked
    assert path == f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{SID}.mp3"
    assert login
    assert login.startswith("Basic ")


async def test_ssrf_a_redirect_is_not_followed(secret: SecretSource) -> None:
    asked: list[str] = []

    async def serve(request: Request) -> Response:
        asked.append(request.url.path)
        return RedirectResponse("/2010-04-01/Accounts/other/Recordings/elsewhere")

    async with api(serve) as url:
        with pytest.raises(Refused, match="leads elsewhere"):
            await fetched(secret, url)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Response(b"<html>", media_type="text/html"), Refused),
        (Response(b"x" * (LARGEST + 1), media_type="audio/mpeg"), Refused),
        (Response(status_code=404), NotFound),
        (Response(status_code=500), Unreachable),
        (Response(status_code=401), Unreachable),
    ],
)
async def test_what_is_no_sound_or_too_much_is_not_taken(
    secret: SecretSource, answer: Response, error: type[CommsdError]
) -> None:
    async def serve(_request: Request) -> Response:
        return answer

    async with api(serve) as url:
        with pytest.raises(error):
            await fetched(secret, url)


async def test_a_sound_that_is_refused_leaves_nothing_in_the_store(phone: Phone) -> None:
    call = await left(phone)
    sid = call.external("twilio.recording-sid") or ""
    phone.exchange.shelf.sounds[sid] = (b"x" * (LARGEST + 1), "audio/mpeg")
    running = duty(phone)
    assert await running.once()
    assert not await running.once()
    assert not await duty(phone).once()
    assert not (await call_of(phone)).original
    assert not await phone.count(schema.original_parts)
