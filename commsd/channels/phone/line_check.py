"""What of a `[line.*]` works against itself, though each value is right: `check` finds it before a caller does. Pure.

Here: voices, rounds and telephones that come back to us. The reading of the values stands in line.py.
"""

from collections.abc import Mapping
from datetime import timedelta

from commsd.channels.phone.voice import VOICES
from commsd.config.read import Table, did_you_mean
from commsd.config.unit import TEXT
from commsd.core.agent import People

NOUNS = 10
"""Numbers in one Dial at most: docs/voice/twiml/number."""

LONGEST_RING = timedelta(seconds=25)
"""Later a mobile's voicemail picks up, and the round is lost to a machine. telephony.md A2."""


def voices(table: Table) -> Mapping[str, str]:
    """`voices` of a line: each a voice that speaks its language; any other is a finding."""
    chosen = table.table("voices")
    found = {language: chosen.read(language, TEXT, "") for language in chosen.every_key()}
    for language, voice in found.items():
        if language not in VOICES:
            chosen.error(language, f'voices: no texts in "{language}"', did_you_mean(language, VOICES))
        elif voice not in VOICES[language]:
            what = f'voices: "{voice}" does not speak {language} at Twilio, and a call would break off there'
            chosen.error(language, what, did_you_mean(voice, VOICES[language]))
    return {language: voice for language, voice in found.items() if voice in VOICES.get(language, ())}


def judge_rounds(table: Table, rounds: tuple[tuple[str, ...], ...], ring: timedelta, people: People) -> None:
    """Warns of rounds that cannot ring everybody, and of ringing that a voicemail ends."""
    if ring > LONGEST_RING:
        what = f"ring is longer than {LONGEST_RING.seconds}s: by then the voicemail of a mobile picks up"
        table.warn("ring", what, 'write "20s" to "25s"')
    for item, names in enumerate(rounds):
        phones = {phone for name in names for phone in _phones(name, people)}
        if len(phones) > NOUNS:
            what = f"rounds: this one rings {len(phones)} telephones, and Twilio rings {NOUNS} of them at once"
            table.warn("rounds", what, "make two rounds of it", item)
        elif names and not phones:
            table.warn("rounds", "rounds: nobody of this one has a telephone", "give them a phone", item)


def judge_forwards(tables: Mapping[str, Table], numbers: Mapping[str, str], people: People) -> None:
    """Warns of our own people whose telephone is a line: ringing them rings us. numbers: of the lines, by name."""
    for name, number in numbers.items():
        for agent in people.agents.values():
            if agent.phone and agent.phone == number:
                what = f"[agent.{agent.id}] has this number as phone: ringing there would come back to this line"
                tables[name].warn("number", what, "give the agent a telephone of their own; here they are never rung")


_ANSWERING = ("rounds", "answer")
_UNHEARD = ("calendar", "ring", "sequential", "voices")


def judge_polled(tables: Mapping[str, Table]) -> None:
    """Refuses what only who answers the calls can do; `webhooks = false` leaves that to others."""
    remedy = "take it out; or write webhooks = true and public_url in [twilio], and we answer the calls"
    for table in tables.values():
        for key in _ANSWERING:
            if table.has(key) and table.value(key) != []:
                table.error(key, f"{key} does nothing while webhooks = false: others answer the calls", remedy)
        for key in _UNHEARD:
            if table.has(key):
                table.warn(key, f"{key} has no effect while webhooks = false: others answer the calls", remedy)


def _phones(name: str, people: People) -> tuple[str, ...]:
    team = people.teams.get(name)
    agents = (people.agents.get(member) for member in (team.members if team else (name,)))
    return tuple(agent.phone for agent in agents if agent and agent.phone)
