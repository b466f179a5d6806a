"""German: always Sie."""

from datetime import date, time

from commsd.channels.phone.prompts.spoken import Spoken, day_words

_DAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
_MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni",
    "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip
_HOURS = (
    "null", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf",
    "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn", "zwanzig", "einundzwanzig",
    "zweiundzwanzig", "dreiundzwanzig",
)  # fmt: skip
_MINUTES = {0: "", 15: " fünfzehn", 30: " dreißig", 45: " fünfundvierzig"}


def _on(day: date) -> str:
    return f"am {_DAYS[day.weekday()]}"


def _dated(day: date) -> str:
    return f"am {_DAYS[day.weekday()]}, dem {day.day}. {_MONTHS[day.month - 1]},"


def clock(at: time) -> str:
    """14:30 is "vierzehn Uhr dreißig"."""
    return f"{_HOURS[at.hour]} Uhr{_MINUTES.get(at.minute, f' {at.minute}')}"


GERMAN = Spoken(
    tag="de-DE",
    voice="Polly.Vicki-Neural",
    day=day_words("heute", "morgen", _on, _dated),
    clock=clock,
    zone=lambda city: f" Ortszeit {city}",
    back_by=" {day} bis {clock}{zone}",
    greeting="Danke für Ihren Anruf bei {firm}. Bitte bleiben Sie kurz am Apparat, wir suchen jemanden für Sie.",
    thanks="Danke für Ihren Anruf bei {firm}.",
    sorry="Entschuldigen Sie bitte, im Augenblick war niemand frei.",
    closed="Danke für Ihren Anruf bei {firm}. Zurzeit ist bei uns geschlossen.",
    back_we="Wir rufen Sie{when} zurück{where}.",
    back_person="{person} oder jemand aus dem Kollegenkreis ruft Sie{when} zurück{where}.",
    this_number=", unter der Nummer, mit der Sie gerade telefonieren",
    given_number=", unter der Nummer, die Sie uns genannt haben",
    kept_place="Ihr früherer Anruf ist nicht vergessen, Ihr Platz in der Reihe bleibt.",
    menu="Mehr brauchen Sie nicht zu tun, Sie dürfen auflegen. Ist Ihnen eine andere Nummer lieber, drücken Sie die "
    "Zwei. Möchten Sie uns etwas aufsprechen, drücken Sie die Drei.",
    menu_without_number="Wir sehen Ihre Nummer nicht. Wenn Sie uns eine nennen möchten, drücken Sie die Zwei. "
    "Möchten Sie uns etwas aufsprechen, drücken Sie die Drei.",
    menu_again="Bitte noch einmal: die Zwei für eine andere Nummer, die Drei zum Aufsprechen.",
    ask_number="Bitte tippen Sie die Nummer mit Vorwahl ein und schließen Sie mit der Rautetaste ab.",
    ask_again="Diese Nummer können wir nicht anrufen. Bitte tippen Sie sie noch einmal mit Vorwahl ein und schließen "
    "Sie mit der Rautetaste ab.",
    read_back="Sie haben uns {digits} genannt.",
    correct="Ist das richtig, dürfen Sie auflegen. Zum Ändern drücken Sie die Zwei.",
    record="Bitte sagen Sie, wer Sie sind und worum es geht. Wir zeichnen das auf, damit beim Rückruf jemand Bescheid "
    "weiß. Ist Ihnen das nicht recht, legen Sie nur auf, der Rückruf kommt trotzdem. Am Ende drücken Sie die Raute.",
    record_without_number="Bitte sagen Sie, wer Sie sind, unter welcher Nummer wir Sie erreichen und worum es geht. "
    "Wir zeichnen das auf, um Sie anrufen zu können. Ist Ihnen das nicht recht, legen Sie nur auf. "
    "Am Ende drücken Sie die Raute.",
    recorded="Danke, Ihre Worte sind bei uns.",
    noted="Wir haben Ihren Anruf vermerkt. Weil uns Ihre Nummer fehlt, rufen Sie uns bitte noch einmal an, "
    "wann es Ihnen passt.",
    goodbye="Auf Wiederhören.",
    after_talk="Danke für Ihren Anruf. Auf Wiederhören.",
    whisper="Ein Anruf auf der Leitung {line}. Zum Annehmen drücken Sie die Eins.",
    whisper_gone="Am anderen Ende wurde aufgelegt. Der Rückruf ist vorgemerkt.",
    colleague="Aus dem Kollegenkreis war niemand frei. Dieser Anruf kommt von einer unserer eigenen Nummern, "
    "darum ist kein Rückruf vorgemerkt. Auf Wiederhören.",
    cannot_connect="Danke für Ihren Anruf bei {firm}. Entschuldigen Sie bitte, im Augenblick können wir Sie nicht "
    "verbinden.",
    will_ring="Wir rufen Sie unter der Nummer zurück, mit der Sie gerade telefonieren.",
    after_tone="Wenn Sie uns sagen möchten, worum es geht, sprechen Sie nach dem Ton; das wird aufgezeichnet. "
    "Zum Schluss legen Sie einfach auf.",
)
