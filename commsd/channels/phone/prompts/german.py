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
    back_from=" {day} ab {clock}{zone}",
    greeting="Danke für Ihren Anruf bei {firm}. Bleiben Sie bitte einen Augenblick dran, wir stellen Sie durch.",
    thanks="Danke für Ihren Anruf bei {firm}.",
    sorry="Es tut uns leid, im Augenblick ist niemand frei.",
    closed="Danke für Ihren Anruf bei {firm}. Zurzeit ist bei uns geschlossen.",
    back_we="Wir rufen Sie{when} zurück{where}.",
    back_person="{person} oder jemand aus dem Team ruft Sie{when} zurück{where}.",
    back_written="Sie bekommen von uns{when} eine schriftliche Antwort.",
    back_noted="Ihr Anruf ist vermerkt. Möchten Sie dieses eine Mal zurückgerufen werden, drücken Sie die Eins.",
    this_number=", unter der Nummer, mit der Sie gerade anrufen",
    given_number=", unter der Nummer, die Sie uns genannt haben",
    kept_place="Ihr früherer Anruf ist nicht vergessen, Ihr Platz in der Reihe bleibt Ihnen.",
    menu="Mehr brauchen Sie nicht zu tun, Sie können jetzt auflegen. Ist Ihnen eine andere Nummer lieber, drücken Sie "
    "die Zwei. Möchten Sie eine Nachricht hinterlassen, drücken Sie die Drei.",
    menu_without_number="Wir sehen Ihre Nummer nicht. Wenn Sie uns eine nennen möchten, drücken Sie die Zwei. "
    "Möchten Sie eine Nachricht hinterlassen, drücken Sie die Drei.",
    menu_more="Sie können es auch einfach sagen. Brauchen Sie keinen Rückruf mehr, drücken Sie die Neun.",
    menu_again="Noch einmal kurz: für eine andere Nummer die Zwei, für eine Nachricht die Drei.",
    ask_number="Bitte tippen Sie die Nummer mit Vorwahl ein und schließen Sie mit der Rautetaste ab.",
    ask_again="Diese Nummer können wir nicht anrufen. Bitte tippen Sie sie noch einmal mit Vorwahl ein und schließen "
    "Sie mit der Rautetaste ab.",
    read_back="Wir haben notiert: {digits}.",
    correct="Stimmt das so, können Sie auflegen. Zum Ändern drücken Sie die Zwei.",
    agreed="Gut. Wir rufen diese Nummer an: {digits}.",
    purpose="Wenn Sie mögen, sagen Sie uns nach dem Ton in ein, zwei Sätzen, worum es geht. Das wird aufgezeichnet, "
    "damit Sie beim Rückruf nichts wiederholen müssen. Ist Ihnen das nicht recht, legen Sie jetzt auf, der Rückruf "
    "kommt trotzdem.",
    record="Bitte sagen Sie, wer Sie sind und worum es geht. Wir zeichnen das auf, damit beim Rückruf jemand Bescheid "
    "weiß. Ist Ihnen das nicht recht, legen Sie nur auf, der Rückruf kommt trotzdem. Am Ende drücken Sie die Raute.",
    record_unrung="Bitte sagen Sie, wer Sie sind und worum es geht. Wir zeichnen das auf, damit bei uns jemand "
    "Bescheid weiß. Ist Ihnen das nicht recht, legen Sie nur auf, Ihr Anruf bleibt vermerkt. "
    "Am Ende drücken Sie die Raute.",
    record_without_number="Bitte sagen Sie, wer Sie sind, unter welcher Nummer wir Sie erreichen und worum es geht. "
    "Wir zeichnen das auf, um Sie anrufen zu können. Ist Ihnen das nicht recht, legen Sie nur auf. "
    "Am Ende drücken Sie die Raute.",
    recorded="Danke, Ihre Nachricht ist bei uns angekommen.",
    noted="Wir haben Ihren Anruf vermerkt. Weil uns Ihre Nummer fehlt, rufen Sie uns bitte noch einmal an, "
    "sobald es Ihnen passt.",
    declined="In Ordnung, dann rufen wir Sie dazu nicht an. Sie erreichen uns jederzeit wieder.",
    goodbye="Auf Wiederhören.",
    after_talk="Danke für Ihren Anruf. Auf Wiederhören.",
    whisper="Ein Anruf auf der Leitung {line}. Zum Annehmen drücken Sie die Eins.",
    whisper_gone="Am anderen Ende wurde aufgelegt. Der Rückruf ist vorgemerkt.",
    whisper_taken="Dieser Anruf ist schon angenommen. Danke, auf Wiederhören.",
    colleague="Aus dem Team ist gerade niemand frei. Dieser Anruf kommt von einer unserer eigenen Nummern, "
    "darum ist kein Rückruf vorgemerkt. Auf Wiederhören.",
    cannot_connect="Danke für Ihren Anruf bei {firm}. Es tut uns leid, wir können Sie im Augenblick nicht verbinden.",
    will_ring="Wir rufen Sie unter der Nummer zurück, mit der Sie gerade anrufen.",
    after_tone="Wenn Sie uns sagen möchten, worum es geht, sprechen Sie nach dem Ton; das wird aufgezeichnet. "
    "Zum Schluss legen Sie einfach auf.",
)
