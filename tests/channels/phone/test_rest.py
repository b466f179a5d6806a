"""What we make of Twilio's answers, and of those of something that only stands in its place."""

import subprocess
import sys
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from commsd.channels.phone.rest import Rest
from commsd.config.secret import SecretSource
from commsd.errors import Unreachable
from tests.channels.phone.hotline import CUSTOMER, HOTLINE, twilio
from tests.channels.phone.listener import listening


@pytest.mark.parametrize("answer", ["<html>under construction</html>", "[]", '"yes"'])
async def test_p2_an_answer_that_is_not_twilios_leaves_open_whether_there_is_a_call_or_a_text(
    tmp_path: Path, answer: str
) -> None:
    async def anything(_: Request) -> Response:
        return PlainTextResponse(answer)

    (tmp_path / "token").write_text("t")
    async with listening([Route("/{path:path}", anything, methods=["GET", "POST"])]) as url:
        rest = Rest(twilio(SecretSource("file", str(tmp_path / "token")), url))
        assert (await rest.order_call(to=CUSTOMER, from_=HOTLINE, url="https://calls.example.com/x")).kind == "unknown"
        assert (await rest.send_text(CUSTOMER, HOTLINE, "We missed you.")).kind == "unknown"
        with pytest.raises(Unreachable):
            await rest.call("CA1")
        with pytest.raises(Unreachable):
            async with rest.asking() as client:
                await client.messages.list_async(limit=5)


def test_w1_the_first_question_to_twilio_holds_no_caller_up_by_what_its_library_has_yet_to_read() -> None:
    asked = (
        "import sys; from commsd.channels.phone import rest; read = set(sys.modules);"
        "client = rest._client('AC1', 'secret'); client.calls('CA1'), client.messages, client.recordings('RE1');"
        "client.incoming_phone_numbers; print(sorted(set(sys.modules) - read))"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=120, check=True)
    assert said.stdout.strip() == "[]"
