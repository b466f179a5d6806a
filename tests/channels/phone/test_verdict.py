"""A call is judged in time, whatever is the matter with the way to Twilio, and one that cannot be keeps no other up."""

from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from commsd.channels.phone.rest import Rest
from commsd.channels.phone.switch import Switch
from commsd.channels.phone.verdict import Verdict
from commsd.config.secret import SecretSource
from commsd.core.interaction import Outcome
from commsd.demo.exchange import Person, Tamper
from tests.channels.phone.conftest import Phone
from tests.channels.phone.hotline import ANNA, twilio
from tests.channels.phone.listener import listening


async def taken_without_a_report(phone: Phone) -> None:
    """One of us pressed 1, and what came of the Dial was lost: only Twilio can tell."""
    phone.exchange.people[ANNA] = Person(answers_after=3.0, presses="1", talks_for=40.0)
    phone.exchange.tamper = lambda hook: Tamper(lost=hook.kind == "dial-action")
    await phone.rung()
    await phone.settled()
    await phone.passes(600)


async def judged_by(phone: Phone, rest: Rest) -> Outcome:
    assert await Verdict(Switch(phone.settings, phone.means), rest).once()
    (known,) = await phone.calls()
    assert known.outcome
    return known.outcome


async def test_d1_a_call_is_judged_also_while_our_credential_cannot_be_read(phone: Phone, tmp_path: Path) -> None:
    await taken_without_a_report(phone)
    gone = SecretSource("file", str(tmp_path / "gone"))
    assert await judged_by(phone, Rest(twilio(gone, phone.exchange.api_base_url))) is not Outcome.PENDING


@pytest.mark.parametrize("answer", ["<html>under construction</html>", "[]", '"yes"', '{"sid": "CA1"}'])
async def test_d1_a_call_is_judged_also_where_something_else_answers_for_twilio(
    phone: Phone, tmp_path: Path, answer: str
) -> None:
    async def anything(_: Request) -> Response:
        return PlainTextResponse(answer)

    await taken_without_a_report(phone)
    async with listening([Route("/{path:path}", anything)]) as url:
        rest = Rest(twilio(SecretSource("file", str(tmp_path / "token")), url))
        assert await judged_by(phone, rest) is not Outcome.PENDING
