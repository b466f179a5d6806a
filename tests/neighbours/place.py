"""Where a neighbour lives: a folder and a port of its own, and the user it runs as.

As root the servers run under an account without rights, and pytest's own temporary folders are closed to it.
"""

import os
import pwd
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.eventually import eventually_blocking

LOOPBACK = "127.0.0.1"
_NOT_GIVEN_OUT = range(12_000, 32_000)
"""Below the ports of connections (/proc/sys/net/ipv4/ip_local_port_range)."""


def free_port() -> int:
    """A port nobody has, and that the kernel gives to nobody who asks for any: so it is free still when it is used."""
    while True:
        port = secrets.choice(_NOT_GIVEN_OUT)  # chance that a test has seeded would be the same in every process
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def taken_back(port: int) -> socket.socket:
    """Holds a port a server of ours has just left: callers are refused and nobody else is given it, until closed."""
    return eventually_blocking(lambda: _bound(port))


def _bound(port: int) -> socket.socket | None:
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        return None
    return holder


def answers(port: int) -> bool:
    """Does something listen there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def greets(port: int) -> bool:
    """Does an IMAP server say there that it is ready: a connection alone may be to somebody who took the port first."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=5) as probe:
            return probe.recv(1024).startswith(b"* OK")
    except OSError:
        return False


def unprivileged(*names: str) -> pwd.struct_passwd:
    """The account to run as: our own, or as root the first of these that exists, else nobody's."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    known = {account.pw_name: account for account in pwd.getpwall()}
    return next(known[name] for name in (*names, "nobody") if name in known)


@contextmanager
def folder(name: str, account: pwd.struct_passwd) -> Iterator[Path]:
    """An empty folder that this account owns and can reach; gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix=f"commsd-{name}-"))
    try:
        path.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(path, account.pw_uid, account.pw_gid)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def dies_with_us() -> list[str]:
    """Put before a server's command: it is told to stop when the thread that started it ends, by a kill too."""
    assert threading.current_thread() is threading.main_thread(), "another thread may end before the test does"
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
