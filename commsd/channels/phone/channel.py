"""PHONE: Twilio lines, missed calls, callbacks. A house without [twilio] does without 12 MB of libraries for it."""

from commsd.channels.channel import Channel, Duties, Means, Routes
from commsd.channels.phone.line import PhoneSettings, read_settings


def _duties(settings: PhoneSettings, means: Means) -> Duties:
    twilio = settings.twilio
    if twilio is None:
        return ()
    from commsd.channels.phone.rest import Rest
    from commsd.channels.phone.switch import Switch
    from commsd.channels.phone.text import texts
    from commsd.channels.phone.verdict import Verdict

    for name in settings.lines:
        means.pulse.watch(name, "line")
    rest = Rest(twilio) if twilio.api_key or twilio.auth_tokens else None
    text = texts(settings, rest, means) if rest else None
    return (Verdict(Switch(settings, means), rest), *((text,) if text else ()))


def _routes(settings: PhoneSettings, means: Means) -> Routes:
    twilio = settings.twilio
    if twilio is None or not twilio.webhooks:
        return ()
    from commsd.channels.phone.switch import Switch
    from commsd.channels.phone.webhooks import routes

    return routes(Switch(settings, means), twilio)


PHONE = Channel(
    name="phone",
    tables=("twilio", "line", "callbacks", "dialling"),
    read_settings=read_settings,
    duties=_duties,
    routes=_routes,
)
