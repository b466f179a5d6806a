"""Danish, with du and with De; a setting chooses, and the two are never mixed."""

from dataclasses import replace
from datetime import date, time

from commsd.channels.phone.prompts.spoken import Spoken, day_words

_DAYS = ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag")
_MONTHS = (
    "januar", "februar", "marts", "april", "maj", "juni",
    "juli", "august", "september", "oktober", "november", "december",
)  # fmt: skip
_HOURS = ("tolv", "et", "to", "tre", "fire", "fem", "seks", "syv", "otte", "ni", "ti", "elleve")


def _on(day: date) -> str:
    return f"på {_DAYS[day.weekday()]}"


def _dated(day: date) -> str:
    return f"{_DAYS[day.weekday()]} den {day.day}. {_MONTHS[day.month - 1]}"


def clock(at: time) -> str:
    """14:30 is "klokken halv tre om eftermiddagen"."""
    part = "om morgenen" if at.hour < 9 else "om formiddagen" if at.hour < 12 else "om eftermiddagen"
    part = "om aftenen" if at.hour >= 18 else "om natten" if at.hour < 5 else part
    this, following = _HOURS[at.hour % 12], _HOURS[(at.hour + 1) % 12]
    words = {0: this, 15: f"kvart over {this}", 30: f"halv {following}", 45: f"kvart i {following}"}
    return f"klokken {words.get(at.minute, f'{this} {at.minute:02}')} {part}"


DANISH = Spoken(
    tag="da-DK",
    voice="Polly.Sofie-Neural",
    day=day_words("i dag", "i morgen", _on, _dated),
    clock=clock,
    zone=lambda city: f", {city}-tid",
    back_by=" {day}, senest {clock}{zone}",
    back_from=" {day}, fra {clock}{zone}",
    greeting="Tak for dit opkald til {firm}. Bliv ved telefonen et øjeblik, vi finder en, du kan tale med.",
    thanks="Tak for dit opkald til {firm}.",
    sorry="Vi beklager, der var ingen ledig til at tage telefonen.",
    closed="Tak for dit opkald til {firm}. Vi holder lukket i øjeblikket.",
    back_we="Vi ringer tilbage til dig{when}{where}.",
    back_person="{person} eller en kollega ringer tilbage til dig{when}{where}.",
    back_written="Du får et skriftligt svar fra os{when}.",
    back_noted="Vi har noteret dit opkald. Vil du gerne ringes op denne ene gang, så tryk et.",
    this_number=", på det nummer, du har ringet fra",
    given_number=", på det nummer, du har givet os",
    kept_place="Dit tidligere opkald er ikke glemt, du beholder din plads i køen.",
    menu="Mere skal du ikke gøre, du kan roligt lægge på. Er et andet nummer bedre, så tryk to. "
    "Vil du indtale en besked, så tryk tre.",
    menu_without_number="Vi kan ikke se dit nummer. Vil du give os et, så tryk to. "
    "Vil du indtale en besked, så tryk tre.",
    menu_more="Du kan også bare sige det. Har du ikke længere brug for et opkald, så tryk ni.",
    menu_again="En gang til, ganske kort: to for et andet nummer, tre for en besked.",
    ask_number="Tast nummeret, og slut med firkanttasten.",
    ask_again="Det nummer kan vi ikke ringe til. Tast det en gang til, og slut med firkanttasten.",
    read_back="Du har givet os {digits}.",
    correct="Er det rigtigt, kan du lægge på. Vil du ændre det, så tryk to.",
    agreed="Godt. Vi ringer til dette nummer: {digits}.",
    purpose="Sig gerne efter tonen med en sætning eller to, hvad det drejer sig om. Det bliver optaget, så den, der "
    "ringer, har hørt det. Ønsker du ingen optagelse, kan du lægge på nu; vi ringer alligevel.",
    record="Fortæl, hvem du er, og hvad det drejer sig om. Vi optager det, så den, der ringer dig op, er forberedt. "
    "Ønsker du ingen optagelse, så læg på; vi ringer alligevel. Tryk firkant, når du er færdig.",
    record_unrung="Fortæl, hvem du er, og hvad det drejer sig om. Vi optager det, så den, der tager sig af det, er "
    "forberedt. Ønsker du ingen optagelse, så læg på; dit opkald er noteret. Tryk firkant, når du er færdig.",
    record_without_number="Fortæl, hvem du er, hvilket nummer vi kan ringe til, og hvad det drejer sig om. Vi optager "
    "det for at kunne ringe dig op. Ønsker du ingen optagelse, så læg på. Tryk firkant, når du er færdig.",
    recorded="Tak, din besked er hos os.",
    noted="Vi har noteret dit opkald. Vi mangler dit nummer, så ring gerne til os igen, når det passer dig.",
    declined="Så ringer vi ikke om dette. Du er altid velkommen til at ringe til os igen.",
    goodbye="Farvel.",
    after_talk="Tak for opkaldet. Farvel.",
    whisper="Et opkald på linjen {line}. Tryk et for at tage det.",
    whisper_gone="Den, der ringede, har lagt på. Vi har noteret, at der skal ringes tilbage.",
    whisper_taken="En kollega har lige taget opkaldet. Tak, farvel.",
    colleague="Ingen af kollegerne kunne tage telefonen. Opkaldet kommer fra et af vores egne numre, "
    "så der er ikke noteret noget. Farvel.",
    cannot_connect="Tak for dit opkald til {firm}. Vi beklager, at vi ikke kan stille dig om lige nu.",
    will_ring="Vi ringer tilbage på det nummer, du ringer fra.",
    after_tone="Vil du sige, hvad det drejer sig om, så tal efter tonen; det bliver optaget. Læg på, når du er færdig.",
)

