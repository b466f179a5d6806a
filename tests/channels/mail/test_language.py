"""Which language a person wrote in, from little text; and why we answer in it."""

import pytest

from commsd.channels.mail.language import detect, language_of, own_words
from tests.channels.mail.written import message

OURS = ("en", "de", "da", "id")

SAMPLES = {
    "de": """Guten Tag, wo bleibt meine Bestellung 2041? Ich warte seit einer Woche.
Können Sie mir bitte die Rechnung noch einmal schicken?
Lieferung kam beschädigt an, erbitte Ersatz
Wie lange haben Sie heute geöffnet?""",
    "en": """Could you please send me the invoice again?
Hi there, invoice 2041 is wrong. Regards
Order 2041 has not arrived yet, three weeks waiting
Can I change the delivery address?""",
    "da": """Hej, hvor er min ordre 2041? Jeg har ventet i en uge.
Kan I sende mig fakturaen igen?
Hvornår bliver den leveret?
Pakken er gået i stykker under transporten""",
    "id": """Selamat siang, di mana pesanan saya 2041?
Mohon kirim ulang fakturnya, terima kasih
Kapan barangnya dikirim?
Barang saya rusak waktu diterima""",
}


@pytest.mark.parametrize(
    ("code", "text"), [(code, text) for code, all_ in SAMPLES.items() for text in all_.split("\n")]
)
def test_a9_one_line_is_enough(code: str, text: str) -> None:
    assert detect(text, OURS) == code


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour, où est ma commande ? J'attends depuis une semaine.",
        "Hola, ¿dónde está mi pedido? Llevo una semana esperando.",
        "Goedemiddag, waar blijft mijn bestelling? Ik wacht al een week.",
        "Hej, var är min beställning? Jag har väntat i en vecka.",
    ],
)
def test_a_language_we_do_not_offer_is_not_taken_for_a_neighbour(text: str) -> None:
    assert detect(text, OURS) is None


@pytest.mark.parametrize("text", ["", "Ok, danke", "2041 2042 2043 2044 2045 2046", "https://x.test/ich/und/nicht/wir"])
def test_a9_under_twenty_letters_nothing_is_guessed(text: str) -> None:
    assert detect(text, OURS) is None


def test_only_configured_languages_come_out() -> None:
    assert detect("Kan I sende mig fakturaen igen? Jeg har ikke set den.", ("en", "de")) is None


@pytest.mark.parametrize(
    "quote",
    [
        "On Tue, Mar 10, 2026 at 10:17, Support <s@x.test> wrote:",
        "Am 10.03.2026 um 10:17 schrieb Support <s@x.test>:",
        "Den tirs. 10. mar. 2026 kl. 10.17 skrev Support <s@x.test>:",
        "Pada Sel, 10 Mar 2026 pukul 16.17 Support <s@x.test> menulis:",
        "-----Original Message-----",
        "-----Ursprüngliche Nachricht-----",
        "________________________________",
        "Von: Support <s@x.test>",
        "Fra: Support <s@x.test>",
        "Dari: Support <s@x.test>",
        "-- ",
    ],
)
def test_a9_what_is_quoted_or_signed_is_not_what_was_written(quote: str) -> None:
    text = f"Tak for svaret, det er fint.\n\n{quote}\n> Dear customer\nThank you for your order, we have sent it."
    assert own_words(text) == "Tak for svaret, det er fint."


def test_a_sentence_with_such_words_is_kept() -> None:
    text = "On Monday I wrote to you: no answer.\nFrom Berlin with love\n> quoted\nVon hier aus geht es"
    assert own_words(text).splitlines() == [line for line in text.splitlines() if not line.startswith(">")]


def test_a9_the_causes_are_asked_in_order() -> None:
    danish = message(body="Kan I sende mig fakturaen igen? Jeg har ikke set den.", content_language="de")
    short = message(body="Ok", subject="2041", content_language="de-AT")
    assert language_of(danish, "id", OURS) == ("id", "contact")
    assert language_of(danish, "fr", OURS) == ("da", "detected")
    assert language_of(danish, None, OURS) == ("da", "detected")
    assert language_of(short, None, OURS) == ("de", "header")
    assert language_of(message(body="Ok", subject="2041"), None, OURS) == ("en", "default")
    assert language_of(message(body="Ok", subject="2041"), None, ("da", "en")) == ("da", "default")


def test_a_mail_that_is_all_subject_is_understood() -> None:
    subject = "Wann wird meine Bestellung 2041 geliefert?"
    assert language_of(message(body="", subject=subject), None, OURS) == ("de", "detected")
    # In a reply the subject may be ours.
    assert language_of(message(body="Ok", subject=subject, references="<a@x.test>"), None, OURS) == ("en", "default")
