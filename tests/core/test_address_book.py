"""People united, split and told apart at random: whose an identity is stays certain, or is known to be uncertain."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commsd.core.callback import Callback, State
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity, match
from commsd.core.entry import Hand
from commsd.core.interaction import ContactMatch
from commsd.core.open_items import OpenItems
from commsd.core.opt_out import OptOut
from commsd.crm.actions import Decide
from commsd.crm.contact_merge import merge_contacts, split_contact
from commsd.crm.contact_set import Said, put_contact, put_person, set_contact
from commsd.errors import CommsdError

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
HAND = Hand(by="anna")
SWITCH = Identity("phone", "+493023125099")
IDENTITIES = tuple(Identity("email", f"{name}@example.org") for name in "abcd")


class Town:
    """Everybody there is, as the store would keep them."""

    def __init__(self) -> None:
        self.people: dict[str, Contact] = {}
        self._ids = count(1)

    @property
    def items(self) -> OpenItems:
        everybody = self.people.values()
        shared = {each: tuple(known for known in everybody if each in known.shared) for each in (*IDENTITIES, SWITCH)}
        return OpenItems(
            now=NOW,
            new_id=lambda: f"id-{next(self._ids):03}",
            people=self.people,
            contacts={identity: known for known in everybody for identity in known.identities},
            shared={identity: holders for identity, holders in shared.items() if holders},
        )

    def do(self, decide: Decide) -> Change | None:
        """The change; None where it is refused."""
        try:
            change = decide(self.items)
        except CommsdError:
            return None
        for contact in change.contacts:
            before = self.people.get(contact.id)
            assert contact.revision == (before.revision + 1 if before else 1)
            self.people[contact.id] = contact
        assert len(change.contacts) == len([e for e in change.events if e.type.startswith("contact.")])
        return change


places, some = st.integers(0, 5), st.lists(st.sampled_from(IDENTITIES), max_size=3, unique=True).map(tuple)
steps = st.one_of(
    st.tuples(st.just("merge"), places, places),
    st.tuples(st.just("split"), places, some),
    st.tuples(st.just("put"), places, some, st.booleans()),
    st.tuples(st.just("person"), some, st.booleans()),
    st.tuples(st.just("without"), places, some),
)


def decided(town: Town, step: tuple[object, ...]) -> Decide:
    known = [*town.people, "nobody"]
    match step:
        case ("merge", int(one), int(other)):
            return merge_contacts(known[one % len(known)], known[other % len(known)], HAND)
        case ("split", int(one), tuple(taken)):
            return split_contact(known[one % len(known)], taken, HAND)
        case ("put", int(one), tuple(given), bool(merge)):
            return put_contact(Identity("crm", str(one)), Said(identities=given, merge=merge), HAND)
        case ("without", int(one), tuple(taken)):
            return put_contact(Identity("crm", str(one)), Said(without=taken), HAND)
        case ("person", tuple(given), bool(merge)):
            return put_person(Said(identities=given, merge=merge), HAND)
    raise AssertionError(step)


@settings(max_examples=150)
@given(st.lists(steps, max_size=12))
def test_an_identity_is_one_persons_or_known_to_be_several(walk: list[tuple[object, ...]]) -> None:
    town = Town()
    for step in walk:
        decide = decided(town, step)
        if town.do(decide) is not None:
            again = town.do(decide)
            assert again is None or not again.contacts or step[0] == "person"
        for identity in IDENTITIES:
            alone = [known for known in town.people.values() if identity in known.identities]
            several = [known for known in town.people.values() if identity in known.shared]
            assert (len(alone), len(several)) in [(0, 0), (1, 0)] or (not alone and len(several) > 1)
            found, grade = match(identity, town.items.contacts, town.items.shared)
            assert (found is not None) == bool(alone)
            assert (grade is ContactMatch.AMBIGUOUS) == bool(several)
        for known in town.people.values():
            if known.merged_into:
                assert not known.identities
                assert not known.shared
                assert known.merged_into in town.people
        assert not any(leads_round(town, known) for known in town.people)


def leads_round(town: Town, contact_id: str) -> bool:
    seen = {contact_id}
    while into := town.people[contact_id].merged_into:
        if into in seen:
            return True
        seen.add(into)
        contact_id = into
    return False


def test_what_only_the_other_knew_is_kept_and_what_either_refused_is_refused() -> None:
    town = Town()
    for person, said in (("1", Said(fields={"name": "Jane"})), ("2", Said(fields={"name": "J", "tier": "gold"}))):
        town.do(put_contact(Identity("crm", person), said, HAND))
    one, two = town.people
    town.people[two] = replace(town.people[two], wishes=replace(town.people[two].wishes, no_calls=True), blocked=True)
    town.do(merge_contacts(two, one, HAND))
    united = town.people[one]
    assert (united.name, united.tier, united.wishes.no_calls, united.blocked) == ("Jane", "gold", True, True)


def quiet(contact_id: str, no_calls: bool) -> Decide:
    return set_contact(contact_id, Said(wishes={"no_calls": no_calls}), HAND)


def shared_by(*contact_ids: str) -> Town:
    town = Town()
    town.people = {each: Contact(id=each, created_at=NOW, shared=(SWITCH,)) for each in contact_ids}
    return town


def test_a_number_that_several_have_is_not_rung_once_one_of_them_wants_no_calls() -> None:
    change = shared_by("jane", "bob").do(quiet("jane", no_calls=True))
    assert change is not None
    (said,) = change.opt_outs
    assert (said.number, said.channel, said.lifted) == (SWITCH.value, "phone", False)


def test_a_number_that_several_have_is_rung_again_once_nobody_refuses_it() -> None:
    town = shared_by("jane", "bob")
    for contact_id in ("jane", "bob"):
        town.do(quiet(contact_id, no_calls=True))
    first, second = (town.do(quiet(contact_id, no_calls=False)) for contact_id in ("jane", "bob"))
    assert first is not None
    assert second is not None
    assert first.opt_outs == ()
    assert [said.lifted for said in second.opt_outs] == [True]


def owed_to(contact_id: str | None, **more: Any) -> Callback:
    return Callback(
        **{
            "id": "call",
            "created_at": NOW,
            "line": "hotline",
            "number": SWITCH.value,
            "contact_id": contact_id,
            "case_id": "case",
            "state": State.HELD,
            "held": "dnc",
            "due_at": None,
            "opened_at": NOW,
            **more,
        }
    )


def freed(town: Town, decide: Decide, call: Callback) -> list[Callback]:
    """The callback, if it waits again; its number wanted no calls so far."""
    opted = OptOut(number=SWITCH.value, channel="phone", since=NOW, word="no calls")
    change = decide(replace(town.items, callbacks=(call,), opt_outs=(opted,)))
    return [each for each in change.callbacks if each.state is State.WAITING]


@pytest.mark.parametrize("holder", ["jane", "bob", None])
def test_a_call_to_a_number_that_several_have_is_free_once_nobody_refuses_it(holder: str | None) -> None:
    town = shared_by("jane", "bob")
    for contact_id in ("jane", "bob"):
        town.do(quiet(contact_id, no_calls=True))
    assert freed(town, quiet("jane", no_calls=False), owed_to(holder)) == []
    town.do(quiet("jane", no_calls=False))
    (free,) = freed(town, quiet("bob", no_calls=False), owed_to(holder))
    assert (free.held, free.released, free.look_at, free.wish_ended_at, free.revision) == (None, None, NOW, NOW, 2)


@pytest.mark.parametrize("reason", ["region:LV", "burst", "third_party", "own_number"])
def test_a_wish_taken_back_frees_no_call_held_for_something_else(reason: str) -> None:
    town = shared_by("jane")
    town.do(quiet("jane", no_calls=True))
    assert freed(town, quiet("jane", no_calls=False), owed_to("jane", held=reason)) == []


def test_who_stands_for_himself_again_is_not_rung_where_calls_were_refused_meanwhile() -> None:
    town = Town()
    town.people = {
        "jane": Contact(id="jane", created_at=NOW, identities=(SWITCH,)),
        "jane-2": Contact(id="jane-2", created_at=NOW, identities=(IDENTITIES[0],)),
    }
    town.do(merge_contacts("jane", "jane-2", HAND))
    town.do(quiet("jane-2", no_calls=True))
    town.do(split_contact("jane", (SWITCH,), HAND))
    assert town.people["jane"].merged_into is None
    assert town.people["jane"].wishes.no_calls
