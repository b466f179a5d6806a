"""What a language must be able to say on the telephone: its voice, its days and times as people speak them, its texts.

Pure. The four languages stand beside this file. Every text speaks as "we"; none guesses who the caller is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One language, ready to be read out.

    tag, voice: for <Say>. day: of a date, heard on another: "today", "on Monday". clock: a local time in words.
    zone: of a city's name, spoken where the time is not ours. In braces: firm, person, line, digits, when, where; when
    and where begin with their own space or comma, or are empty. `back_by` joins day, clock and zone to when;
    `back_from` where we ring from then on and not before.
    """

    tag: str
    voice: str
    day: Callable[[date, date], str]
    clock: Callable[[time], str]
    zone: Callable[[str], str]
    back_by: str
    back_from: str
    greeting: str
    thanks: str
    sorry: str
    closed: str
    back_we: str
    back_person: str
    back_written: str
    back_noted: str
    this_number: str
    given_number: str
    kept_place: str
    menu: str
    menu_without_number: str
    menu_more: str
    menu_again: str
    ask_number: str
    ask_again: str
    read_back: str
    correct: str
    agreed: str
    purpose: str
    record: str
    record_unrung: str
    record_without_number: str
    recorded: str
    noted: str
    declined: str
    goodbye: str
    after_talk: str
    whisper: str
    whisper_gone: str
    whisper_taken: str
    colleague: str
    cannot_connect: str
    will_ring: str
    after_tone: str


def day_words(
    today: str, tomorrow: str, on: Callable[[date], str], dated: Callable[[date], str]
) -> Callable[[date, date], str]:
    """A `day` of the usual shape: today, tomorrow with its weekday, a weekday within the week, else with its date."""

    def day(promised: date, heard: date) -> str:
        if promised == heard:
            return today
        if promised - heard >= WEEK:
            return dated(promised)
        return f"{tomorrow}, {on(promised)}" if promised - heard == timedelta(days=1) else on(promised)

    return day
