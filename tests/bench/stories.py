"""What happens in the cases of the made-up service desk, from the usual answer to a promise kept late. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate

from commsd.core.change import Change
from commsd.core.interaction import Channel, Kind, Outcome
from tests.bench.traffic import SUBJECTS, Story, World


def _answered(story: Story) -> None:
    story.mail()
    story.ack()
    story.react(70)
    story.answer()
    if story.dice.roll() < 0.5:
        story.act(Kind.NOTE, note="done")
    story.wait(timedelta(days=1))
    story.act(Kind.CLOSE)


def _follow_ups(story: Story) -> None:
    story.mail()
    story.ack()
    for _ in range(2 + int(story.dice.roll() * 2)):
        story.react(80)
        story.answer()
        story.return_(6)
        story.mail()
    story.react(60)
    story.answer()
    story.wait(timedelta(days=2))
    story.act(Kind.CLOSE, reason="auto_close")


def _held(story: Story) -> None:
    story.mail()
    story.ack()
    story.react(30)
    story.act(Kind.SET, attrs={"priority": story.dice.of(("low", "high"))})
    story.answer(partial=True)
    story.react(120)
    story.act(Kind.HOLD, reason="third_party")
    story.wait(timedelta(days=1))
    story.act(Kind.RELEASE)
    story.answer()
    story.wait(timedelta(days=1))
    story.act(Kind.CLOSE)


def _missed_call(story: Story) -> None:
    story.call(Outcome.MISSED)
    for _ in range(int(story.dice.roll() * 3)):
        story.react(50)
        story.ring_back(Outcome.LEFT_MESSAGE)
    if story.dice.roll() < 0.3:
        story.return_(1)
        story.call(Outcome.MISSED)
    story.react(45)
    story.ring_back(Outcome.REACHED)
    if story.dice.roll() < 0.5:
        story.react(20)
        story.answer()
    story.wait(timedelta(hours=4))
    story.act(Kind.CLOSE)


def _promised(story: Story) -> None:
    story.call(Outcome.MISSED)
    story.react(40)
    story.ring_back(Outcome.REACHED, promise=timedelta(hours=3 + int(story.dice.roll() * 20)))
    story.react(300)
    story.ring_back(Outcome.REACHED)
    story.return_(20)
    story.mail()
    story.ack()
    story.react(60)
    story.answer()
    story.act(Kind.CLOSE)


def _letter(story: Story) -> None:
    story.mail(Channel.LETTER)
    story.react(500)
    story.answer()
    story.wait(timedelta(days=3))
    story.act(Kind.CLOSE)


def _talked(story: Story) -> None:
    story.call(Outcome.REACHED)
    story.act(Kind.SET, attrs={"owner": story.agent})
    story.act(Kind.NOTE, note="will look into it")
    story.react(200)
    story.answer()
    story.return_(5)
    story.mail()
    story.ack()
    story.react(60)
    story.answer()
    story.act(Kind.CLOSE)


def _junk(story: Story) -> None:
    story.mail()
    story.ack()
    story.react(30)
    story.act(Kind.CLOSE, void_case=True)


def _reopened(story: Story) -> None:
    story.mail()
    story.ack()
    story.react(60)
    story.answer()
    story.act(Kind.CLOSE)
    story.return_(30)
    story.mail()
    story.react(60)
    story.answer()
    story.act(Kind.CLOSE)


_STORIES: Sequence[tuple[int, Callable[[Story], None]]] = (
    (22, _answered),
    (22, _follow_ups),
    (9, _held),
    (17, _missed_call),
    (8, _promised),
    (3, _letter),
    (10, _talked),
    (3, _junk),
    (6, _reopened),
)
_SHARES = list(accumulate(weight for weight, _ in _STORIES))


def case(number: int, world: World) -> Change:
    """The number-th case, whole."""
    story = Story(number, world)
    story_of = _STORIES[bisect_left(_SHARES, story.dice.roll() * _SHARES[-1])][1]
    story_of(story)
    return story.told()


def waiting(number: int, world: World) -> Change:
    """A case that came just now, was acknowledged and waits for its answer: one open clock."""
    story = Story(number, world)
    story.subject = SUBJECTS[story.language][0]
    story.contact = replace(story.contact, tier=None)
    story.mail()
    story.ack()
    return story.told()
