"""English, as a courteous firm speaks it on the telephone."""

from datetime import date, time

from commsd.channels.phone.prompts.spoken import Spoken, day_words

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_HOURS = ("twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")


def _on(day: date) -> str:
    return f"on {_DAYS[day.weekday()]}"


def _dated(day: date) -> str:
    return f"on {_DAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]}"


def clock(at: time) -> str:
    """13:30 is "half past one in the afternoon"."""
    if at.minute == 0 and at.hour in (0, 12):
        return "noon" if at.hour else "midnight"
    part = "in the morning" if at.hour < 12 else "in the afternoon" if at.hour < 18 else "in the evening"
    this, following = _HOURS[at.hour % 12], _HOURS[(at.hour + 1) % 12]
    words = {0: this, 15: f"a quarter past {this}", 30: f"half past {this}", 45: f"a quarter to {following}"}
    return f"{words.get(at.minute, f'{this} {at.minute:02}')} {part}"


ENGLISH = Spoken(
    tag="en-GB",
    voice="Polly.Amy-Neural",
    day=day_words("today", "tomorrow", _on, _dated),
    clock=clock,
    zone=lambda city: f", {city} time",
    back_by=" {day}, by {clock}{zone}",
    back_from=" {day}, from {clock}{zone}",
    greeting="Thank you for calling {firm}. Please hold the line a moment; we will find somebody for you.",
    thanks="Thank you for calling {firm}.",
    sorry="We are sorry, nobody was free to take your call.",
    closed="Thank you for calling {firm}. We are closed just now.",
    back_we="We will ring you{when}{where}.",
    back_person="{person} or a colleague will ring you{when}{where}.",
    back_written="You will have an answer from us in writing{when}.",
    back_noted="Your call is noted. If you would like us to ring you this once, press one.",
    this_number=", on the number you have called from",
    given_number=", on the number you have given us",
    kept_place="Your earlier call has not been forgotten: you keep your place.",
    menu="That is all we need; you can put the phone down now. If another number is better, press two. "
    "If you would like to leave a message, press three.",
    menu_without_number="We cannot see your number. To tell us where we may ring you, press two. "
    "If you would like to leave a message, press three.",
    menu_more="You can say it instead, in a word or two. If you no longer need a call from us, press nine.",
    menu_again="Once more, in short: for another number, press two; for a message, press three.",
    ask_number="Please key in the number, beginning with the area code, and finish with the hash key.",
    ask_again="We could not ring that number. Please key it in once more, with the area code, "
    "and finish with the hash key.",
    read_back="You have given us {digits}.",
    correct="If that is correct, you can put the phone down. To change it, press two.",
    agreed="Good. The number we will ring is {digits}.",
    purpose="If you like, tell us after the tone, in a sentence or two, what it is about. It is recorded, so that "
    "whoever rings you has heard it. If you prefer no recording, put the phone down now; you will be rung anyway.",
    record="Please say who you are and what it is about. We record this so that whoever rings you is prepared. "
    "If you prefer no recording, just put the phone down; you will be rung all the same. Press hash when you are done.",
    record_unrung="Please say who you are and what it is about. We record this for whoever sees to it. If you prefer "
    "no recording, just put the phone down; your call is noted all the same. Press hash when you are done.",
    record_without_number="Please say who you are, where we can ring you and what it is about. We record this so that "
    "we can ring you. If you prefer no recording, just put the phone down. Press hash when you are done.",
    recorded="Thank you, your message is with us.",
    noted="We have noted your call. As we have no number for you, please ring us once more when it suits you.",
    declined="Very well, we will not ring you about this. You can reach us again at any time.",
    goodbye="Goodbye.",
    after_talk="Thank you for calling. Goodbye.",
    whisper="A customer is calling on {line}. To take the call, press one.",
    whisper_gone="The caller has rung off. The callback is noted.",
    whisper_taken="A colleague has just taken this call. Thank you, goodbye.",
    colleague="None of your colleagues could take this call. It comes from one of our own numbers, "
    "so no callback is noted. Goodbye.",
    cannot_connect="Thank you for calling {firm}. We are sorry, we cannot put you through at this moment.",
    will_ring="We will ring you on the number you have called from.",
    after_tone="If you would like to tell us what it is about, speak after the tone; your words are recorded. "
    "You can simply put the phone down when you have finished.",
)
