"""Keys: the texts that name all a decision hangs on. Two decisions that share one are taken one after the other."""

from datetime import timedelta

from commsd.config.unit import Rate
from commsd.core.contact import CUSTOMER, Identity, identity_of, inbox_of
from commsd.core.organisation import Mark, name_form

_BUDGET = "budget:"

PEOPLE = ("email", "phone", CUSTOMER)
"""Kinds of identities that are the beginning of their keys; all others are names other systems gave themselves."""


def of_identity(identity: Identity) -> str:
    """The contact behind an address, a number or another system's id, its open cases and callbacks."""
    return (
        f"{identity.kind}:{identity.value}" if identity.kind in PEOPLE else f"person:{identity.kind}:{identity.value}"
    )


def of_contact(contact_id: str) -> str:
    """A contact by its id, its open cases and callbacks."""
    return f"contact:{contact_id}"


def of_mark(mark: Mark) -> str:
    """The organisation known by a domain, a number or another system's id."""
    return f"mark:{mark.kind}:{mark.value}"


def of_organisation(organisation_id: str) -> str:
    """An organisation by its id."""
    return f"organisation:{organisation_id}"


def of_organisation_called(name: str) -> str:
    """The organisations of this name."""
    return f"called:{name_form(name)}"


def of_addresses(*addresses: str | None) -> tuple[str, ...]:
    """The keys of those addresses and numbers that have a normal form; of `name+tag@` its inbox's too."""
    found = [identity for address in addresses if (identity := identity_of(address))]
    return tuple(dict.fromkeys(of_identity(each) for known in found for each in (known, inbox_of(known))))


def of_message_id(message_id: str) -> str:
    """The interactions that carry this Message-ID, and their case."""
    return f"id:{message_id}"


def of_recipient(address: str) -> str:
    """Whether this address refused an acknowledgement, in any spelling."""
    return f"recipient:{address}"


def of_inbox(inbox: str) -> str:
    """The acknowledgements of the last day to all addresses of this inbox (`rate_limit.inbox_of`)."""
    return f"inbox:{inbox}"


def of_budget(mailbox: str, budget: Rate) -> str:
    """How much of its budget a mailbox has spent. Read without a lock, for all its decisions hang on it."""
    return f"{_BUDGET}{mailbox}:{budget.count}:{budget.per // timedelta(milliseconds=1)}"


def budget_of(key: str) -> tuple[str, Rate] | None:
    """The mailbox and budget of such a key; None for any other."""
    if not key.startswith(_BUDGET):
        return None
    mailbox, count, per = key.removeprefix(_BUDGET).rsplit(":", 2)
    return mailbox, Rate(int(count), timedelta(milliseconds=int(per)))


def of_logical(logical_key: str) -> str:
    """The interaction recorded under this logical key, if any."""
    return f"logical:{logical_key}"


def of_request(request: str) -> str:
    """What a request under an Idempotency-Key came to. request: as `CameTo` has it."""
    return f"request:{request}"


def of_call(call_sid: str) -> str:
    """A call: its interaction, webhooks and answers."""
    return f"call:{call_sid}"


def of_case(case_id: str) -> str:
    """A case with all its interactions and clocks."""
    return f"case:{case_id}"


def of_callback(callback_id: str) -> str:
    """A callback and its case."""
    return f"callback:{callback_id}"


def of_interaction(interaction_id: str) -> str:
    """One interaction and its case."""
    return f"interaction:{interaction_id}"


def of_delivery(delivery_id: str) -> str:
    """One delivery, the interaction it is for and its case."""
    return f"delivery:{delivery_id}"
