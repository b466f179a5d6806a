"""What the watchman knows of OAuth logins: read from what is kept, never asked of a provider."""

from datetime import timedelta
from pathlib import Path

from commsd.channels.channel import Means
from commsd.channels.mail.account import Mailbox, OAuth, Server, Tls
from commsd.channels.mail.logins import EVERY, OAuthLogins
from commsd.channels.mail.oauth import Grant
from commsd.config.secret import SecretSource
from commsd.core.channel_state import Login
from commsd.core.firm import Firm
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from commsd.store.journal import Journal
from commsd.store.log import Log
from commsd.store.tokens import Kept, Tokens
from commsd.telemetry import Metrics
from commsd.web.pulse import Pulse
from tests.world import ScriptedWorld

KEY = b"k" * 32


async def test_a_login_that_was_refused_or_ends_is_known_within_a_minute(
    log: Log, scripted_world: ScriptedWorld, tmp_path: Path
) -> None:
    world = scripted_world.world
    claims = Claims(log, world, "node/1")
    means = Means(
        folder=tmp_path,
        firm=Firm(name="Example Ltd", timezone="Europe/Berlin"),
        rules=Rules(log, timedelta(days=7)),
        log=log,
        claims=claims,
        journal=Journal(log),
        world=world,
        pulse=Pulse(Metrics(), world),
        key=KEY,
    )
    token, gone = tmp_path / "token", tmp_path / "gone"
    token.write_text("first")
    token.chmod(0o600)
    oauth = OAuth(provider="google", client_id="app", refresh_token=SecretSource("file", str(token), tmp_path))
    lost = OAuth(provider="google", refresh_token=SecretSource("file", str(gone), tmp_path))
    boxes = {name: _box(name, how) for name, how in (("support", oauth), ("sales", lost), ("plain", None))}
    logins = OAuthLogins(boxes, means)
    assert await logins.read() == {}
    tokens, ends_at = Tokens(log, KEY), scripted_world.now + timedelta(days=2)
    account = Grant("support", "support@commsd.test", oauth, tokens, claims, world).account
    await tokens.replace(Kept(account=account, access="x", refresh="y", refresh_expires_at=ends_at))
    scripted_world.advance(EVERY)
    assert await logins.read() == {"support": Login(ends_at=ends_at)}
    await tokens.replace(Kept(account=account, failed="invalid_grant", fence=1))
    scripted_world.advance(EVERY)
    assert await logins.read() == {"support": Login(refused=True)}
    token.write_text("another")  # what somebody who consented anew stores
    scripted_world.advance(EVERY)
    assert await logins.read() == {}


def _box(name: str, oauth: OAuth | None) -> Mailbox:
    server = Server(host="imap.test", port=993, tls=Tls.IMPLICIT, username=f"{name}@commsd.test", oauth=oauth)
    return Mailbox(name=name, address=f"{name}@commsd.test", imap=server, smtp=None)
