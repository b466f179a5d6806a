import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from commsd.channels.mail.account import OAuth
from commsd.channels.mail.imap_login import LoginRefused
from commsd.channels.mail.oauth import Grant, TokenRefused, url_of
from commsd.config.secret import SecretSource
from commsd.errors import ConfigError, Unreachable
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.tokens import Tokens
from tests.eventually import eventually
from tests.fakes.token_endpoint import TokenEndpoint
from tests.world import ScriptedWorld

HOUSE_KEY = b"k" * 32


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    async with TokenEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "refresh"
    path.write_text("first\n")
    return path


@pytest.fixture
def grant_of(endpoint: TokenEndpoint, secret: Path, log: Log, scripted_world: ScriptedWorld) -> Callable[[str], Grant]:
    """A grant as a node of this name has it, on its own memory and the shared store."""

    def made(node: str) -> Grant:
        oauth = OAuth(
            provider="microsoft",
            client_id="app",
            refresh_token=SecretSource("file", str(secret)),
            token_url=endpoint.url,
        )
        claims = Claims(log, scripted_world.world, node)
        return Grant("support", "box", oauth, Tokens(log, HOUSE_KEY), claims, scripted_world.world)

    return made


async def test_i10_a_token_is_asked_for_once_and_serves_until_five_minutes_before_its_end(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant], scripted_world: ScriptedWorld
) -> None:
    grant = grant_of("node/1")
    assert await grant.token() == "access-1"
    scripted_world.advance(timedelta(minutes=54, seconds=59))
    assert await grant.token() == "access-1"
    scripted_world.advance(timedelta(seconds=1))
    assert await grant.token() == "access-2"
    assert endpoint.forms[0] == {"grant_type": "refresh_token", "client_id": "app", "refresh_token": "first"}


async def test_i10_however_many_ask_one_request_goes_out(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant]
) -> None:
    grant = grant_of("node/1")
    assert set(await asyncio.gather(*(grant.token() for _ in range(20)))) == {"access-1"}
    assert endpoint.asked == 1
    refused = await asyncio.gather(*(grant.token(instead_of="access-1") for _ in range(20)))
    assert (set(refused), endpoint.asked) == ({"access-2"}, 2)


async def test_i10_two_nodes_of_one_store_never_spend_the_same_refresh_token(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant]
) -> None:
    endpoint.rotates = True
    tokens = await asyncio.gather(grant_of("one/1").token(), grant_of("two/1").token())
    assert (set(tokens), endpoint.asked, endpoint.most_at_once) == ({"access-1"}, 1, 1)


async def test_i10_a_rotated_refresh_token_is_kept_over_a_restart(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant], scripted_world: ScriptedWorld
) -> None:
    endpoint.rotates = True
    await grant_of("node/1").token()
    scripted_world.advance(timedelta(hours=2))
    assert await grant_of("node/2").token() == "access-2"
    assert [form["refresh_token"] for form in endpoint.forms] == ["first", "refresh-1"]


async def test_i10_who_asks_may_be_cancelled_and_the_rotated_token_is_kept(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant], scripted_world: ScriptedWorld
) -> None:
    endpoint.rotates, endpoint.hold = True, asyncio.Event()
    asking = asyncio.create_task(grant_of("node/1").token())
    await eventually(lambda: endpoint.asked == 1)
    asking.cancel()
    endpoint.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    scripted_world.advance(timedelta(hours=2))
    assert await grant_of("node/2").token() == "access-2"


async def test_i10_invalid_grant_is_final_over_restarts_until_another_token_is_configured(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant], secret: Path, scripted_world: ScriptedWorld
) -> None:
    endpoint.refuse, endpoint.described = "invalid_grant", "AADSTS700082: for anna@commsd.test"
    grant = grant_of("node/1")
    for asked in (grant, grant, grant_of("node/2")):
        with pytest.raises(TokenRefused, match="invalid_grant") as raised:
            await asked.token()
        assert "anna" not in str(raised.value)
        scripted_world.advance(timedelta(days=1))
    assert endpoint.asked == 1
    endpoint.refuse, endpoint.refresh = "", "second"
    await asyncio.to_thread(secret.write_text, "second\n")
    assert await grant.token() == "access-2"


@pytest.mark.parametrize("refuse", ["invalid_client", "unauthorized_client", "interaction_required"])
async def test_i10_a_mistake_of_the_application_is_told_and_can_be_mended(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant], refuse: str
) -> None:
    grant, endpoint.refuse = grant_of("node/1"), refuse
    with pytest.raises(LoginRefused, match=refuse):
        await grant.token()
    endpoint.refuse = ""
    assert await grant.token() == "access-2"


@pytest.mark.parametrize("status", [500, 503, 429, 302])
async def test_i10_an_endpoint_that_stumbles_costs_nothing_while_the_token_holds(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant], scripted_world: ScriptedWorld, status: int
) -> None:
    grant = grant_of("node/1")
    await grant.token()
    endpoint.status = status
    scripted_world.advance(timedelta(minutes=57))
    assert await grant.token() == "access-1"
    scripted_world.advance(timedelta(minutes=3))
    with pytest.raises(Unreachable):
        await grant.token()
    endpoint.status = 200
    assert await grant.token() == "access-4"


async def test_i10_an_endpoint_without_an_answer_is_left_at_the_deadline(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commsd.channels.mail.oauth.DEADLINE", 0.2)
    endpoint.hold = asyncio.Event()
    with pytest.raises(Unreachable, match="no answer"):
        await grant_of("node/1").token()


async def test_i10_what_is_no_answer_is_no_token(endpoint: TokenEndpoint, grant_of: Callable[[str], Grant]) -> None:
    endpoint.lives = -5  # no sense: an hour then
    assert await grant_of("node/1").token() == "access-1"


async def test_i10_the_store_shows_no_token_and_another_house_key_opens_none(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant], log: Log
) -> None:
    grant = grant_of("node/1")
    endpoint.rotates = True
    await grant.token()
    (row,) = await log.read(lambda c: c.execute(select(schema.oauth_tokens)).all())
    assert not [value for value in row if b"access-1" in str(value).encode() or b"refresh-1" in str(value).encode()]
    kept = await Tokens(log, b"other" * 8).read(row.account)
    assert kept is not None
    assert (kept.access, kept.refresh) == ("", "")


async def test_i10_the_end_of_a_refresh_token_is_known_where_the_provider_tells_it(
    endpoint: TokenEndpoint, grant_of: Callable[[str], Grant], scripted_world: ScriptedWorld
) -> None:
    grant, endpoint.dies = grant_of("node/1"), 7 * 86_400
    await grant.token()
    kept = await grant.kept()
    assert kept is not None
    assert kept.refresh_expires_at == scripted_world.now + timedelta(days=7)


@pytest.mark.parametrize(
    "url", ["http://login.example.com/token", "http://10.0.0.1:80/token", "http://127.0.0.1.evil.test/"]
)
def test_i10_a_refresh_token_never_goes_out_in_clear(url: str) -> None:
    with pytest.raises(ConfigError):
        url_of(OAuth(provider="google", refresh_token=SecretSource("env", "X"), token_url=url))


def test_i10_each_provider_is_asked_at_its_own_address() -> None:
    google = OAuth(provider="google", refresh_token=SecretSource("env", "X"))
    microsoft = OAuth(provider="microsoft", tenant="contoso.example", refresh_token=SecretSource("env", "X"))
    assert url_of(google) == "https://oauth2.googleapis.com/token"
    assert url_of(microsoft) == "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
