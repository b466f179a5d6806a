"""The way in: AUTHENTICATE, which the vendor cannot do, tokens and their refusals, patience with a wrong password."""

from base64 import b64decode
from datetime import timedelta
from pathlib import Path

import pytest

from commsd.channels.mail.access import Access
from commsd.channels.mail.account import OAuth
from commsd.channels.mail.imap import connect
from commsd.channels.mail.imap_login import Credentials, LoginRefused, remedy_of
from commsd.channels.mail.oauth import Grant, TokenRefused
from commsd.config.secret import SecretSource
from commsd.errors import Throttled, Unreachable
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.tokens import Tokens
from tests.fakes.imap_script import SILENCE, ImapScript, Say
from tests.fakes.token_endpoint import TokenEndpoint
from tests.world import ScriptedWorld

PATIENT = 20.0
BY_TOKEN = Credentials("bøx@commsd.test", token="t0ken")


def offering(*words: str) -> Say:
    return Say(f"* CAPABILITY IMAP4rev1 IDLE {' '.join(words)}\r\n".encode())


def coded(asked: str) -> bytes:
    return b64decode(asked.rpartition(" ")[2])


async def test_i10_xoauth2_is_sent_with_the_command_where_the_server_lets_us() -> None:
    async with ImapScript({"CAPABILITY": offering("AUTH=XOAUTH2", "SASL-IR")}) as script:
        (await connect(script.endpoint, BY_TOKEN, deadline=PATIENT)).abort()
    (asked,) = [asked for asked in script.asked if asked.startswith("AUTHENTICATE XOAUTH2 ")]
    assert coded(asked) == "user=bøx@commsd.test\1auth=Bearer t0ken\1\1".encode()


async def test_i10_xoauth2_waits_for_the_plus_where_it_has_to() -> None:
    answers = {"CAPABILITY": offering("AUTH=XOAUTH2"), "AUTHENTICATE": Say(b"+ \r\n", then="nothing")}
    async with ImapScript(answers) as script:
        (await connect(script.endpoint, BY_TOKEN, deadline=PATIENT)).abort()
    assert "AUTHENTICATE XOAUTH2" in script.asked
    assert coded(script.asked[script.asked.index("AUTHENTICATE XOAUTH2") + 1]).startswith(b"user=")


async def test_i10_oauthbearer_is_used_where_it_alone_is_offered() -> None:
    async with ImapScript({"CAPABILITY": offering("AUTH=OAUTHBEARER", "SASL-IR")}) as script:
        (await connect(script.endpoint, BY_TOKEN, deadline=PATIENT)).abort()
        port = script.endpoint.port
    (asked,) = [asked for asked in script.asked if asked.startswith("AUTHENTICATE OAUTHBEARER ")]
    said = f"n,a=bøx@commsd.test,\1host=127.0.0.1\1port={port}\1auth=Bearer t0ken\1\1"
    assert coded(asked) == said.encode()


@pytest.mark.parametrize(("method", "answered"), [("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")])
async def test_i10_the_challenge_of_a_refusal_is_answered_and_the_no_is_read(method: str, answered: str) -> None:
    answers = {
        "CAPABILITY": offering(f"AUTH={method}", "SASL-IR"),
        "AUTHENTICATE": Say(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n", then="nothing"),
        "RESPONSE": Say(b"%T NO [AUTHENTICATIONFAILED] expired\r\n"),
    }
    async with ImapScript(answers) as script:
        with pytest.raises(LoginRefused, match="expired"):
            await connect(script.endpoint, BY_TOKEN, deadline=PATIENT)
    assert script.asked[-1] == answered


async def test_i10_a_server_that_never_says_no_is_left_at_the_deadline() -> None:
    answers = {
        "CAPABILITY": offering("AUTH=XOAUTH2", "SASL-IR"),
        "AUTHENTICATE": Say(b"+ e30=\r\n", then="nothing"),
        "RESPONSE": SILENCE,
    }
    async with ImapScript(answers) as script:
        with pytest.raises(Unreachable, match="no answer"):
            await connect(script.endpoint, BY_TOKEN, deadline=0.3)


async def test_i10_a_server_that_challenges_for_ever_is_left_at_the_deadline() -> None:
    plus = Say(b"+ e30=\r\n", then="nothing")
    answers = {"CAPABILITY": offering("AUTH=XOAUTH2", "SASL-IR"), "AUTHENTICATE": plus, "RESPONSE": plus}
    async with ImapScript(answers) as script:
        with pytest.raises(Unreachable):
            await connect(script.endpoint, BY_TOKEN, deadline=0.3)


async def test_i10_a_server_that_takes_no_tokens_is_told() -> None:
    async with ImapScript({"CAPABILITY": offering("AUTH=PLAIN")}) as script:
        with pytest.raises(LoginRefused, match="no access tokens"):
            await connect(script.endpoint, BY_TOKEN, deadline=PATIENT)
    assert not [asked for asked in script.asked if asked.startswith(("AUTHENTICATE", "LOGIN"))]


async def test_i10_plain_is_used_where_login_is_disabled_or_the_password_is_not_ascii() -> None:
    for words, password in (
        (("LOGINDISABLED", "AUTH=PLAIN", "SASL-IR"), "secret"),
        (("AUTH=PLAIN", "SASL-IR"), "grün"),
    ):
        async with ImapScript({"CAPABILITY": offering(*words)}) as script:
            (await connect(script.endpoint, Credentials("box", password), deadline=PATIENT)).abort()
        (asked,) = [asked for asked in script.asked if asked.startswith("AUTHENTICATE PLAIN ")]
        assert coded(asked) == f"\0box\0{password}".encode()


async def test_i16_a_server_that_asks_for_patience_gets_it() -> None:
    for answers, greeting in (
        ({"LOGIN": Say(b"%T NO [THROTTLED] later\r\n")}, b"* OK ready\r\n"),
        ({}, b"* BYE [LIMIT] too many connections\r\n"),
        ({"LOGIN": Say(b"* BYE [INUSE] locked\r\n", then="cut")}, b"* OK ready\r\n"),
    ):
        async with ImapScript(answers, greeting=greeting) as script:
            with pytest.raises(Throttled):
                await connect(script.endpoint, Credentials("box", "secret"), deadline=PATIENT)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("550 5.7.30 Basic authentication is not supported for Client Submission.", "oauth"),
        ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", "oauth"),
        ("[ALERT] Application-specific password required", "app password"),
        ("the server offers no way to log in with a password", 'username = ""'),
        ("[AUTHENTICATIONFAILED] Invalid credentials", "check username and password"),
    ],
)
def test_i11_the_end_of_passwords_is_told_apart_from_a_wrong_one(said: str, remedy: str) -> None:
    assert remedy in remedy_of(said)


