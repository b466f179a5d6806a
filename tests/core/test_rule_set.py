"""Rules that set priority or owner: once for each touch of the customer, at its instant, never against a person."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commsd.core.change import Change, change_of
from commsd.core.clock import clocks
from commsd.core.interaction import Actor, Interaction, Kind, Outcome
from commsd.core.open_items import Terms
from commsd.core.policy import ClockKind, Rule, Target, Version
from commsd.core.rule_set import with_rule_sets
from commsd.core.touch import Touch, touches_of
from tests.core.items import Books, answer_to, call_from, mail_from, moved, only, words
from tests.core.sla_builders import H, on, policy, stand, touch, version

URGENT = Rule(match={"keywords": ("cancel*",)}, policy="quick", sets={"priority": "urgent", "owner": "anna"})
FIRST = Rule(match={"priority": ("urgent",)}, policy="quick", sets={"team": "chief"})
QUICK = policy("quick", first_response=Target(duration=H), next_response=Target(duration=H))
SLOW = policy("slow", first_response=Target(duration=4 * H), next_response=Target(duration=4 * H))
EVER = datetime(2020, 1, 1, tzinfo=UTC)


def ruled(*rules: Rule, since: datetime = EVER, id: str = "v") -> Version:
    return version(QUICK, SLOW, rules=(*rules, Rule(policy="slow")), since=since, id=id)


class Ruled(Books):
    """Books kept under rules of their own."""

    def __init__(self, *versions: Version) -> None:
        super().__init__()
        self.terms = Terms(versions=versions)

    def take(self, make: Callable[[Books], Interaction], *, opens: bool = True) -> Change:
        change = change_of(make(self), self.items, self.terms, opens=opens)
        self.keep(change)
        return change

    def set(self, **attrs: str) -> Change:
        return self.take(moved(only(self.files.values()).case.id, Kind.SET, attrs=attrs))


@pytest.fixture
def books() -> Ruled:
    return Ruled(ruled(URGENT))


def sets(change: Change) -> list[dict[str, str]]:
    return [dict(fact.detail.attrs) for fact in change.interactions if fact.kind is Kind.SET]


def test_a_rule_sets_what_it_says_in_a_new_case_at_the_instant_of_the_mail(books: Ruled) -> None:
    change = books.take(mail_from(subject="Cancellation of my order"))
    mail, made = change.interactions
    assert (made.kind, made.actor, made.detail.reason) == (Kind.SET, Actor.MACHINE, "rule")
    assert (made.caused_by, made.case_id, made.occurred_at) == (mail.id, mail.case_id, mail.occurred_at)
    assert sets(change) == [{"priority": "urgent", "owner": "anna"}]
    (case,) = change.cases
    assert (case.priority, case.owner, case.revision) == ("urgent", "anna", 1)
    assert words(change)[:4] == ["contact.created", "case.opened", "interaction.recorded", "interaction.recorded"]
    assert change.clocks[0].value.policy == "quick"


def test_where_no_rule_sets_anything_nothing_follows(books: Ruled) -> None:
    assert sets(books.take(mail_from(subject="Delivery"))) == []


def test_what_the_case_has_already_is_not_set_again(books: Ruled) -> None:
    books.take(mail_from(subject="Cancel"))
    assert sets(books.take(mail_from(subject="Re: Cancel"))) == []


def test_only_what_differs_is_set(books: Ruled) -> None:
    books.take(mail_from(subject="Delivery"))
    books.set(owner="anna")
    assert sets(books.take(mail_from(subject="Delivery", preview="please cancel it"))) == [{"priority": "urgent"}]


def test_an_open_case_that_a_rule_changes_is_updated_once(books: Ruled) -> None:
    before = books.take(mail_from(subject="Delivery")).cases[0]
    change = books.take(mail_from(subject="Delivery", preview="please cancel it"))
    assert change.cases[0].revision == before.revision + 1
    assert [word for word in words(change) if word.startswith("case.")] == ["case.updated"]


def test_a_case_that_the_mail_opens_again_is_one_revision_further(books: Ruled) -> None:
    books.take(mail_from(subject="Delivery"))
    closed = books.take(moved(only(books.files.values()).case.id, Kind.CLOSE)).cases[0]
    change = books.take(mail_from(subject="Delivery", preview="please cancel it"))
    assert (change.cases[0].revision, change.cases[0].priority) == (closed.revision + 1, "urgent")
    assert [word for word in words(change) if word.startswith("case.")] == ["case.reopened", "case.updated"]


def test_an_owner_set_by_a_person_stays(books: Ruled) -> None:
    books.take(mail_from(subject="Cancel"))
    books.set(owner="bo")
    change = books.take(mail_from(subject="Re: Cancel"))
    assert sets(change) == []
    assert change.cases[0].owner == "bo"


def test_what_a_person_set_by_mistake_and_took_back_is_the_rules_again(books: Ruled) -> None:
    books.take(mail_from(subject="Delivery"))
    mistake = books.set(owner="bo").interactions[0]
    books.take(moved(mistake.case_id or "", Kind.VOID, voids=mistake.id))
    change = books.take(mail_from(subject="Delivery", preview="please cancel it"))
    assert sets(change) == [{"priority": "urgent", "owner": "anna"}]


def test_one_rule_may_change_what_another_one_set() -> None:
    calm = Rule(match={"keywords": ("thanks",)}, policy="slow", sets={"priority": "low"})
    books = Ruled(ruled(URGENT, calm))
    books.take(mail_from(subject="Cancel"))
    assert sets(books.take(mail_from(subject="Re: Cancel", preview="no"))) == []
    books.take(mail_from(subject="Delivery"))
    assert sets(books.take(mail_from(subject="Delivery", preview="thanks"))) == [{"priority": "low"}]
    assert sets(books.take(mail_from(subject="Delivery", preview="cancel"))) == [
        {"priority": "urgent", "owner": "anna"}
    ]


def test_what_a_rule_set_decides_which_rule_governs_the_clock_but_makes_no_second_set() -> None:
    books = Ruled(ruled(FIRST, Rule(match={"keywords": ("cancel*",)}, policy="slow", sets={"priority": "urgent"})))
    change = books.take(mail_from(subject="Cancel"))
    assert sets(change) == [{"priority": "urgent"}]
    assert {record.value.policy for record in change.clocks} == {"quick"}
    assert sets(books.take(mail_from(subject="Re: Cancel"))) == [{"team": "chief"}]


def test_an_answer_and_a_machine_are_no_customers(books: Ruled) -> None:
    books.take(mail_from(subject="Delivery"))
    assert sets(books.take(answer_to(preview="cancelled as you wished"))) == []


def test_a_missed_call_has_its_callback_owned_by_whom_the_rule_names() -> None:
    books = Ruled(ruled(Rule(match={"line": ("hotline",)}, policy="slow", sets={"owner": "anna"})))
    change = books.take(call_from())
    assert sets(change) == [{"owner": "anna"}]
    assert books.callback.owner == "anna"


def test_a_further_revision_of_a_touch_is_not_judged_again(books: Ruled) -> None:
    first = books.take(mail_from(subject="Cancel"))
    mail, made = first.interactions
    books.take(moved(mail.case_id or "", Kind.VOID, voids=made.id))
    further = books.take(lambda _: mail)
    assert sets(further) == []


def test_a_call_is_judged_when_its_verdict_makes_it_a_touch() -> None:
    books = Ruled(ruled(Rule(match={"line": ("hotline",)}, policy="slow", sets={"priority": "high"})))
    assert sets(books.take(call_from(outcome=Outcome.PENDING))) == []
    call = next(iter(only(books.files.values()).interactions))
    missed = books.take(lambda _: replace(call, outcome=Outcome.MISSED, revision=2))
    assert sets(missed) == [{"priority": "high"}]


def test_the_version_in_force_at_the_touch_decides() -> None:
    books = Ruled(ruled(), ruled(URGENT, since=Books().now + timedelta(hours=1), id="v2"))
    assert sets(books.take(mail_from(subject="Cancel"))) == []
    books.wait(hours=2)
    assert sets(books.take(mail_from(subject="Re: Cancel"))) == [{"priority": "urgent", "owner": "anna"}]


def test_a_touch_that_never_happened_takes_its_set_with_it() -> None:
    rules = [ruled(Rule(match={"priority": ("urgent",)}, policy="quick"))]
    made = touch("set", on(9), attrs={"priority": "urgent"}, by_rule=True, touch="mail")
    came = [touch("in", on(9), id="mail"), made, touch("in", on(9, 30), id="second")]
    assert stand(came, rules, on(9, 45))["first_response", 1].policy == "quick"
    taken_back = [*came, touch("void", on(9, 40), touch="mail")]
    assert stand(taken_back, rules, on(9, 45))["first_response", 1].policy == "slow"


# what a replay does with it


def touches(books: Ruled) -> list[Touch]:
    facts = sorted(only(books.files.values()).interactions, key=lambda fact: (fact.recorded_at, fact.id))
    return [touch for fact in facts for touch in touches_of(fact)]


def bare(books: Ruled) -> tuple[Touch, ...]:
    """The touches without what rules have set."""
    return tuple(each for each in touches(books) if not each.by_rule)


def busy(books: Ruled) -> Ruled:
    for make in (
        mail_from(subject="Delivery"),
        answer_to(subject="Re: Delivery"),
        mail_from(subject="Delivery", preview="please cancel it"),
        mail_from(subject="Delivery", preview="cancel it, I said"),
    ):
        books.take(make)
        books.wait(hours=1)
    books.set(owner="bo")
    books.wait(hours=1)
    books.take(mail_from(subject="Delivery", preview="cancel"))
    return books


def test_the_same_rules_put_back_what_they_had_set(books: Ruled) -> None:
    lived = touches(busy(books))
    attrs = only(books.files.values()).case.attrs
    assert len(bare(books)) == len(lived) - 1
    again = with_rule_sets(bare(books), books.terms.versions, attrs)
    assert [(t.kind, t.time, t.attrs, t.touch, t.by_rule) for t in again] == [
        (t.kind, t.time, t.attrs, t.touch, t.by_rule) for t in lived
    ]
    assert clocks(again, books.terms.versions, attrs, books.now) == clocks(
        lived, books.terms.versions, attrs, books.now
    )


def test_other_rules_set_other_things_and_rules_that_set_nothing_nothing(books: Ruled) -> None:
    spoken = bare(busy(books))
    assert with_rule_sets(spoken, (ruled(),), {}) == spoken
    other = ruled(Rule(match={"channel": ("email",)}, policy="slow", sets={"tier": "gold"}))
    made = [each for each in with_rule_sets(spoken, (other,), {}) if each.by_rule]
    assert [(each.attrs, each.touch) for each in made] == [({"tier": "gold"}, spoken[0].id)]


def test_a_rule_that_sets_without_a_clock_is_no_hindrance() -> None:
    books = Ruled(version(QUICK, rules=(Rule(policy=None, sets={"tier": "none"}),), since=EVER))
    change = books.take(mail_from())
    assert (sets(change), change.clocks) == ([{"tier": "none"}], ())
    assert ClockKind.ACK not in QUICK.targets
