"""Who of us is told of calls: `tell` and `answer` of the lines, `[callbacks] confirm`, for the duties that tell."""

from commsd.channels.channel import Means
from commsd.channels.phone.line import PhoneSettings
from commsd.duty import Duty
from commsd.sla.notice.call_watch import CallWatch, Desk, LineTold
from commsd.sla.notice.level_watch import LevelWatch


def watches(settings: PhoneSettings, means: Means) -> tuple[Duty, ...]:
    """The duties that tell our people of calls and of the service level; none where nobody can be told."""
    if means.post is None:
        return ()
    firm, post, store = means.firm, means.post, (means.log, means.claims, means.world)
    lines = {name: LineTold(tell=line.tell, observe=line.observe) for name, line in settings.lines.items()}
    desk = Desk(firm=firm, post=post, lines=lines, confirm=settings.callbacks.confirm)
    calls = CallWatch(desk, *store)
    aims = settings.goals
    if not aims:
        return (calls,)
    gauge = means.pulse.metrics.answer_level

    def show(line: str, share: float | None) -> None:
        gauge.labels(line).set(share if share is not None else 1.0)

    return (calls, LevelWatch(firm, post, aims, *store, show))
