"""What a customer was told of an owed call: its promises, so that one agreed anew or closed does not run on. Pure."""

from collections.abc import Iterable

from commsd.core.callback import Callback
from commsd.core.case import CaseFile


def promises_of(callback: Callback, callbacks: Iterable[Callback], file: CaseFile | None) -> tuple[str, ...]:
    """Ids of the promises made with this call, the oldest first; kept ones too, for ending those changes nothing.

    callbacks: the open ones. file: of the callback's case. A promise that a result made names its call; one by which
    the call was asked for is of the case's only open call, or of the one that is due then.
    """
    alone = not any(each.open and each.case_id == callback.case_id and each.id != callback.id for each in callbacks)
    found = []
    for fact in file.interactions if file else ():
        promise = fact.detail.promise
        if promise is None or promise.via != "call" or fact.recorded_at < callback.opened_at:
            continue
        asked = fact.detail.asks_call and (alone or promise.due_at == callback.due_at)
        if asked or fact.detail.callback_id == callback.id:
            found.append(promise.id)
    return tuple(found)
