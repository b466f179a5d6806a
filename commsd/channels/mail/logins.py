"""How the OAuth logins of the mailboxes stand, for the watchman: whether a provider takes them, and until when.

It asks for no token: whoever needs one does, and keeps what came of it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from commsd.channels.channel import Means
from commsd.channels.mail.account import Mailbox
from commsd.channels.mail.oauth import Grant
from commsd.core.channel_state import Login
from commsd.errors import ConfigError
from commsd.store.tokens import Tokens

EVERY = timedelta(minutes=1)


class OAuthLogins:
    """Of every mailbox that logs in by OAuth."""

    def __init__(self, boxes: Mapping[str, Mailbox], means: Means) -> None:
        tokens = Tokens(means.log, means.key)
        self._grants = {
            name: Grant(name, box.imap.username or box.address, box.imap.oauth, tokens, means.claims, means.world)
            for name, box in boxes.items()
            if box.imap.oauth
        }
        self._world = means.world
        self._read_at: datetime | None = None
        self._known: Mapping[str, Login] = {}

    async def read(self) -> Mapping[str, Login]:
        """By mailbox; at most a minute old. One of which nothing is known yet is not there."""
        now = self._world.now()
        if self._read_at is None or now - self._read_at >= EVERY:
            self._known = {name: login for name, grant in self._grants.items() if (login := await _login(grant))}
            self._read_at = now
        return self._known


async def _login(grant: Grant) -> Login | None:
    try:
        kept = await grant.kept()
    except ConfigError:  # its secret is gone; then the mailbox is not read, and that is told
        return None
    return Login(refused=kept.failed is not None, ends_at=kept.refresh_expires_at) if kept else None
