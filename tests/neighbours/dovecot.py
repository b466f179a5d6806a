"""A real Dovecot on loopback, on a configuration of its own; stops where IMAP stops.

One static password opens every name, and a name's Maildir comes into being at its first login.
"""

import base64
import grp
import hmac
import imaplib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tests.eventually import eventually_blocking
from tests.neighbours.absent import absent
from tests.neighbours.place import (
    LOOPBACK,
    answers,
    dies_with_us,
    folder,
    free_port,
    greets,
    taken_back,
    unprivileged,
)

PASSWORD = "sesame"

CONFIG = """
protocols = imap
listen = {host}
base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/dovecot.log
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
mail_location = maildir:{dir}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
disable_plaintext_auth = no
mailbox_idle_check_interval = 1s
mail_max_userip_connections = 1000
ssl = yes
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {dir}/oauth2.conf
}}
passdb {{
  driver = static
  args = password={{PLAIN}}{password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    special_use = \\Sent
    auto = subscribe
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service auth {{
  chroot =
  inet_listener {{
    port = {auth_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


OAUTH = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={dir}/keys/
username_attribute = sub
"""
SIGNED_WITH = b"a key of the stand-in provider..."


class Dovecot:
    """An IMAP server: `port` in clear, `tls_port` with implicit TLS under a certificate that `ca` vouches for.

    auth_port: where Postfix asks whether a password is right.

    Every method blocks for some milliseconds; none needs a loop.
    """

    host = LOOPBACK
    password = PASSWORD

    def __init__(self, dir: Path, port: int, tls_port: int, auth_port: int) -> None:
        self.dir, self.port, self.tls_port, self.auth_port = dir, port, tls_port, auth_port
        self.ca = dir / "cert.pem"
        self._process: subprocess.Popen[bytes] | None = None
        self._held: list[socket.socket] = []
        self._numbers = count(1)

    # --- up and down

    @property
    def up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Back on the ports it had; done when both answer. Nothing happens if it is up and answers."""
        if self.up and greets(self.port):
            return
        self.stop()
        self._let_go()
        command = [*dies_with_us(), _binary(), "-F", "-c", str(self.dir / "dovecot.conf")]
        with (self.dir / "dovecot.log").open("ab") as told:  # what it says before it has opened its log
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=told)
        try:
            eventually_blocking(lambda: not self.up or (greets(self.port) and answers(self.tls_port)), within=20)
        except AssertionError:
            self.stop()
        if not self.up:
            raise RuntimeError(f"Dovecot does not start\n{self.log()[-2000:]}")

    def stop(self) -> None:
        """All connections cut, new ones refused, until `start`. The ports stay ours."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if not self._held:
            self._held = [taken_back(self.port), taken_back(self.tls_port)]

    def kill(self) -> None:
        """As `stop`, but with SIGKILL, which leaves it no time to put anything in order."""
        if self._process is not None:
            children = _children(self._process.pid)  # they would live on, and take connections for nobody
            self._process.kill()
            self._process.wait()
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            eventually_blocking(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
        self.stop()

    def close(self) -> None:
        """Stops for good."""
        self.stop()
        self._let_go()

    def log(self) -> str:
        """What Dovecot has written so far."""
        path = self.dir / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _let_go(self) -> None:
        while self._held:
            self._held.pop().close()

    # --- what a test does with it

    def token(self, user: str, lives: int = 3600) -> str:
        """An access token for this name, a JWT, for so many seconds from now."""
        now = int(time.time())
        claims = {"sub": user, "iat": now - 7200, "nbf": now - 7200, "exp": now + lives}
        signed = ".".join(_coded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{signed}.{_coded(hmac.digest(SIGNED_WITH, signed.encode(), 'sha256'))}"

    def renumber(self, user: str) -> None:
        """Another UIDVALIDITY for the INBOX, as after a restore: what Dovecot knows of it besides the mails is gone."""
        place = self.dir / "mail" / user
        for path in (*place.glob("dovecot-uid*"), *place.glob("dovecot.index*"), *place.glob("dovecot.list*")):
            path.unlink()

    def user(self, name: str = "inbox") -> str:
        """A name nobody has used: "inbox" gives "inbox-1", "support@example.com" gives "support-1@example.com"."""
        local, at, domain = name.partition("@")
        return f"{local}-{next(self._numbers)}{at}{domain}"

    def deliver(
        self, user: str, raw: bytes, folder: str = "INBOX", flags: str = "", internal_date: datetime | None = None
    ) -> None:
        """One message, byte for byte, into a folder of this name. flags as in IMAP: r"\\Seen"."""
        self.deliver_all(user, [raw], folder, flags, internal_date)

    def deliver_all(
        self,
        user: str,
        raws: Iterable[bytes],
        folder: str = "INBOX",
        flags: str = "",
        internal_date: datetime | None = None,
    ) -> None:
        """Many, over one connection. internal_date is aware; absent: now."""
        date = imaplib.Time2Internaldate(internal_date) if internal_date else ""
        with self.login(user) as session:
            for raw in raws:
                _ok(*session.append(_quoted(folder), flags, date, raw))

    def create(self, user: str, folder: str) -> None:
        """An empty folder of this name."""
        with self.login(user) as session:
            _ok(*session.create(_quoted(folder)))

    def flags(self, user: str, folder: str = "INBOX") -> dict[int, frozenset[str]]:
        """UID -> flags of every message. Looking changes nothing, not even \\Recent."""
        pattern = re.compile(rb"UID (\d+)\D.*?FLAGS \(([^)]*)\)|FLAGS \(([^)]*)\).*?UID (\d+)")
        found = {}
        for line in self._fetch(user, folder, "(UID FLAGS)"):
            if isinstance(line, bytes) and (match := pattern.search(line)):
                uid, words = int(match[1] or match[4]), (match[2] or match[3] or b"").decode().split()
                found[uid] = frozenset(words)
        return found

    def messages(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """Every message as it lies there, in the order of UIDs. Looking does not set \\Seen."""
        return [part[1] for part in self._fetch(user, folder, "(BODY.PEEK[])") if isinstance(part, tuple)]

    def internal_dates(self, user: str, folder: str = "INBOX") -> list[datetime]:
        """When each message reached the server, in the order of UIDs; aware UTC."""
        lines = b" ".join(line for line in self._fetch(user, folder, "(INTERNALDATE)") if isinstance(line, bytes))
        found = re.findall(r'INTERNALDATE "([^"]+)"', lines.decode())
        return [datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC) for text in found]

    @contextmanager
    def login(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A plain session, for what has no word here."""
        with imaplib.IMAP4(self.host, self.port, timeout=30) as session:
            session.login(user, PASSWORD)
            yield session

    def _fetch(self, user: str, folder: str, what: str) -> list[bytes | tuple[bytes, bytes]]:
        with self.login(user) as session:
            _ok(*session.select(_quoted(folder), readonly=True))
            status, parts = session.uid("FETCH", "1:*", what)
            _ok(status, parts)
            return [part for part in parts if part]


@contextmanager
def dovecot_running() -> Iterator[Dovecot]:
    """A Dovecot with no mail in it; gone afterwards."""
    if not os.access(_binary(), os.X_OK):
        absent("Dovecot is not installed: apt-get install dovecot-imapd")
    if not shutil.which("openssl"):
        absent("openssl is not installed: apt-get install openssl")
    with folder("dovecot", unprivileged()) as dir:
        _make_certificate(dir)
        server = _first_start(dir)
        try:
            yield server
        finally:
            server.close()


def _first_start(dir: Path) -> Dovecot:
    """Ports are drawn again should somebody be quicker than Dovecot."""
    for last in (False, False, True):
        server = Dovecot(dir, free_port(), free_port(), free_port())
        (dir / "dovecot.conf").write_text(_config(server))
        try:
            server.start()
            return server
        except RuntimeError:
            server.close()
            if last:
                raise
    raise AssertionError("unreachable")


def _config(server: Dovecot) -> str:
    _trust_our_tokens(server.dir)
    account = unprivileged()
    own = None if os.geteuid() == 0 else account
    return CONFIG.format(
        host=server.host,
        dir=server.dir,
        port=server.port,
        tls_port=server.tls_port,
        auth_port=server.auth_port,
        password=PASSWORD,
        uid=account.pw_uid,
        gid=account.pw_gid,
        internal=own.pw_name if own else "dovecot",
        internal_group=grp.getgrgid(own.pw_gid).gr_name if own else "dovecot",
        login=own.pw_name if own else "dovenull",
    )


def _children(parent: int) -> list[int]:
    """The processes this one has started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _trust_our_tokens(dir: Path) -> None:
    (dir / "oauth2.conf").write_text(OAUTH.format(dir=dir))
    keys = dir / "keys" / "default" / "HS256"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "default").write_text(base64.b64encode(SIGNED_WITH).decode())


def _coded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _make_certificate(dir: Path) -> None:
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", names]
    command += ["-keyout", str(dir / "key.pem"), "-out", str(dir / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def trusting(ca: Path) -> ssl.SSLContext:
    """A client's context that trusts this certificate and no other."""
    return ssl.create_default_context(cafile=str(ca))


def _binary() -> str:
    return shutil.which("dovecot") or "/usr/sbin/dovecot"


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _ok(status: str, answer: object) -> None:
    assert status == "OK", answer
