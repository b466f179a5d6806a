"""What rules have set, under other rules: where both sets of rules say the same, what was recorded stays."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from commsd.core.case import CaseFile, CaseState, ClockRecord
from commsd.core.change import Change, change_of
from commsd.core.clock import clocks
from commsd.core.entry import Hand
from commsd.core.interaction import Interaction, Kind
from commsd.core.open_items import Terms
from commsd.core.policy import Rule, Target, Version
from commsd.core.touch import TouchKind, touches_of
from commsd.core.whatif.past import Difference, Logged, PastCase
from commsd.core.whatif.replay import Question, Replay
from commsd.core.whatif.report import Report, report
from commsd.core.whatif.set_anew import as_set_by
from commsd.core.whatif.tally import Tally
from commsd.crm.mending import VOIDABLE, merge_case, void_interaction
from commsd.errors import Refused
from tests.core.items import Books, answer_to, call_from, mail_from, moved
from tests.core.sla_builders import H, on, policy, touch, version
from tests.core.sla_strategies import RandomCase, examples, random_case

ANNA = Hand(by="anna", agent_id="anna", agent="Anna Berg")
BERLIN = ZoneInfo("Europe/Berlin")
EVER = datetime(2026, 1, 1, tzinfo=UTC)
LATELY = datetime(2026, 3, 1, tzinfo=UTC)

QUICK = policy("quick", "always", first_response=Target(duration=H), next_response=Target(duration=H))
SLOW = policy("slow", first_response=Target(duration=4 * H), next_response=Target(duration=9 * H))
URGENT = Rule(match={"priority": ("urgent",)}, policy="quick")
SETS = (
    Rule(match={"keywords": ("cancel*",)}, policy="slow", sets={"priority": "urgent"}),
    Rule(match={"keywords": ("thanks",)}, policy="quick", sets={"priority": "low", "team": "chief"}),
    Rule(match={"line": ("hotline",)}, policy="slow", sets={"owner": "bo"}),
)


def ruled(*rules: Rule, since: datetime = LATELY, id: str = "v") -> Version:
    return version(QUICK, SLOW, rules=(URGENT, *rules, Rule(policy="slow")), since=since, id=id)


BEFORE = ruled(SETS[1], since=EVER, id="before")
NOW = ruled(*SETS, id="now")


def tally(asked: Question, cases: Sequence[PastCase]) -> Tally:
    replay = Replay(asked)
    for case in cases:
        replay.take(case)
    return replay.tally


def told(asked: Question, cases: Sequence[PastCase]) -> Report:
    return report(asked, tally(asked, cases), BERLIN, BERLIN.key)


def nothing_changed(said: Report) -> bool:
    return (
        said.total.unchanged == said.total.n
        and said.flips == ()
        and all((row.a, row.newly_breached, row.newly_saved) == (row.b, 0, 0) for row in said.rows)
        and all(alerts.a == alerts.b for alerts in said.alerts)
        and all(each.a == each.b for each in said.lengths)
    )


class Office(Books):
    """Books under rules that set something, with what people do to them; also what the log has in the end."""

    def __init__(self, *versions: Version) -> None:
        super().__init__()
        self.terms = Terms(versions=versions)

    def take(self, make: Callable[[Books], Interaction], *, opens: bool = True) -> Change:
        change = change_of(make(self), self.items, self.terms, opens=opens)
        self.keep(change)
        return change

    def keep(self, change: Change) -> None:
        super().keep(change)
        self.known |= {f"interaction:{fact.id}": fact for fact in change.interactions}

    def merge(self, gone: str, into: str) -> None:
        change = merge_case(gone, into, ANNA, self.terms)(self.items)
        went = {fact.id for fact in change.interactions if fact.case_id == into}
        file = self.files[gone]
        self.files[gone] = replace(file, interactions=tuple(f for f in file.interactions if f.id not in went))
        self.keep(change)

    def void(self, fact: Interaction) -> None:
        self.keep(void_interaction(fact.id, ANNA, self.terms)(self.items))

    def past(self) -> list[PastCase]:
        return [_past(file, self.now) for file in self.files.values()]


def _past(file: CaseFile, now: datetime) -> PastCase:
    facts = sorted(file.interactions, key=lambda fact: (fact.recorded_at, fact.id))
    touches = tuple(touch for fact in facts for touch in touches_of(fact))
    return PastCase(file.case.id, file.case.attrs, touches, tuple(_logged(record, now) for record in file.clocks))


def _logged(record: ClockRecord, now: datetime) -> Logged:
    clock = record.value
    return Logged(
        clock.clock.value, clock.n, clock.state.value, clock.reason, clock.opened_by, clock.started_at, clock.due_at,
        clock.stopped_at, clock.policy, clock.rules_version,
        awaited=record.timer_at is not None and record.timer_at <= now,
    )  # fmt: skip


SENDERS = ("jane@example.org", "bob@example.net")
TEXTS = ("Delivery", "please cancel it", "thanks")
DEEDS = ("mail", "mail", "mail", "answer", "call", "set", "set", "close", "merge", "void")


def live(office: Office, pick: Callable[[Sequence[Any]], Any], deeds: int) -> None:
    """So many things happen, each some time after the one before."""
    for number in range(deeds):
        deed, ids = (
            pick(DEEDS),
            sorted(name for name, file in office.files.items() if file.case.state is CaseState.OPEN),
        )
        office.wait(minutes=pick((0, 10, 50, 130, 700)))
        if deed == "mail":
            office.take(mail_from(pick(SENDERS), pick(TEXTS)))
        elif deed == "call":
            office.take(call_from(sid=f"CA{number}"))
        elif deed == "answer":
            office.take(answer_to(pick(SENDERS)))
        elif ids and deed == "set":
            office.take(moved(pick(ids), Kind.SET, attrs=pick(({"priority": "low"}, {"owner": "anna"}))))
        elif ids and deed == "close":
            office.take(moved(pick(ids), Kind.CLOSE))
        elif len(ids) > 1 and deed == "merge":
            gone = pick(ids)
            office.merge(gone, pick([each for each in ids if each != gone]))
        elif deed == "void":
            _take_back(office, pick)


def _take_back(office: Office, pick: Callable[[Sequence[Any]], Any]) -> None:
    known = [fact for file in office.files.values() for fact in file.interactions if fact.kind in VOIDABLE]
    if known:
        try:
            office.void(pick(sorted(known, key=lambda fact: fact.id)))
        except Refused:  # it is taken back already
            return


@st.composite
def offices(draw: st.DrawFn) -> Office:
    office = Office(BEFORE, NOW)
    live(office, lambda values: draw(st.sampled_from(values)), draw(st.integers(3, 14)))
    return office


def asked(office: Office, candidate: Version, since: datetime) -> Question:
    end = office.now + timedelta(minutes=1)
    return Question(history=office.terms.versions, candidate=candidate, since=since, until=end, now=end)


def differences(office: Office) -> list[Difference]:
    return tally(asked(office, NOW, LATELY), office.past()).differences


@examples(60)
@given(office=offices())
def test_what_was_lived_under_its_own_rules_is_the_log(office: Office) -> None:
    assert differences(office) == []


@examples(60)
@given(office=offices(), early=st.booleans())
def test_the_same_rules_change_nothing_also_where_cases_were_merged_and_touches_taken_back(
    office: Office, early: bool
) -> None:
    """early: the window begins under rules that set something else, though nothing happened yet."""
    since = LATELY - timedelta(days=3) if early else LATELY + timedelta(days=1)
    said = told(asked(office, NOW, since), office.past())
    assert nothing_changed(said)


def test_what_a_rule_set_in_a_case_of_its_own_stays_after_a_merge() -> None:
    """Asked again in the merged case, the rule would give way to what a person had set in the other one."""
    office = Office(BEFORE, NOW)
    (calm,) = office.take(mail_from(subject="Delivery")).cases
    office.take(moved(calm.id, Kind.SET, attrs={"priority": "low"}))
    office.wait(minutes=10)
    urgent = office.take(mail_from(SENDERS[1], "please cancel it")).cases[0]
    office.merge(urgent.id, calm.id)
    office.wait(days=3)
    assert nothing_changed(told(asked(office, NOW, LATELY - timedelta(days=3)), office.past()))


def test_what_b_sets_before_is_not_set_again_by_a_rule_that_both_have() -> None:
    plain = ruled(since=EVER, id="plain")
    later = replace(NOW, effective_from=on(12))
    cancel = {"keywords": ("cancel",)}
    first, second = (touch("in", on(hour), facts=cancel) for hour in (9, 14))
    recorded = touch("set", on(14), attrs={"priority": "urgent"}, by_rule=True, touch=second.id)
    found = as_set_by((first, second, recorded), (plain, later), (replace(NOW, effective_from=on(0)),), {})
    assert [(each.kind, each.time, each.touch) for each in found if each.kind is TouchKind.SET] == [
        (TouchKind.SET, first.time, first.id)
    ]
    assert second in found


@st.composite
def cases(draw: st.DrawFn) -> RandomCase:
    return random_case(lambda values: draw(st.sampled_from(values)))


def setting(rules: Version, since: datetime, id: str, **sets: str) -> Version:
    """The rules, the first of which sets this."""
    first, *others = rules.rules
    return replace(rules, id=id, rules=(replace(first, sets=sets), *others), effective_from=since)


@examples(60)
@given(case=cases())
def test_the_same_rules_change_nothing_whatever_rules_are_said_to_have_set(case: RandomCase) -> None:
    """Some of these touches were set by a rule that there never was: they stay, as a log stays."""
    before = setting(case.versions[0], case.begin - timedelta(days=9), "before", priority="urgent")
    now = setting(case.versions[-1], case.begin - timedelta(days=5), "now", tier="tin")
    since = case.begin - timedelta(days=7)
    question = Question(history=(before, now), candidate=now, since=since, until=case.now + timedelta(1), now=case.now)
    found = clocks(case.touches, question.history, case.attrs, case.now)
    logged = (_logged(ClockRecord(id="", created_at=case.begin, case_id="c", value=each), case.begin) for each in found)
    past = PastCase("c", case.attrs, case.touches, tuple(logged))
    assert tally(question, [past]).differences == []
    assert nothing_changed(told(question, [past]))
