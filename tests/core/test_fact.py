"""What `@fact` makes is a value: equal by its fields, changed only by making another."""

import dataclasses
from dataclasses import field
from typing import Any

import pytest

from commsd.core.fact import fact, replace


@fact
class Seen:
    """Something to look at."""

    what: str
    times: int = 1
    where: tuple[str, ...] = field(default_factory=tuple)


def test_facts_are_equal_by_what_they_say() -> None:
    assert Seen(what="a bird") == Seen(what="a bird", times=1, where=())
    assert Seen(what="a bird") != Seen(what="a cat")


def test_a_changed_fact_is_another_one() -> None:
    once = Seen(what="a bird")
    assert (replace(once, times=2).times, once.times) == (2, 1)


def test_a_fact_has_the_fields_it_names_and_no_others() -> None:
    assert not hasattr(Seen(what="a bird"), "__dict__")


def test_it_changes_as_a_dataclass_does() -> None:
    seen = Seen(what="a bird", where=("here", "there"))
    changes: dict[str, Any] = {"what": "a cat", "times": 3}
    assert replace(seen, **changes) == dataclasses.replace(seen, **changes)
    assert type(replace(seen)) is Seen


def test_what_a_fact_does_not_have_cannot_be_changed() -> None:
    unknown: dict[str, Any] = {"colour": "red"}
    with pytest.raises(AttributeError):
        replace(Seen(what="a bird"), **unknown)