DANISH_FORMAL = replace(
    DANISH,
    greeting="Tak for Deres opkald til {firm}. Bliv ved telefonen et øjeblik, vi finder en, De kan tale med.",
    thanks="Tak for Deres opkald til {firm}.",
    sorry="Vi beklager, der var ingen ledig til at tage telefonen.",
    closed="Tak for Deres opkald til {firm}. Vi holder lukket i øjeblikket.",
    back_we="Vi ringer tilbage til Dem{when}{where}.",
    back_person="{person} eller en kollega ringer tilbage til Dem{when}{where}.",
    back_written="De får et skriftligt svar fra os{when}.",
    back_noted="Vi har noteret Deres opkald. Vil De gerne ringes op denne ene gang, så tryk et.",
    this_number=", på det nummer, De har ringet fra",
    given_number=", på det nummer, De har givet os",
    kept_place="Deres tidligere opkald er ikke glemt, De beholder Deres plads i køen.",
    menu="Mere skal De ikke gøre, De kan roligt lægge på. Er et andet nummer bedre, så tryk to. "
    "Vil De indtale en besked, så tryk tre.",
    menu_without_number="Vi kan ikke se Deres nummer. Vil De give os et, så tryk to. "
    "Vil De indtale en besked, så tryk tre.",
    menu_more="De kan også bare sige det. Har De ikke længere brug for et opkald, så tryk ni.",
    read_back="De har givet os {digits}.",
    correct="Er det rigtigt, kan De lægge på. Vil De ændre det, så tryk to.",
    purpose="Sig gerne efter tonen med en sætning eller to, hvad det drejer sig om. Det bliver optaget, så den, der "
    "ringer, har hørt det. Ønsker De ingen optagelse, kan De lægge på nu; vi ringer alligevel.",
    record="Fortæl, hvem De er, og hvad det drejer sig om. Vi optager det, så den, der ringer Dem op, er forberedt. "
    "Ønsker De ingen optagelse, så læg på; vi ringer alligevel. Tryk firkant, når De er færdig.",
    record_unrung="Fortæl, hvem De er, og hvad det drejer sig om. Vi optager det, så den, der tager sig af det, er "
    "forberedt. Ønsker De ingen optagelse, så læg på; Deres opkald er noteret. Tryk firkant, når De er færdig.",
    record_without_number="Fortæl, hvem De er, hvilket nummer vi kan ringe til, og hvad det drejer sig om. Vi optager "
    "det for at kunne ringe Dem op. Ønsker De ingen optagelse, så læg på. Tryk firkant, når De er færdig.",
    recorded="Tak, Deres besked er hos os.",
    noted="Vi har noteret Deres opkald. Vi mangler Deres nummer, så ring gerne til os igen, når det passer Dem.",
    declined="Så ringer vi ikke om dette. De er altid velkommen til at ringe til os igen.",
    cannot_connect="Tak for Deres opkald til {firm}. Vi beklager, at vi ikke kan stille Dem om lige nu.",
    will_ring="Vi ringer tilbage på det nummer, De ringer fra.",
    after_tone="Vil De sige, hvad det drejer sig om, så tal efter tonen; det bliver optaget. Læg på, når De er færdig.",
)
