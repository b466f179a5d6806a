"""What `@fact` makes is a value: equal by its fields, changed only by making another."""

from dataclasses import field, replace

from commsd.core.fact import fact


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
