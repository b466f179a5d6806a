"""Servers that quote a login in its refusal: no name and no secret reaches the log, the store or a notice."""

from base64 import b64encode

import pytest

from commsd.channels.mail.echo import Echo, without
from commsd.channels.mail.imap import connect
from commsd.channels.mail.imap_login import Credentials, LoginRefused
from commsd.channels.mail.outcome import Outcome
from commsd.channels.mail.submission import Server, Submission
from commsd.errors import CommsdError
from tests.fakes.imap_script import ImapScript, Say
from tests.fakes.smtp_script import SmtpScript

NAME, SECRET = "jdoe-login", 'hunter2 "geheim"'
PATIENT = 20.0


def coded(said: str) -> str:
    return b64encode(said.encode()).decode()


PRESENTED = {
    "plain": f"{NAME} {SECRET}",
    "quoted": 'LOGIN "jdoe-login" "hunter2 \\"geheim\\""',
    "shouted": SECRET.upper(),
    "name": coded(NAME),
    "secret": coded(SECRET),
    "PLAIN": coded(f"\0{NAME}\0{SECRET}"),
    "PLAIN, cut": coded(f"\0{NAME}\0{SECRET}")[:24],
    "XOAUTH2": coded(f"user={NAME}\1auth=Bearer {SECRET}\1\1"),
    "OAUTHBEARER": coded(f"n,a={NAME},\1host=h\1port=1\1auth=Bearer {SECRET}\1\1"),
    "a digest": coded(f"{NAME} 9e95aee09c40af2b84a0c2b3bbae786e"),
}


def shows(text: str) -> list[str]:
    return [form for form in (NAME, "hunter2", "geheim", coded(SECRET)[:12], coded(NAME)[:12]) if form in text]


@pytest.mark.parametrize("said", PRESENTED.values(), ids=PRESENTED.keys())
def test_what_was_said_at_the_login_is_taken_out_of_the_words(said: str) -> None:
    told = Echo(NAME, SECRET).out_of(f"535 5.7.8 no: AUTH <{said}> refused")
    assert [*shows(told), *shows(told.lower())] == []
    assert said[:12] not in told
    assert told.startswith("535 5.7.8 no: AUTH <")
    assert told.endswith("> refused")


@pytest.mark.parametrize(
    "words",
    [
        "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
        "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled. [AM0PR01CA0123.eurprd01.prod]",
        "5.7.9 Application-specific password required. https://support.google.com/mail/?p=InvalidSecondFactor",
    ],
)
def test_the_words_that_tell_what_to_do_stay(words: str) -> None:
    assert Echo("a", "in").out_of(words) == words


def test_the_grammar_of_imap_stays_whatever_the_name() -> None:
    assert without(b"A3 NO [UNAVAILABLE] ok is busy", Echo("ok", "NO")) == b"A3 NO [UNAVAILABLE] (withheld) is busy"
    assert without(b"* CAPABILITY IDLE", Echo("IDLE")) == b"* CAPABILITY IDLE"


@pytest.mark.parametrize(
    "answer",
    [
        Say(b'%T NO [AUTHENTICATIONFAILED] no such: LOGIN "jdoe-login" "hunter2 \\"geheim\\""\r\n'),
        Say(b"%T NO [UNAVAILABLE] later, jdoe-login " + coded(SECRET).encode() + b"\r\n"),
        Say(b'%T BAD "jdoe-login" "hunter2 \\"geheim\\""\r\n'),
        Say(b'* BYE go away jdoe-login with hunter2 "geheim"\r\n', then="cut"),
        Say(b"%T NO " + b"x" * 190 + b' jdoe-login hunter2 "geheim"\r\n'),
    ],
    ids=["refused", "not now", "not understood", "goodbye", "cut in the log"],
)
async def test_an_imap_server_that_quotes_the_login_puts_nothing_of_it_into_our_words(answer: Say) -> None:
    async with ImapScript({"LOGIN": answer}) as script:
        with pytest.raises(CommsdError) as caught:
            await connect(script.endpoint, Credentials(NAME, SECRET), deadline=PATIENT)
    assert shows(str(caught.value)) == []


async def test_an_imap_server_that_quotes_a_token_puts_nothing_of_it_into_our_words() -> None:
    method = coded(f"user={NAME}\1auth=Bearer t0ken-of-many-letters\1\1").encode()
    answers = {
        "CAPABILITY": Say(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR\r\n"),
        "AUTHENTICATE": Say(b"%T NO no: " + method + b"\r\n"),
    }
    async with ImapScript(answers) as script:
        with pytest.raises(LoginRefused) as caught:
            await connect(script.endpoint, Credentials(NAME, token="t0ken-of-many-letters"), deadline=PATIENT)
    assert method.decode()[:12] not in str(caught.value)


async def submitted(at: str, says: str) -> Outcome:
    async with SmtpScript(at, [says]) as script:
        server = Server(host="127.0.0.1", port=script.port, tls="none", username=NAME, password=lambda: SECRET)
        submission = Submission(server)
        outcome = await submission.submit(b"Subject: x\r\n\r\nx\r\n", sender="", recipient="ann@example.com")
        await submission.close()
    return outcome


@pytest.mark.parametrize("said", [PRESENTED["plain"], PRESENTED["PLAIN"]], ids=["plain", "coded"])
@pytest.mark.parametrize(("at", "code"), [("AUTH", 535), ("RCPT", 550), ("DOT", 451)])
async def test_a_submission_server_that_quotes_the_login_puts_nothing_of_it_into_the_outcome(
    said: str, at: str, code: int
) -> None:
    outcome = await submitted(at, f'{code} 5.7.8 rejected: "{said}"')
    assert outcome.code == code
    assert shows(outcome.text) == []
    assert outcome.text.startswith('5.7.8 rejected: "(withheld)')
