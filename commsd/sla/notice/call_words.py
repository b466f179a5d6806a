"""Words for people about calls: why one was missed, why one is held, what a number looks like to a finger. Pure.

The words of the records stand in `channels.phone` and `core.callback`; here they only become sentences.
"""

from collections.abc import Mapping

from commsd.core.number import parse_number

MISSED: Mapping[str, str] = {
    "abandoned_greeting": "hung up during the greeting",
    "abandoned_ringing": "hung up while it rang",
    "abandoned_menu": "hung up in the menu",
    "no_answer": "nobody answered",
    "closed": "we were closed",
    "nobody_rung": "nobody was there to be rung",
    "message_left": "left a message, which is kept with the call",
    "fallback": "commsd could not answer, so Twilio played the fallback",
    "call_list": "Twilio's list of calls says so",
    "ping": "rang for less than three seconds",
    "declined_by_customer": "said that no call is needed",
}
"""By the reason of a missed call."""

HELD: Mapping[str, str] = {
    "burst": "it came in a burst of calls from numbers never seen before",
    "dnc": "this customer does not want to be called",
    "write_only": "this customer wants to be answered in writing alone, and your written answer settles it",
    "ping": "it rang so briefly that only a call back can have been wanted",
    "third_party": "its caller had another number rung today already that was not his own, or may not have been",
    "own_number": "the number is one of our own, so that the call would come back to us",
    "number:invalid": "there is no such number",
}
"""By the reason a callback is held for, where it has no more to it."""


def missed_because(reason: str | None) -> str:
    """Why nobody spoke to a caller; nothing where no reason is recorded."""
    return MISSED.get(reason or "", (reason or "").replace("_", " "))


def held_because(reason: str | None) -> str:
    """Why no machine rings a number, as a sentence without its full stop."""
    word, _, what = (reason or "").partition(":")
    match word:
        case "type":
            return f"the number is of a kind that costs: {what.replace('_', ' ')}"
        case "region" if what == "001":
            return "the number belongs to no country, as those of satellites and services do"
        case "region":
            return f"numbers of {what} are not among the regions that may be dialled"
        case "price":
            return f"a minute to {what} costs more than any customer's call should"
    return HELD.get(reason or "", (reason or "no reason is recorded").replace("_", " ").replace(":", ": "))


def spoken(number: str | None) -> str:
    """A number with its spaces: "+49 30 23125099"."""
    known = parse_number(number or "")
    return known.as_dialled_from("") if known else number or "number withheld"


def times(count: int) -> str:
    """ "once", "twice", "5 times"."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
