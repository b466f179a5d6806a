"""What the caller, or one of our people, hears at a step: which document, with which promise. Pure."""

from collections.abc import Mapping

from commsd.channels.phone import twiml
from commsd.channels.phone.call import talked
from commsd.channels.phone.promise import Owed, owed_for, when_words, zone_of
from commsd.channels.phone.prompts import spoken
from commsd.channels.phone.prompts.spoken import Spoken
from commsd.channels.phone.rounds import Round, first_round, round_after
from commsd.channels.phone.seen import Seen
from commsd.channels.phone.speech import OFFERED, OTHER_NUMBER, YES, pressed
from commsd.channels.phone.step import NEXT, Scene, Stage, Step, heard_after
from commsd.channels.phone.text_wishes import is_brief
from commsd.channels.phone.twiml import Talk, back_words
from commsd.core.contact import Wishes
from commsd.core.fact import replace
from commsd.core.interaction import Outcome


def document(seen: Seen, step: Step, fields: Mapping[str, str]) -> bytes:
    """The answer to this step of the call."""
    if step.stage in (Stage.WHISPER, Stage.KEY):
        return _whisper(seen, step, fields)
    if seen.line is None:
        texts = _texts(seen)
        return twiml.static(texts, seen.house.firm.name, callable_=seen.number is not None)
    return _scene(seen, NEXT[step.stage, _heard(seen, step, fields)], step)


def _heard(seen: Seen, step: Step, fields: Mapping[str, str]) -> str:
    if step.stage is Stage.VOICE:
        if seen.ourselves:
            return "ourselves"
        if not seen.state.inbound:
            return "colleague"
        if seen.closed(seen.items.now):
            return "colleague" if seen.colleague else "closed"
        return "open" if first_round(seen) else "colleague" if seen.colleague else "nobody"
    if step.stage is Stage.DIAL:
        report = seen.state.reports.get(step.number)
        if report and (report.bridged or (report.bridged is None and talked(seen.state))):
            return "talked"
        if round_after(seen, step.number):
            return "next_round"
        return "colleague" if seen.colleague else "nobody"
    valid = seen.may_be_rung(fields.get("Digits", "")) is not None
    return heard_after(step, fields, callable_=seen.callable_, valid=valid)


def _whisper(seen: Seen, step: Step, fields: Mapping[str, str]) -> bytes:
    talk = _talk(seen, None, spoken(_agents_language(seen, fields), seen.house.firm.address_as))
    number, place = step.places[0], step.places[1]
    if seen.state.ended_at is not None:
        return twiml.not_taken(talk, talk.spoken.whisper_gone)
    if seen.state.taken_from(number, place):
        return twiml.not_taken(talk, talk.spoken.whisper_taken)
    if step.stage is Stage.WHISPER:
        return twiml.whisper(talk, number, place, 1)
    if fields.get("Digits") == "1":
        return twiml.accepted()
    attempt = step.places[2]
    return twiml.whisper(talk, number, place, attempt + 1) if attempt < 2 else twiml.not_taken(talk)


def _agents_language(seen: Seen, fields: Mapping[str, str]) -> str:
    agents = seen.house.firm.people.agents.values()
    rung = next((agent for agent in agents if agent.phone == fields.get("To")), None)
    return rung.languages[0].partition("-")[0] if rung and rung.languages else seen.house.firm.languages[0]


