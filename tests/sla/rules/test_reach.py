"""Which rules are found to be unreachable, and that none is called so which could match."""

from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commsd.core.policy import PATTERN_KEYS, Rule, mismatch
from commsd.sla.rules.reach import takers


def rule(**match: str | tuple[str, ...]) -> Rule:
    return Rule(match={key.rstrip("_"): (v,) if isinstance(v, str) else v for key, v in match.items()}, policy="x")


TAKEN = [
    ([rule(tier="gold")], rule(tier="Gold", team="service"), (0,)),
    ([rule(team="a"), rule(tier=("gold", "platinum"))], rule(tier="platinum", channel="email"), (1,)),
    ([rule(tier="gold"), rule(tier="platinum")], rule(tier=("gold", "platinum")), (0, 1)),
    ([rule(tier="gold"), rule(team="b"), rule(tier="tin", team="a")], rule(tier=("gold", "tin"), team="a"), (0, 2)),
    ([rule(to="claims@*")], rule(to="claims@example.com"), (0,)),
    ([rule(keywords="cancel*")], rule(keywords=("cancellation", "cancel")), (0,)),
    ([rule(from_="*@example.com")], rule(from_="anna.*@example.com", channel="email"), (0,)),
    ([rule(to="a?c*")], rule(to="ab?c*".replace("b?c", "bc")), (0,)),
    ([rule(to="*")], rule(to="x*y"), (0,)),
]


@pytest.mark.parametrize(("earlier", "later", "by"), TAKEN)
def test_a_rule_that_is_left_nothing_is_found_with_those_that_take_it(
    earlier: list[Rule], later: Rule, by: tuple[int, ...]
) -> None:
    assert takers(earlier, later) == by


FREE = [
    ([rule(tier="gold")], rule(tier=("gold", "platinum"))),
    ([rule(tier="gold", team="a"), rule(tier="gold", team="b")], rule(tier="gold")),  # a third team may come
    ([rule(tier="gold")], rule(team="service")),
    ([rule(to="a?")], rule(to="a*")),
    ([rule(to="claims@example.com")], rule(to="claims@*")),
    ([rule(to="[ab]*")], rule(to="c*")),
    ([rule(tier="g*")], rule(tier="gold")),  # a tier is no pattern
    ([rule(tier="gold"), rule(team="b")], rule(tier=("gold", "tin"), team=("a", "b"))),
    ([], rule(tier="gold")),
]


@pytest.mark.parametrize(("earlier", "later"), FREE)
def test_a_rule_that_some_case_may_reach_is_left_in_peace(earlier: list[Rule], later: Rule) -> None:
    assert takers(earlier, later) == ()


def test_a_rule_of_very_many_combinations_is_not_weighed() -> None:
    many = tuple(str(n) for n in range(70))
    assert takers([rule(team=one) for one in many], rule(team=many, tier=many)) == ()


_values = {"tier": st.sampled_from(("a", "b", "c")), "to": st.text("ab*?", min_size=1, max_size=4)}
_rules = st.fixed_dictionaries(
    {}, optional={key: st.lists(each, min_size=1, max_size=2).map(tuple) for key, each in _values.items()}
).map(lambda match: Rule(match=match, policy="x"))
_TEXTS = ["".join(letters) for length in range(5) for letters in product("ab", repeat=length)]


@settings(max_examples=300, deadline=None)
@given(st.lists(_rules, max_size=4), _rules)
def test_no_case_reaches_a_rule_that_was_called_unreachable(earlier: list[Rule], later: Rule) -> None:
    if not takers(earlier, later):
        return
    for tier, to in product(("a", "b", "c", "d", None), (*_TEXTS, None)):
        facts = {key: value for key, value in (("tier", tier), ("to", to)) if value is not None}
        assert mismatch(later, facts) or any(mismatch(other, facts) is None for other in earlier), facts


@settings(max_examples=300, deadline=None)
@given(st.text("ab*?", min_size=1, max_size=5), st.text("ab*?", min_size=1, max_size=5))
def test_a_pattern_within_another_matches_nothing_that_the_other_does_not(inner: str, outer: str) -> None:
    assert "to" in PATTERN_KEYS
    if takers([rule(to=outer)], rule(to=inner)):
        assert all(fnmatchcase(text, outer) for text in _TEXTS if fnmatchcase(text, inner))
