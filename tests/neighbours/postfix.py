"""A real Postfix on loopback as a submission server: STARTTLS, then AUTH against Dovecot; relays to a port of the test.

Two doors: one takes the null sender, the other refuses it, as many providers do. Only root can start one.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.eventually import eventually_blocking
from tests.neighbours.absent import absent
from tests.neighbours.dovecot import Dovecot
from tests.neighbours.place import LOOPBACK, answers, free_port, unprivileged
from tests.neighbours.place import folder as new_folder

MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/postfix.log
maillog_file_prefixes = {dir}
syslog_name = postfix
myhostname = submission.test
mydestination =
mynetworks =
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
alias_database =
local_transport = error:no local mail
default_transport = smtp:[{host}]:{relay}
relayhost = [{host}]:{relay}
smtp_tls_security_level = none
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
smtpd_tls_cert_file = {tls}/cert.pem
smtpd_tls_key_file = {tls}/key.pem
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{host}:{auth}
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
"""

MASTER = """
{host}:{port} inet n - n - - smtpd
{host}:{strict} inet n - n - - smtpd
  -o {{ smtpd_sender_restrictions = check_sender_access inline:{{ {{ <> = 550 5.7.1 no null sender }} }} }}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")


class Postfix:
    """A submission server. port: takes the null sender. strict: refuses it. relay: where it delivers, a port of yours.

    Names and the password are Dovecot's. Every method blocks for some milliseconds; none needs a loop.
    """

    host = LOOPBACK

    def __init__(self, dir: Path, dovecot: Dovecot) -> None:
        self.dir, self.dovecot = dir, dovecot
        self.port, self.strict, self.relay = free_port(), free_port(), free_port()
        self.ca = dovecot.ca
        self._master: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """On the ports it had, with the queue it had; done when both answer. Nothing happens if it is up."""
        if not self._master_ended():
            return
        self.dovecot.start()
        command = ["/usr/lib/postfix/sbin/master", "-c", str(self.dir), "-s"]
        self._master = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        eventually_blocking(lambda: self._master_ended() or (answers(self.port) and answers(self.strict)), within=20)
        if self._master_ended():
            raise RuntimeError(f"Postfix does not start\n{self.log()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL for it and all its children; what it took stays in its queue."""
        if self._master is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._master.pid, 9)
            self._master.wait()
            self._master = None

    def log(self) -> str:
        """What Postfix has written so far."""
        path = self.dir / "postfix.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _master_ended(self) -> bool:
        return self._master is None or self._master.poll() is not None


@contextmanager
def postfix_running(dovecot: Dovecot) -> Iterator[Postfix]:
    """A Postfix with an empty queue; gone afterwards."""
    if os.geteuid() != 0:
        absent("Postfix starts as root only")
    if not shutil.which("postconf", path="/usr/sbin:/usr/bin"):
        absent("Postfix is not installed: apt-get install postfix")
    with new_folder("postfix", unprivileged()) as dir:
        os.chown(dir, 0, 0)
        server = Postfix(dir, dovecot)
        _furnish(server)
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _furnish(server: Postfix) -> None:
    values = {
        "dir": server.dir,
        "host": server.host,
        "relay": server.relay,
        "tls": server.dovecot.dir,
        "auth": server.dovecot.auth_port,
        "port": server.port,
        "strict": server.strict,
    }
    (server.dir / "main.cf").write_text(MAIN.format(**values))
    (server.dir / "master.cf").write_text(MASTER.format(**values))
    spool, data = server.dir / "spool", server.dir / "data"
    for path in (spool, data, *(spool / name for name in (*QUEUES, "maildrop", "public", "pid"))):
        path.mkdir()
    for path in (data, *(spool / name for name in QUEUES)):
        shutil.chown(path, "postfix")
        path.chmod(0o700)
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        shutil.chown(spool / name, "postfix", "postdrop")
        (spool / name).chmod(mode)
