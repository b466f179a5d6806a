"""The words that exports of Outlook, Google, Excel and CRMs use for our fields: in English, German, Danish, Indonesian.

Pure. A heading is compared in its plain form: without accents, digits and whatever else is no letter. Left out is what
means two things: an `Ansprechpartner` may be one of us, a `Kundennummer` the firm's, and `WhatsApp` a yes.
"""

import re
import unicodedata
from collections.abc import Mapping

_HEADINGS: Mapping[str, str] = {
    "name": "full name, display name, fn, contact name, person - name, vollständiger name, anzeigename, kontaktname,"
    " navn, fulde navn, nama, nama lengkap, nama kontak",
    "given": "first name, given name, firstname, forename, vorname, rufname, fornavn, nama depan",
    "family": "last name, family name, surname, lastname, nachname, familienname, zuname, efternavn, nama belakang",
    "email": "mail, email address, email addresses, mail address, email value, work email, business email,"
    " primary email, private email, person - email, person - email - work, mailadresse, emailadresse, email adresse,"
    " email geschäftlich, email privat, email arbejde, primær email, surel, alamat email, alamat surel",
    "phone": "telephone, tel, phone number, phone value, phone numbers, telephone number, mobile, mobile phone,"
    " mobile number, mobile phone number, cell, cell phone, business phone, work phone, home phone, primary phone,"
    " other phone, direct phone, person - phone, person - phone - work, person - phone - mobile,"
    " telefon, telefonnummer, telefonnr, telefon nr, tel nr, rufnummer, festnetz, festnetznummer,"
    " telefon geschäftlich, telefon privat, telefon mobil, telefon dienstlich, telefon arbeit, weiteres telefon,"
    " haupttelefon, mobiltelefon, mobilnummer, mobilfunknummer, mobilfunk, mobilnr, mobil, handy, handynummer, handynr,"
    " handy nr, mobil nr,"
    " tlf, tlf nr, tlfnr, telefon arbejde, arbejdstelefon, privattelefon, mobilnr, mobiltelefonnummer,"
    " telepon, no telepon, nomor telepon, telepon kantor, telepon rumah, telepon seluler, ponsel, nomor ponsel,"
    " hp, no hp, nomor hp, nomor handphone, handphone",
    "language": "lang, preferred language, sprache, bevorzugte sprache, korrespondenzsprache, sprog, foretrukket sprog,"
    " bahasa",
    "timezone": "time zone, zone, tz, zeitzone, tidszone, zona waktu",
    "organisation": "organization, organization name, organisation name, company, company name,"
    " account, account name, employer, person - organization, firma, firmenname, unternehmen, unternehmensname,"
    " organisationsname, virksomhed, virksomhedsnavn, firmanavn, perusahaan, nama perusahaan, organisasi",
    "associated": "associated company",
    "external_id": "id, record id, contact id, kontakt id, datensatz id, id kontak",
    "customer": "customer number, customer no, customer id",
}

_LANGUAGES: Mapping[str, str] = {
    "en": "english, englisch, engelsk, inggris",
    "de": "german, deutsch, tysk, jerman",
    "da": "danish, dänisch, dansk, denmark",
    "id": "indonesian, indonesisch, indonesisk, indonesia",
    "fr": "french, französisch, fransk, prancis, français",
    "es": "spanish, spanisch, spansk, spanyol, español",
    "it": "italian, italienisch, italiensk, italia, italiano",
    "nl": "dutch, niederländisch, nederlandsk, hollandsk, belanda, nederlands",
    "pl": "polish, polnisch, polsk, polandia, polski",
    "sv": "swedish, schwedisch, svensk, swedia, svenska",
    "no": "norwegian, norwegisch, norsk, norwegia",
}

YES = frozenset({"yes", "true", "1", "x", "y", "ja", "j", "wahr", "sand", "sandt", "ya", "benar"})
NO = frozenset({"no", "false", "0", "n", "nein", "falsch", "nej", "falsk", "tidak", "salah"})


def heading_means(heading: str) -> str | None:
    """What a column of this heading holds: one of our names, "given", "family" or "associated", the organisation where
    no other column says it; None where no export has it.
    """
    return _MEANS.get(plain(heading))


def language_of(text: str) -> str:
    """The code of a language that is written by its name; any other text as it is."""
    return _CODES.get(plain(text).removeprefix("bahasa_"), text)


def plain(text: str) -> str:
    """In a to z with `_` between the words: `E-mail 2 - Value` is `email_value`, `Telefon (geschäftlich)`
    `telefon_geschaftlich`."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("ø", "o").replace("æ", "ae"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z]+", "_", bare).strip("_").replace("e_mail", "email")


def name_words(name: str) -> frozenset[str]:
    """The words of a person's name, whatever their order and case: `Clarke, Jane` is `Jane Clarke`."""
    return frozenset(filter(None, re.split(r"[\s,;]+", name.casefold())))


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {plain(word): meant for meant, words in table.items() for word in words.split(",")}


_MEANS = _by_word(_HEADINGS)
_CODES = _by_word(_LANGUAGES)
