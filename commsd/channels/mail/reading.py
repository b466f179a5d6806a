"""What is made of the mails of a folder: which folder it is, what a decision on one of its mails hangs on, and which.

One `Reading` for each folder that is watched; `readings_of` gives those of a mailbox. How mails get here is `watch`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from commsd.channels.mail.account import Mailbox, MailboxRole
from commsd.channels.mail.answer import human_answer
from commsd.channels.mail.answer import keys_of as keys_of_answer
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.done_folder import keys_of as keys_of_done
from commsd.channels.mail.done_folder import moved_there
from commsd.channels.mail.folder import Folder, named_folder, sent_folder
from commsd.channels.mail.intake import intake, keys_of
from commsd.channels.mail.log_mailbox import keys_of as keys_of_log
from commsd.channels.mail.log_mailbox import logged
from commsd.channels.mail.message import Message
from commsd.channels.mail.reply import Heard, heard_in
from commsd.channels.mail.sent_names import AUTO
from commsd.core.change import Change
from commsd.core.open_items import OpenItems, Terms
from commsd.errors import NotFound


@dataclass(frozen=True, slots=True)
class Reading:
    """What is made of the mails of a folder: the keys and the decision, both pure, and the folder itself.

    word: with the mailbox's name the place its checkpoint is kept under. choose: from the server's list, where `lists`
    asks for that; None where the folder is not there, which is no failure: it is looked for again. Raises NotFound
    where it must be there. heard: what one of our people asks for with a mail; then whatever else may change that is
    waited for too. missed: what to do where the folder is not there, if that is worth a word. keeps: the originals are
    kept. past: a mail may be older than the folder's enrolment and still be new here, for it was moved.
    """

    word: str
    keys: Callable[[Arrival, Desk], tuple[str, ...]]
    decide: Callable[[Arrival, OpenItems, Desk, Terms], Change]
    choose: Callable[[Desk, tuple[Folder, ...]], Folder | str | None]
    heard: Callable[[Message, Desk], Heard | None] = lambda _message, _desk: None
    missed: str = ""
    lists: bool = True
    keeps: bool = True
    past: bool = False


def _inbox(desk: Desk, _folders: tuple[Folder, ...]) -> str:
    return desk.mailbox.folder


def _auto_sent(_desk: Desk, folders: tuple[Folder, ...]) -> Folder | None:
    return sent_folder(folders)


def _named(name: str, desk: Desk, folders: tuple[Folder, ...]) -> Folder:
    found = named_folder(folders, name)
    if found is None:
        what = f'mailbox {desk.mailbox.name} has no folder "{name}", which its `sent` names'
        raise NotFound(what, remedy=f'name one that is there: [mailbox.{desk.mailbox.name}] sent = ["auto"]')
    return found


def _perhaps(name: str, _desk: Desk, folders: tuple[Folder, ...]) -> Folder | None:
    return named_folder(folders, name)


INBOX = Reading("watch", keys_of, intake, _inbox, heard_in, lists=False)
LOG = Reading("log", keys_of_log, logged, _inbox, lists=False)
SENT = Reading(
    "sent",
    keys_of_answer,
    human_answer,
    _auto_sent,
    missed="the server marks no Sent folder and none is called so: name it in `sent`, or list the staff's mailboxes",
)


def sent_in(name: str) -> Reading:
    """The Sent folder that the server marks, or one of this name."""
    return SENT if name == AUTO else Reading(f"sent/{name}", keys_of_answer, human_answer, partial(_named, name))


def done_in(name: str) -> Reading:
    """The folder of this name, into which a mail is moved to close its case."""
    return Reading(f"done/{name}", keys_of_done, moved_there, partial(_perhaps, name), keeps=False, past=True)


def readings_of(mailbox: Mailbox) -> tuple[Reading, ...]:
    """Every folder of this mailbox that is watched: customers' mail first, then what our people did."""
    sent = tuple(sent_in(name) for name in mailbox.sent)
    match mailbox.role:
        case MailboxRole.INBOX:
            return (INBOX, *sent, *(done_in(name) for name in mailbox.done))
        case MailboxRole.LOG:
            return (LOG, *sent)
        case MailboxRole.SENT_ONLY:
            return sent
