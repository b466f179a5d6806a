"""`ack` and `twiml`: what customers get to read and to hear, before any does."""

import sys
from collections.abc import Sequence

import typer

from commsd.channels.phone.dial.twiml import Voice, connect_bin
from commsd.channels.phone.dial.twiml import fallback as fallback_for_us
from commsd.channels.phone.dial.wording import wording
from commsd.channels.phone.line import PhoneSettings
from commsd.channels.phone.prompts import LANGUAGES, spoken
from commsd.channels.phone.twiml import fallback
from commsd.cli.held import EXAMPLES, settle
from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, plain
from commsd.cli.place import example, folder
from commsd.cli.sample import Sample, Situation, Wanted, samples
from commsd.config.load import load
from commsd.core import key
from commsd.core.contact import Contact, field_identity, identity_of
from commsd.errors import Refused
from commsd.store import open_items
from commsd.world import real_world

app = typer.Typer()
ack_app = typer.Typer(help="Acknowledgements.", no_args_is_help=True)
twiml_app = typer.Typer(help="What callers hear.", no_args_is_help=True)
ack_app.command("settle", epilog=EXAMPLES)(settle)
app.add_typer(ack_app, name="ack")
app.add_typer(twiml_app, name="twiml")


@ack_app.command(
    "preview",
    epilog=example(
        "commsd ack preview support --language de --situation out-of-hours",
        "commsd ack preview support --to jane@example.org",
        "commsd ack preview post --letter > letter.html",
    ),
)
def preview(
    ctx: typer.Context,
    mailbox: str = typer.Argument(metavar="MAILBOX", help="Its name in the configuration."),
    to: str = typer.Option("", metavar="ADDRESS", help="As this customer would get it: by name, language and owner."),
    language: list[str] = typer.Option([], "--language", metavar="L", help="In this one alone; may be repeated."),
    situation: list[Situation] = typer.Option([], "--situation", help="In this one alone; may be repeated."),
    html: bool = typer.Option(False, "--html", help="Print the HTML part, where the mailbox sends one."),
    letter: bool = typer.Option(False, "--letter", help="The page to be printed, as an HTML file, in one language."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """The acknowledgement as a customer would get it, per language and situation: in and out of opening hours, on a
    holiday, after an outage, to somebody who asks for a call or likes few words, to a second writing in the matter."""
    if to and field_identity(to) is None:
        raise typer.BadParameter("this is no mail address", param_hint="--to")
    if to and letter:
        raise typer.BadParameter("a letter goes to whoever has no mail address: leave --to out", param_hint="--letter")
    config = load(folder(ctx).path)
    wanted = Wanted(
        languages=language or (config.firm.languages[:1] if letter else ()),
        situations=situation or ((Situation.IN_HOURS,) if letter else ()),
        to=to,
        contact=in_house(ctx, lambda house: _contact(house, to)) if to else None,
        letter=letter,
    )
    found = samples(config, mailbox, wanted, real_world().now())
    if json:
        as_json([each.record() for each in found])
        return
    if letter:
        _print_page(found)
        return
    if html and not any(each.html for each in found):
        raise Refused(f"mailbox {mailbox} sends no HTML", remedy="set html = true there, or leave out --html")
    for each in found:
        _print(each, html)


def _print_page(found: Sequence[Sample]) -> None:
    """The one page, ready for a browser."""
    if len(found) > 1:
        raise typer.BadParameter("a file holds one page: name one language, one situation", param_hint="--letter")
    typer.echo(found[0].html)


async def _contact(house: House, address: str) -> Contact | None:
    keys = key.of_addresses(address)
    now = house.world.now()
    items = await house.log.read(lambda c: open_items.load(c, keys, now).view(keys, now, house.world.new_id))
    identity = identity_of(address)
    return items.contacts.get(identity) if identity else None


def _print(sample: Sample, html: bool) -> None:
    typer.echo(f"--- {sample.language}, {sample.situation}, {sample.when}")
    shown = sample.html if html and sample.html else sample.text
    typer.echo(f"To: {plain(sample.recipient)}\nSubject: {plain(sample.subject)}\n\n{shown.rstrip()}\n")


@twiml_app.command("connect", epilog=example("commsd twiml connect > connect.xml"))
def connect_twiml() -> None:
    """The TwiML Bin that puts a callback through by key where Twilio cannot reach us: see [twilio] connect_url."""
    sys.stdout.write(connect_bin().decode() + "\n")


@twiml_app.command(
    "fallback",
    epilog=example(
        "commsd twiml fallback --lang de --lang en > fallback.xml",
        "commsd twiml fallback --ours > ours.xml",
    ),
)
def fallback_twiml(
    ctx: typer.Context,
    lang: list[str] = typer.Option([], "--lang", metavar="L", help="In this language; may be given more than once."),
    ours: bool = typer.Option(False, "--ours", help="For [twilio] fallback_url: what your own people hear."),
) -> None:
    """The static answer for Twilio's fallback URL: put it where it answers while this host is down."""
    config = load(folder(ctx).path)
    phone: PhoneSettings | None = config.settings.get("phone")
    lines = phone.lines.values() if phone else ()
    heard = dict.fromkeys(language for line in lines for language in line.languages)
    chosen = tuple(lang or heard or config.firm.languages[:1])
    if unknown := [language for language in lang if language not in LANGUAGES]:
        what = f"no texts in {', '.join(unknown)}: choose from {', '.join(LANGUAGES)}"
        raise typer.BadParameter(what, param_hint="--lang")
    address_as = config.firm.address_as
    if ours:
        chosen = tuple(lang or config.firm.languages[:1])
        voices = [Voice(spoken=spoken(each, address_as), words=wording(each), url=None) for each in chosen]
        sys.stdout.write(fallback_for_us(voices).decode() + "\n")
        return
    sys.stdout.write(fallback(chosen, config.firm.name, address_as=address_as).decode() + "\n")
