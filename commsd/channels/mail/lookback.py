"""The past of a mailbox, read and not touched: folders are opened with EXAMINE, of each mail the header alone is asked.

What a header says becomes a line of `core/past_mail`; nothing else of a mail is kept. The store is not needed. By a
header alone a few machines pass for people: those that only the text gives away.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from commsd.channels.mail.account import Mailbox, MailboxRole
from commsd.channels.mail.folder import Folder, named_folder, sent_folder
from commsd.channels.mail.message import Message, decode
from commsd.channels.mail.notice import about
from commsd.channels.mail.recipients import customers
from commsd.channels.mail.sent_names import AUTO
from commsd.channels.mail.session import HEADERS_A_COMMAND, Session
from commsd.channels.mail.suppression import Us, answer_address, is_ours, own_acks, speaker, why_silent
from commsd.channels.mail.wire import Fetched
from commsd.core.past_mail import TITLE, Answer, Gathering, Writing, mark, marks, subject_mark
from commsd.errors import CommsdError, NotFound, TryAgain, Unreachable

TRIES = 3
"""How often in a row the same piece is asked for, on a connection of its own each time."""

MOST_SKIPPED = 8
"""Mails of one folder that the server may fail over; with more of them it is the server that is broken."""

NO_SENDER = "no-sender"
UNREAD = "unread"
"""The reason of a mail that the server does not give, or gives without a date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What could not be read, and why. folder: "" for the whole mailbox."""

    mailbox: str
    folder: str
    error: CommsdError


Take = Callable[[Fetched], None]
Tell = Callable[[str, int, int], None]
"""Told how far a mailbox is: its name, mails done, mails there are."""


class Past:
    """Reads one mailbox into a gathering. connect: opens a session; called again where one is lost."""

    def __init__(
        self,
        mailbox: Mailbox,
        us: Us,
        connect: Callable[[], Awaitable[Session]],
        gathering: Gathering,
        tell: Tell,
    ) -> None:
        self._mailbox, self._us, self._connect = mailbox, us, connect
        self._gathering, self._tell = gathering, tell
        self._session: Session | None = None
        self._open: tuple[Session, Folder | str] | None = None
        self._done = self._of = 0

    async def read(self, since: datetime) -> tuple[Gap, ...]:
        """All that came and went since then. What cannot be read is told, and stops nothing else."""
        try:
            chosen, gaps = await self._folders()
            found: list[tuple[Folder | str, Take, Sequence[int]]] = []
            for folder, take in chosen:
                try:
                    found.append((folder, take, await self._uids(folder, since)))
                except NotFound as error:
                    gaps.append(self._gap(folder, error))
            self._of = sum(len(uids) for _, _, uids in found)
            for folder, take, uids in found:
                try:
                    await self._each(folder, uids, take, since)
                except (TryAgain, Unreachable, NotFound) as error:
                    gaps.append(self._gap(folder, error))
        except CommsdError as error:
            return (Gap(mailbox=self._mailbox.name, folder="", error=error),)
        finally:
            await self._leave()
        return tuple(gaps)

    def _gap(self, folder: Folder | str, error: CommsdError) -> Gap:
        return Gap(mailbox=self._mailbox.name, folder=folder if isinstance(folder, str) else folder.name, error=error)

    async def _folders(self) -> tuple[list[tuple[Folder | str, Take]], list[Gap]]:
        box, gaps = self._mailbox, []
        chosen: list[tuple[Folder | str, Take]] = []
        if box.role is MailboxRole.INBOX:
            chosen.append((box.folder, self._received))
        elif box.role is MailboxRole.LOG:
            chosen.append((box.folder, self._sent))
        listed = await (await self._opened()).folders() if box.sent else ()
        for name in box.sent:
            folder = sent_folder(listed) if name == AUTO else named_folder(listed, name)
            if folder:
                chosen.append((folder, self._sent))
            else:
                what = f"mailbox {box.name} has no Sent folder" + ("" if name == AUTO else f' "{name}"')
                remedy = f'name the one its people use: [mailbox.{box.name}] sent = ["NAME"]'
                gaps.append(self._gap("" if name == AUTO else name, NotFound(what, remedy=remedy)))
        return chosen, gaps

    async def _uids(self, folder: Folder | str, since: datetime) -> Sequence[int]:
        session = await self._within(folder)
        return await session.uids_since(since.date())

    async def _each(self, folder: Folder | str, uids: Sequence[int], take: Take, since: datetime) -> None:
        at, failed, skipped, size = 0, 0, 0, HEADERS_A_COMMAND
        while at < len(uids):
            some = uids[at : at + size]
            try:
                heads = await self._heads(await self._within(folder), some)
            except (TryAgain, Unreachable):
                failed += 1
                asked = self._session is not None
                await self._leave()
                if failed < TRIES:
                    continue
                if not asked or skipped == MOST_SKIPPED:
                    raise
                if len(some) > 1:  # Dovecot hangs up over a mail that is broken on its disk: find it
                    failed, size = 0, 1 + len(some) // 10
                    continue
                self._gathering.machine(self._mailbox.name, UNREAD)
                heads, skipped, size = (), skipped + 1, HEADERS_A_COMMAND
            for head in heads:
                if head.internal_date is None or head.internal_date >= since:
                    take(head)
            failed, at = 0, at + len(some)
            self._done += len(some)
            self._tell(self._mailbox.name, self._done, self._of)

    async def _within(self, folder: Folder | str) -> Session:
        """A session with this folder open."""
        session = await self._opened()
        if self._open != (session, folder):
            await session.examine(folder)
            self._open = session, folder
        return session

    async def _heads(self, session: Session, uids: Sequence[int]) -> tuple[Fetched, ...]:
        """The headers of these; one that the server refuses does not cost us the others."""
        try:
            return await session.headers(uids)
        except TryAgain:
            if session.closed:
                raise
            if len(uids) == 1:
                self._gathering.machine(self._mailbox.name, UNREAD)
                return ()
            return tuple([head for uid in uids for head in await self._heads(session, [uid])])

    async def _opened(self) -> Session:
        if self._session is None or self._session.closed:
            self._session = await self._connect()
        return self._session

    async def _leave(self) -> None:
        session, self._session, self._open = self._session, None, None
        if session is not None:
            await session.close()

    def _received(self, head: Fetched) -> None:
        name, gathering = self._mailbox.name, self._gathering
        if head.internal_date is None:
            gathering.machine(name, UNREAD)
            return
        message = decode(head.head, folder_date=head.internal_date)
        if gathering.copied(name, mark(message.logical_key)):
            return
        verdict = why_silent(message, self._us)
        recipient = answer_address(message, self._us)
        if recipient is None or not (verdict.reason is None or verdict.starts_clock):
            gathering.machine(name, verdict.reason or NO_SENDER)
            return
        gathering.writing(_writing(message, name, recipient, verdict.reason))

    def _sent(self, head: Fetched) -> None:
        if head.internal_date is None:
            return
        message = decode(head.head, folder_date=head.internal_date)
        writer = speaker(message, self._us)
        people = customers(message, self._us)
        by_machine = any(word != "no" for word in message.keywords("auto-submitted"))
        logged = self._mailbox.role is MailboxRole.LOG
        if not people or by_machine or _is_from_commsd(message, self._us):
            return
        if logged and not (writer and is_ours(writer.key, self._us)):
            return
        self._gathering.answer(
            Answer(
                at=message.received_at,
                persons=tuple(person.key for person in people),
                id=mark(message.message_id) if message.message_id else None,
                references=marks(message.references),
                subject=subject_mark(message.subject),
            )
        )


def _writing(message: Message, mailbox: str, recipient: str, silent: str | None) -> Writing:
    return Writing(
        mailbox=mailbox,
        person=recipient.lower(),
        at=message.received_at,
        id=mark(message.message_id) if message.message_id else None,
        references=marks(message.references),
        subject=subject_mark(message.subject),
        title=message.subject[:TITLE],
        silent=silent,
    )


def _is_from_commsd(message: Message, us: Us) -> bool:
    """An acknowledgement or a notice of ours, told by the id that only we can make."""
    own = message.message_id
    return own is not None and (own in own_acks(message, us) or about(us.key, own) is not None)
