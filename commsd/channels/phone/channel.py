"""PHONE: Twilio lines, missed calls, callbacks. A house without [twilio] does without 12 MB of libraries for it."""

from commsd.channels.channel import Channel, Duties, Means, Routes
from commsd.channels.phone.line import PhoneSettings, read_settings


def _duties(settings: PhoneSettings, means: Means) -> Duties:
    twilio = settings.twilio
    if twilio is None:
        return ()
    from commsd.channels.phone.dial.dialler import Dialler
    from commsd.channels.phone.dial.exchange import Exchange
    from commsd.channels.phone.rest import Rest
    from commsd.channels.phone.sweep import PARTS, Sweep
    from commsd.channels.phone.switch import Switch
    from commsd.channels.phone.texting import Texting, post
    from commsd.channels.phone.told import watches
    from commsd.channels.phone.verdict import Verdict
    from commsd.channels.phone.voicemail import Voicemail

    rest = Rest(twilio) if twilio.api_key or twilio.auth_tokens else None
    for name in settings.lines:
        for part in PARTS if rest else ("",):
            means.pulse.watch(name, "line", part)
    text = post(settings, rest, means) if rest else None
    voicemail = Voicemail(twilio, rest, means) if rest else None
    texting = Texting(Switch(settings, means)) if rest and twilio.webhooks else None
    sweep = Sweep(Switch(settings, means), rest, twilio) if rest else None
    dialler = Dialler(Exchange(settings, means), rest) if rest else None
    others = (text, texting, voicemail, sweep, dialler, *watches(settings, means))
    return (Verdict(Switch(settings, means), rest), *(duty for duty in others if duty))


def _routes(settings: PhoneSettings, means: Means) -> Routes:
    twilio = settings.twilio
    if twilio is None or not twilio.webhooks:
        return ()
    from commsd.channels.phone import message_hooks
    from commsd.channels.phone.dial import webhooks as dial_hooks
    from commsd.channels.phone.dial.exchange import Exchange
    from commsd.channels.phone.switch import Switch
    from commsd.channels.phone.webhooks import routes

    switch = Switch(settings, means)
    dial = dial_hooks.routes(Exchange(settings, means), twilio)
    return (*routes(switch, twilio), *message_hooks.routes(switch, twilio), *dial)


PHONE = Channel(
    name="phone",
    tables=("twilio", "line", "callbacks", "dialling"),
    read_settings=read_settings,
    duties=_duties,
    routes=_routes,
)
