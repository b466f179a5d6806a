"""A working morning at Example Ltd: enough of everything to look at the page with."""

from datetime import timedelta

from commsd.core import key
from commsd.core.change import change_of
from commsd.core.entry import Hand, Result, Said
from commsd.core.interaction import (
    Actor,
    Automation,
    Channel,
    Direction,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)
from commsd.crm import call_actions
from commsd.store.query import keys_of_callback
from commsd.web.view import ChannelState
from tests.crm.serving import Fact, Place, call_from, mail_from
from tests.house import TERMS
from tests.world import ScriptedWorld

WRITERS = (
    ("jane.clarke@example.org", "Jane Clarke", "Delivery 4711 came in two parts", "en"),
    ("t.brandt@example.net", "Torsten Brandt", "Rechnung 2026-0318: falsche Lieferadresse", "de"),
    ("sorensen@example.dk", "Mette Sørensen", "Tilbud på 40 stk. til Aarhus?", "da"),
    ("wulandari@example.id", "Dewi Wulandari", "Permintaan katalog dan harga grosir", "id"),
    ("purchasing@example.com", "Harbour & Sons, Purchasing", "Order 88-1204: two more pallets by Friday", "en"),
    ("k.lehmann@example.net", "Käthe Lehmann", "Wann kommt der Techniker?", "de"),
)


def acknowledged(message: Interaction) -> Fact:
    party = Party(Role.TO, message.parties[0].address, message.parties[0].name)
    return Fact(
        channel=Channel.EMAIL,
        kind=Kind.ACK,
        direction=Direction.OUTBOUND,
        actor=Actor.MACHINE,
        outcome=Outcome.REACHED,
        mailbox="support",
        language=message.language,
        caused_by=message.id,
        case_id=message.case_id,
        parties=(party,),
    )


def answered(message: Interaction, agent: str) -> Fact:
    party = Party(Role.TO, message.parties[0].address, message.parties[0].name)
    return Fact(
        channel=Channel.EMAIL,
        kind=Kind.MESSAGE,
        direction=Direction.OUTBOUND,
        actor=Actor.AGENT,
        outcome=Outcome.REACHED,
        mailbox="support",
        agent=agent,
        case_id=message.case_id,
        subject=f"Re: {message.subject}",
        parties=(party,),
    )


async def take(here: Place, fact: Fact, *keys: str) -> Interaction:
    change = await here.log.decide(keys, lambda items: change_of(fact(items), items, TERMS))
    return change.interactions[0]


async def a_busy_morning(here: Place, world: ScriptedWorld) -> None:
    """From half past eight to a quarter to one, Berlin time."""
    world.now = world.now.replace(hour=7, minute=32)
    messages: list[Interaction] = []
    for place, (address, name, subject, language) in enumerate(WRITERS):
        fact = mail_from(address, subject, name, language=language)
        message = await take(here, fact, *key.of_addresses(address))
        messages.append(message)
        world.advance(timedelta(seconds=2))
        await take(here, acknowledged(message), key.of_case(message.case_id or ""), key.of_interaction(message.id))
        world.advance(timedelta(minutes=23 + 9 * place))
        if place == 1:
            await take(here, answered(message, "Anna Berg"), key.of_case(message.case_id or ""))
            world.advance(timedelta(minutes=6))
            machine = mail_from(
                "newsletter@example.com", "Our spring offers", "The Packaging Letter", automation=Automation.LIST
            )
            await take(here, machine)
            await take(here, suppressed())
    await calls(here, world)
    here.channels += [
        ChannelState(name="support", kind="mailbox", working=True, last_success=world.now - timedelta(seconds=12)),
        ChannelState(
            name="sales",
            kind="mailbox",
            working=False,
            last_success=world.now - timedelta(minutes=18),
            said="the server refuses the login",
        ),
        ChannelState(name="hotline", kind="line", working=True, last_success=world.now - timedelta(minutes=4)),
    ]


def suppressed() -> Fact:
    return Fact(
        channel=Channel.EMAIL,
        kind=Kind.ACK,
        direction=Direction.OUTBOUND,
        actor=Actor.MACHINE,
        outcome=Outcome.SUPPRESSED,
        reason="no-ack:list",
        mailbox="support",
        parties=(Party(Role.TO, "newsletter@example.com", "The Packaging Letter"),),
    )


async def calls(here: Place, world: ScriptedWorld) -> None:
    hand = Hand(by="bo", agent_id="bo", agent="Bo Lind")
    first = await here.happened(*key.of_addresses("+493023125099"), fact=call_from("+493023125099", "CA1"))
    world.advance(timedelta(minutes=31))
    await here.happened(*key.of_addresses("+493023125099"), fact=call_from("+493023125099", "CA2"))
    await here.happened(*key.of_addresses("+4533123456"), fact=call_from("+4533123456", "CA3"))
    world.advance(timedelta(minutes=12))
    third = await here.happened(*key.of_addresses("+442079460123"), fact=call_from("+442079460123", "CA4"))
    await here.happened(fact=call_from("Anonymous", "CA5"))
    claimed = third.callbacks[0].id
    keys = await here.log.read(lambda c: keys_of_callback(c, claimed))
    await here.log.decide(keys, call_actions.claim_callback(claimed, hand))
    keys = await here.log.read(lambda c: keys_of_callback(c, first.callbacks[0].id))
    await here.log.decide(
        keys, call_actions.callback_result(first.callbacks[0].id, Said(result=Result.VOICEMAIL), hand, TERMS)
    )
    world.advance(timedelta(minutes=16))
