"""PHONE: Twilio lines, missed calls, callbacks."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from commsd.channels.channel import Channel, Means
from commsd.channels.phone.line import PhoneSettings, read_settings
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.switch import Switch
from commsd.channels.phone.text import texts
from commsd.channels.phone.verdict import Verdict
from commsd.channels.phone.webhooks import routes
from commsd.duty import Duty


def _duties(settings: PhoneSettings, means: Means) -> Sequence[Duty]:
    twilio = settings.twilio
    if twilio is None:
        return ()
    for name in settings.lines:
        means.pulse.watch(name, "line")
    rest = Rest(twilio) if twilio.api_key or twilio.auth_tokens else None
    text = texts(settings, rest, means) if rest else None
    return (Verdict(Switch(settings, means), rest), *((text,) if text else ()))


def _routes(settings: PhoneSettings, means: Means) -> Sequence[BaseRoute]:
    twilio = settings.twilio
    return routes(Switch(settings, means), twilio) if twilio and twilio.webhooks else ()


PHONE = Channel(
    name="phone",
    tables=("twilio", "line", "callbacks", "dialling"),
    read_settings=read_settings,
    duties=_duties,
    routes=_routes,
)
