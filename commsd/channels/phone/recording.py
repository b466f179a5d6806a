"""The sound of a recording, fetched from Twilio safely: telephony.md section 7, "SSRF and token leak".

No URL of a webhook is ever fetched: the address is made of our account, the recording's SID and the configured API. No
redirect is followed, nothing but sound is taken, and not too much of it.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from commsd.channels.phone.line import Twilio
from commsd.errors import NotFound, Refused, Unreachable

WITHIN = 60.0
LARGEST = 16 * 1024 * 1024
"""Bytes; three minutes of MP3 are three million."""

_PART = 256 * 1024
_SID = re.compile(r"RE[0-9a-zA-Z]{1,62}")


@asynccontextmanager
async def sound_of(twilio: Twilio, sid: str) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
    """Its media type and its bytes, in parts. Raises NotFound (not ready yet, or gone), Refused, Unreachable."""
    if not _SID.fullmatch(sid):
        raise Refused("this is no SID of a recording", remedy="nothing to do: it is not fetched")
    url = f"{twilio.api_base_url}/2010-04-01/Accounts/{twilio.account_sid}/Recordings/{sid}.mp3"
    try:
        async with (
            asyncio.timeout(WITHIN),
            ClientSession(timeout=ClientTimeout(total=WITHIN)) as session,
            session.get(url, headers={"Authorization": _login(twilio)}, allow_redirects=False) as answer,
        ):
            yield _checked(answer), _parts(answer)
    except (ClientError, OSError, TimeoutError) as error:
        raise Unreachable(
            f"Twilio did not give the sound of a message ({type(error).__name__})", remedy="nothing to do: we ask again"
        ) from None


def _login(twilio: Twilio) -> str:
    sid, source = (
        (twilio.api_key.sid, twilio.api_key.secret) if twilio.api_key else (twilio.account_sid, twilio.auth_tokens[0])
    )
    return f"Basic {b64encode(f'{sid}:{source.read().reveal()}'.encode()).decode()}"


def _checked(answer: ClientResponse) -> str:
    if answer.status == 404:
        raise NotFound("Twilio has no sound of this message", remedy="nothing to do: it may not be ready yet")
    if 300 <= answer.status < 400:
        raise Refused(
            "Twilio's API leads elsewhere", remedy="check api_base_url in [twilio]; we follow nobody with a key"
        )
    if answer.status != 200:
        raise Unreachable(
            f"Twilio did not give the sound of a message (HTTP {answer.status})", remedy="check the login in [twilio]"
        )
    if not answer.content_type.startswith("audio/"):
        raise Refused("what Twilio gave as a message is no sound", remedy="check api_base_url in [twilio]")
    if (answer.content_length or 0) > LARGEST:
        raise _too_large()
    return answer.content_type


async def _parts(answer: ClientResponse) -> AsyncIterator[bytes]:
    size = 0
    async for part in answer.content.iter_chunked(_PART):
        size += len(part)
        if size > LARGEST:
            raise _too_large()
        yield part


def _too_large() -> Refused:
    return Refused("the sound of a message is larger than any message", remedy="listen to it in Twilio's console")