# --- patience


class Secret:
    def __init__(self) -> None:
        self.value = "wrong"


def access_of(script: ImapScript, world: ScriptedWorld, secret: Secret) -> Access:
    return Access(script.endpoint, "box", world.world, password=lambda: secret.value, deadline=PATIENT)


async def test_i16_a_wrong_password_is_tried_after_1_5_15_and_60_minutes_whoever_asks(
    scripted_world: ScriptedWorld,
) -> None:
    refusing = ImapScript({"LOGIN": Say(b"%T NO no\r\n")})
    async with refusing:
        access, tried = access_of(refusing, scripted_world, Secret()), []
        for minute in range(4 * 60):
            for _duty in range(2):
                before = len(refusing.asked)
                with pytest.raises(LoginRefused):
                    await access.connect()
                tried += [minute] if len(refusing.asked) > before else []
            scripted_world.advance(timedelta(minutes=1))
    assert tried == [0, 1, 6, 21, 81, 141, 201]


async def test_i16_another_password_is_tried_at_once(scripted_world: ScriptedWorld) -> None:
    secret = Secret()
    async with ImapScript({"LOGIN": [Say(b"%T NO no\r\n"), Say()]}) as script:
        access = access_of(script, scripted_world, secret)
        with pytest.raises(LoginRefused):
            await access.connect()
        secret.value = "right"
        (await access.connect()).abort()


# --- tokens from the provider to the server


def token_access(script: ImapScript, endpoint: TokenEndpoint, log: Log, world: ScriptedWorld, place: Path) -> Access:
    (place / "refresh").write_text('{"client_id": "app", "client_secret": "s", "refresh_token": "first"}')
    source = SecretSource("file", str(place / "refresh"))
    oauth = OAuth(provider="google", refresh_token=source, token_url=endpoint.url)
    claims = Claims(log, world.world, "node/1")
    grant = Grant("support", "box", oauth, Tokens(log, b"k" * 32), claims, world.world)
    return Access(script.endpoint, "box", world.world, grant=grant, deadline=PATIENT)


async def test_i10_a_refused_token_is_renewed_once_and_tried_again(
    log: Log, scripted_world: ScriptedWorld, tmp_path: Path
) -> None:
    answers: dict[str, Say | list[Say]] = {
        "CAPABILITY": offering("AUTH=XOAUTH2", "SASL-IR"),
        "AUTHENTICATE": [Say(b"%T NO [AUTHENTICATIONFAILED] expired\r\n"), Say()],
    }
    async with TokenEndpoint() as endpoint, ImapScript(answers) as script:
        (await token_access(script, endpoint, log, scripted_world, tmp_path).connect()).abort()
    tokens = [coded(asked) for asked in script.asked if asked.startswith("AUTHENTICATE")]
    assert [b"access-1" in tokens[0], b"access-2" in tokens[1], endpoint.asked] == [True, True, 2]
    assert endpoint.forms[0]["client_secret"] == "s"


async def test_i10_a_server_that_refuses_every_token_is_no_retry_storm(
    log: Log, scripted_world: ScriptedWorld, tmp_path: Path
) -> None:
    answers = {"CAPABILITY": offering("AUTH=XOAUTH2", "SASL-IR"), "AUTHENTICATE": Say(b"%T NO no\r\n")}
    async with TokenEndpoint() as endpoint, ImapScript(answers) as script:
        access = token_access(script, endpoint, log, scripted_world, tmp_path)
        for _ in range(30):
            with pytest.raises(LoginRefused):
                await access.connect()
            scripted_world.advance(timedelta(seconds=20))
    logins = len([asked for asked in script.asked if asked.startswith("AUTHENTICATE")])
    assert (logins, endpoint.asked) == (6, 4)  # at 0, 1 and 6 minutes


async def test_i10_a_withdrawn_consent_keeps_us_out_without_asking_anybody_again(
    log: Log, scripted_world: ScriptedWorld, tmp_path: Path
) -> None:
    async with TokenEndpoint() as endpoint, ImapScript() as script:
        endpoint.refuse = "invalid_grant"
        access = token_access(script, endpoint, log, scripted_world, tmp_path)
        for _ in range(10):
            with pytest.raises(TokenRefused):
                await access.connect()
            scripted_world.advance(timedelta(hours=2))
    assert (endpoint.asked, script.asked) == (1, [])
