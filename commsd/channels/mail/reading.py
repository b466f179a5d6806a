"""What is made of the mails of a folder: which folder it is, what a decision on one of its mails hangs on, and which.

One `Reading` for each kind of folder that is watched. How mails get here is `watch`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from commsd.channels.mail.answer import human_answer
from commsd.channels.mail.answer import keys_of as keys_of_answer
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.folder import Folder, sent_folder
from commsd.channels.mail.intake import intake, keys_of
from commsd.channels.mail.message import Message
from commsd.channels.mail.reply import Heard, heard_in
from commsd.core.change import Change, OpenItems, Terms
from commsd.errors import NotFound


@dataclass(frozen=True, slots=True)
class Reading:
    """What is made of the mails of a folder: the keys and the decision, both pure, and the folder itself.

    heard: what one of our people asks for with a mail; then whatever else may change that is waited for too.
    """

    word: str
    keys: Callable[[Arrival, Desk], tuple[str, ...]]
    decide: Callable[[Arrival, OpenItems, Desk, Terms], Change]
    choose: Callable[[Desk, tuple[Folder, ...]], Folder | str]
    heard: Callable[[Message, Desk], Heard | None] = lambda _message, _desk: None


def _inbox(desk: Desk, _folders: tuple[Folder, ...]) -> str:
    return desk.mailbox.folder


def _sent(desk: Desk, folders: tuple[Folder, ...]) -> Folder | str:
    named = next((name for name in desk.mailbox.sent if name != "auto"), None)
    found = named or sent_folder(folders)
    if found is None:
        raise NotFound(
            f"mailbox {desk.mailbox.name} has no Sent folder that the server marks or that is called so",
            remedy=f'name it: [mailbox.{desk.mailbox.name}] sent = ["NAME"]',
        )
    return found


INBOX = Reading("watch", keys_of, intake, _inbox, heard_in)
SENT = Reading("sent", keys_of_answer, human_answer, _sent)