def _scene(seen: Seen, scene: Scene, step: Step) -> bytes:
    if scene is Scene.OURSELVES:
        return twiml.turned_away()
    texts = _texts(seen)
    if scene is Scene.RING:
        return _ring(seen, step, texts)
    if scene in (Scene.TALKED, Scene.COLLEAGUE):
        talk = _talk(seen, None, texts)
        return twiml.closing(talk, texts.after_talk if scene is Scene.TALKED else texts.colleague)
    if scene is Scene.DECLINED:
        return twiml.closing(_talk(seen, None, texts), f"{texts.declined} {texts.goodbye}")
    owed = owed_for(seen.fact(Outcome.MISSED), seen.items, seen.house, seen.typed)
    if owed is None:
        return twiml.closing(_talk(seen, None, texts), f"{texts.thanks} {texts.goodbye}")
    talk = _talk(seen, owed, texts)
    match scene:
        case Scene.APOLOGY:
            opening = texts.sorry if step.stage is Stage.DIAL else f"{texts.thanks} {texts.sorry}"
            return twiml.offer(talk, talk.say(opening))
        case Scene.CLOSED:
            return twiml.offer(talk, talk.say(texts.closed))
        case Scene.MENU_AGAIN:
            return twiml.menu_again(talk, step.number + 1)
        case Scene.ASK_NUMBER:
            return twiml.ask_number(talk, 1, again=False)
        case Scene.ASK_AGAIN:
            return twiml.ask_number(talk, step.number + 1, again=step.stage is Stage.NUMBER)
        case Scene.READ_BACK if seen.typed and seen.line:
            digits = seen.typed.as_dialled_from(seen.line.number.region)
            return twiml.read_back(talk, step.number, digits)
        case Scene.RECORD:
            return twiml.record(talk)
        case Scene.PURPOSE:
            return twiml.purpose(talk, _own_digits(seen) if step.stage is Stage.OFFER else "")
    return twiml.leave(talk, recorded=scene is Scene.RECORDED)


def _ring(seen: Seen, step: Step, texts: Spoken) -> bytes:
    first = step.stage is Stage.VOICE
    found: Round | None = first_round(seen) if first else round_after(seen, step.number)
    if found is None or seen.line is None:
        raise LookupError("nobody to ring in this round")
    number, phones = found
    return twiml.ring(
        _talk(seen, None, texts),
        number,
        phones,
        seconds=round(seen.line.ring.total_seconds()),
        caller_id=None if seen.number else seen.line.number.e164,
        greet=first,
        sequential=seen.line.sequential,
    )


def _own_digits(seen: Seen) -> str:
    """The caller's number, as somebody at the line's place would dial it."""
    return seen.number.as_dialled_from(seen.line.number.region) if seen.number and seen.line else ""


def _texts(seen: Seen) -> Spoken:
    """What we say, in the line's voice."""
    texts = spoken(seen.language, seen.house.firm.address_as)
    voice = seen.line.voices.get(seen.language) if seen.line else None
    return replace(texts, voice=voice) if voice else texts


def _talk(seen: Seen, owed: Owed | None, texts: Spoken) -> Talk:
    return Talk(
        spoken=texts,
        firm=seen.house.firm.name,
        line=seen.line.name if seen.line else "",
        url=f"{seen.house.base}/twilio/call/{seen.state.sid}",
        callable_=seen.callable_,
        back=_back(seen, owed, texts) if owed else "",
        kept_place=bool(owed and owed.kept),
        unrung=_unrung(seen) is not None,
        brief=is_brief(seen.contact),
    )


def _back(seen: Seen, owed: Owed, texts: Spoken) -> str:
    ours, at = seen.house.firm.zone, owed.promised.at if owed.promised else seen.items.now
    zone = zone_of(seen.contact, seen.number or seen.typed, ours, at)
    if (unrung := _unrung(seen)) is not None:
        by = owed.promised if owed.promised and not owed.promised.opens else None
        said = texts.back_written if unrung.write_only else texts.back_noted
        return said.format(when=when_words(texts, by, seen.items.now, zone, ours))
    when = when_words(texts, owed.promised, seen.items.now, zone, ours)
    person = seen.house.firm.people.present(seen.owner, seen.house.firm.day(at))
    return back_words(texts, person=person.name if person else None, when=when, to_given_number=seen.typed is not None)


def _unrung(seen: Seen) -> Wishes | None:
    """The caller's wish not to be rung, as long as they ask for no call now; None where there is none."""
    wishes = seen.contact.wishes if seen.contact else None
    if wishes is None or not (wishes.no_calls or wishes.write_only) or seen.typed is not None:
        return None
    chosen = (pressed(entry.fields, OFFERED) for entry in seen.items.webhooks if entry.step.startswith("offer-"))
    return None if any(each in (YES, OTHER_NUMBER) for each in chosen) else wishes
