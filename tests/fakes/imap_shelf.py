"""An IMAP server with a few mails in one INBOX, that numbers, hides and shows them as a test says."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from tests.fakes.imap_script import ImapScript, Say

MORNING = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


class ImapShelf(ImapScript):
    """mails: by UID; hidden: UIDs that no search and no fetch shows yet. more: answers by command or its name."""

    def __init__(self, *, uidvalidity: int = 7, more: dict[str, Say] | None = None) -> None:
        super().__init__()
        self.more = more or {}
        self.uidvalidity: int | None = uidvalidity
        self.tells_uidnext = True
        self.uidnext: int | None = None
        self.mails: dict[int, bytes] = {}
        self.flags: dict[int, str] = {}
        self.dates: dict[int, datetime] = {}
        self.hidden: set[int] = set()

    def put(self, uid: int, raw: bytes, at: datetime = MORNING, flags: str = "") -> None:
        """A mail in the INBOX, told to whoever idles."""
        self.mails[uid], self.dates[uid], self.flags[uid] = raw, at, flags
        self.push(b"* %d EXISTS\r\n" % len(self.mails))

    def renumber(self, uidvalidity: int, by: int = 0) -> None:
        """All UIDs move, under another UIDVALIDITY."""
        self.uidvalidity = uidvalidity
        self.mails = {uid + by: raw for uid, raw in self.mails.items()}
        self.dates = {uid + by: at for uid, at in self.dates.items()}
        self.flags = {uid + by: flags for uid, flags in self.flags.items()}

    def fetched(self) -> list[str]:
        """The FETCH commands received."""
        return [asked for asked in self.asked if asked.startswith("UID FETCH")]

    def answer(self, name: str, command: str) -> Say:
        if say := self.more.get(command) or self.more.get(name):
            return say
        if name == "EXAMINE":
            return Say(self._opened())
        if name == "UID SEARCH":
            uids = " ".join(str(uid) for uid in self.searched(command))
            return Say(f"* SEARCH {uids}\r\n".encode())
        if name == "UID FETCH":
            return Say(b"".join(self.item(uid, command) for uid in self._named(command)))
        return super().answer(name, command)

    @property
    def _there(self) -> list[int]:
        return sorted(set(self.mails) - self.hidden)

    def _opened(self) -> bytes:
        said = b"* %d EXISTS\r\n" % len(self._there)
        if self.uidvalidity is not None:
            said += b"* OK [UIDVALIDITY %d] valid\r\n" % self.uidvalidity
        if self.tells_uidnext:
            said += b"* OK [UIDNEXT %d] next\r\n" % (self.uidnext or max(self._there, default=0) + 1)
        return said + b"%T OK [READ-ONLY] open\r\n"

    def searched(self, command: str) -> Iterable[int]:
        """What a SEARCH finds."""
        if found := re.search(r"UID (\d+):\*", command):
            newest = self._there[-1:]
            return sorted({uid for uid in self._there if uid >= int(found[1])} | set(newest))
        return self._there  # SINCE: the same day

    def _named(self, command: str) -> Iterable[int]:
        for span in command.split()[2].split(","):
            first, _, last = span.partition(":")
            yield from (uid for uid in self._there if int(first) <= uid <= int(last or first))

    def item(self, uid: int, command: str) -> bytes:
        """What a FETCH gives of one mail."""
        raw = self.mails[uid]
        date = f"{self.dates[uid]:%d-%b-%Y %H:%M:%S} +0000".encode()
        facts = b'UID %d FLAGS (%s) INTERNALDATE "%s" RFC822.SIZE %d' % (uid, self.flags[uid].encode(), date, len(raw))
        if "HEADER" in command:
            head = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            return b"* 1 FETCH (%s BODY[HEADER] {%d}\r\n%s)\r\n" % (facts, len(head), head)
        found = re.search(r"<(\d+)\.(\d+)>", command)
        assert found
        part = raw[int(found[1]) :][: int(found[2])]
        return b"* 1 FETCH (%s BODY[]<%s> {%d}\r\n%s)\r\n" % (facts, found[1].encode(), len(part), part)
