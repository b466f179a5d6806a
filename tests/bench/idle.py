"""What many mailboxes cost that have nothing to do: memory and CPU of one daemon, with pymap as the far side.

    python tests/bench/idle.py [--mailboxes 500] [--rest 60] [--mails 20] [--tls] [--json] [--where]

The daemon is `commsd run` in a process of its own, the IMAP server and the SMTP sink are two more. Nobody's test suite.
"""

import argparse
import asyncio
import imaplib
import json
import os
import secrets
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.bench.sink import Sink  # noqa: E402
from tests.eventually import eventually_blocking  # noqa: E402
from tests.neighbours.place import dies_with_us, free_port  # noqa: E402

LOOPBACK = "127.0.0.1"
CERTIFICATE, KEY = "imap.pem", "imap.key"
PASSWORD = secrets.token_hex(8)
COMMSD = str(Path(sys.executable).with_name("commsd"))
TICK = os.sysconf("SC_CLK_TCK")
STARTS_WITHIN = 180.0
HELD_AFTER = 45.0

HOUSE = """
[service]
name = "Example Ltd"
timezone = "Europe/Berlin"
hours = "mon-sun 00:00-24:00"
country = "DE-BE"
languages = ["en", "de"]

[store]
url = "sqlite:///{folder}/commsd.db"

[http]
listen = "127.0.0.1:{listen}"
public_listen = "127.0.0.1:{listen}"
"""

MAILBOX = """
[mailbox.m{number}]
address = "m{number}@commsd.test"
imap = {{ host = "127.0.0.1", port = {imap}, {tls}, username = "m{number}", password.credential = "all" }}
smtp = {{ host = "127.0.0.1", port = {smtp}, tls = "none", username = "" }}
"""


@dataclass(kw_only=True)
class Figures:
    """One daemon. Megabytes; ready: seconds from its start until every inbox is watched; cpu: share of one core.

    at_rest, after: RSS while nothing comes, and after the mails. written: bytes a second to disk at rest.
    latency: from the delivery to the 250, ms.
    """

    mailboxes: int
    ready: float
    at_rest: float
    after: float
    peak: float
    connections: int
    cpu: float
    written: float
    latency_median: float
    latency_worst: float


def measured(mailboxes: int, rest: float, mails: int, *, where: bool, tls: bool) -> Figures:
    """One run with this many mailboxes."""
    sink = Sink()
    try:
        with tempfile.TemporaryDirectory() as name, _far_side(Path(name), mailboxes) as far:
            folder = Path(name)
            _write(folder, mailboxes, far.tls_port if tls else far.port, sink.port, tls=tls)
            _upgraded(folder)
            started = time.monotonic()
            with _daemon(folder, where=where) as pid:
                eventually_blocking(lambda: _watched(folder) >= mailboxes, within=STARTS_WITHIN)
                ready = time.monotonic() - started
                _wait(5.0)
                spent, put = _cpu(pid), _written(pid)
                _wait(rest)
                at_rest, connections = _memory(pid, "VmRSS"), _connections(pid)
                cpu, written = (_cpu(pid) - spent) / rest, (_written(pid) - put) / rest
                latencies = [_latency(far, sink, number, mailboxes) for number in range(mails)]
                return Figures(
                    mailboxes=mailboxes,
                    ready=round(ready, 1),
                    at_rest=at_rest,
                    after=_memory(pid, "VmRSS"),
                    peak=_memory(pid, "VmHWM"),
                    connections=connections,
                    cpu=round(cpu, 4),
                    written=round(written),
                    latency_median=round(statistics.median(latencies) * 1000, 1) if latencies else 0.0,
                    latency_worst=round(max(latencies, default=0.0) * 1000, 1),
                )
    finally:
        sink.process.terminate()


def _latency(far: "FarSide", sink: Sink, number: int, mailboxes: int) -> float:
    """Seconds from the delivery of one mail to the sink's 250 for its acknowledgement."""
    customer, begun = f"customer-{number}@example.org", time.monotonic()
    far.deliver(f"m{number * 7 % mailboxes}", customer)
    eventually_blocking(lambda: customer in sink.at, within=60)
    return sink.at[customer] - begun


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def _write(folder: Path, mailboxes: int, imap: int, smtp: int, *, tls: bool) -> None:
    (folder / "credentials").mkdir()
    secret = folder / "credentials" / "all"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    how = f'tls = "implicit", ca = "{folder / CERTIFICATE}"' if tls else 'tls = "none"'
    parts = [MAILBOX.format(number=number, imap=imap, smtp=smtp, tls=how) for number in range(mailboxes)]
    (folder / "commsd.toml").write_text(HOUSE.format(folder=folder, listen=free_port()) + "".join(parts))


@contextmanager
def _daemon(folder: Path, *, where: bool) -> Iterator[int]:
    """Its process id. where: it tells at its end which lines hold its memory."""
    command = [*([sys.executable, __file__, "--traced"] if where else [COMMSD]), "--config", str(folder), "run"]
    with (folder / "log.jsonl").open("ab") as log:
        process = subprocess.Popen([*dies_with_us(), *command], stdout=log, stderr=log, env=_environment(folder))
    try:
        yield process.pid
        assert process.poll() is None, (folder / "log.jsonl").read_text()[-2000:]
    finally:
        process.terminate()
        process.wait(60)
        if where:
            print("\n".join(line for line in _log(folder).splitlines() if line.startswith("held ")), file=sys.stderr)


def _upgraded(folder: Path) -> None:
    """A store with its tables, as all but the very first start finds it."""
    subprocess.run(
        [COMMSD, "--config", str(folder), "db", "upgrade"], check=True, capture_output=True, env=_environment(folder)
    )


def _environment(folder: Path) -> dict[str, str]:
    (folder / "state").mkdir(exist_ok=True)
    return {**os.environ, "STATE_DIRECTORY": str(folder / "state"), "PYTHONPATH": str(ROOT)}


def _log(folder: Path) -> str:
    return (folder / "log.jsonl").read_text(errors="replace")


def _watched(folder: Path) -> int:
    return _log(folder).count('"duty":"mail.watch.m')


def _memory(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return round(int(line.split()[1]) / 1024, 1)
    raise AssertionError(field)


def _cpu(pid: int) -> float:
    """Seconds of all its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _written(pid: int) -> int:
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))


def _connections(pid: int) -> int:
    """Sockets it holds open."""
    links = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return sum(link.startswith("socket:") for link in links)


# --- the far side, a process of its own


class FarSide:
    """The IMAP server's ports, in the clear and with TLS, and a way to put a mail there."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        self.port, self.tls_port = map(int, process.stdout.readline().split())

    def deliver(self, user: str, sender: str) -> None:
        """One customer's mail into this user's inbox."""
        with imaplib.IMAP4(LOOPBACK, self.port, timeout=30) as session:
            session.login(user, PASSWORD)
            status, answer = session.append("INBOX", "", "", _mail(user, sender))
            assert status == "OK", answer


@contextmanager
def _far_side(place: Path, mailboxes: int) -> Iterator[FarSide]:
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    files = ["-keyout", str(place / KEY), "-out", str(place / CERTIFICATE)]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    command = [*dies_with_us(), sys.executable, __file__, "--far", str(mailboxes), "--place", str(place)]
    environment = {**os.environ, "COMMSD_BENCH_PASSWORD": PASSWORD}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield FarSide(process)
    finally:
        process.kill()
        process.wait()


async def _serve(mailboxes: int, place: Path) -> None:
    from commsd.demo.mailserver import MailServer

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(place / CERTIFICATE, place / KEY)
    async with MailServer() as server:

        async def relayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            back, forth = await asyncio.open_connection(LOOPBACK, server.port)
            await asyncio.gather(_pumped(reader, forth), _pumped(back, writer), return_exceptions=True)

        secured = await asyncio.start_server(relayed, LOOPBACK, 0, ssl=context)
        for number in range(mailboxes):
            await server.add_user(f"m{number}", os.environ["COMMSD_BENCH_PASSWORD"])
        print(server.port, secured.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()


async def _pumped(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while some := await source.read(65536):
            target.write(some)
            await target.drain()
    finally:
        target.close()


def _mail(user: str, sender: str) -> bytes:
    head = f"From: {sender}\r\nTo: {user}@commsd.test\r\nSubject: Where is it?\r\nMessage-ID: <{sender}>\r\n"
    return (head + "\r\nGood morning, could you please tell me where my order is? Thank you.\r\n").encode()


# --- the daemon, told to say where its memory is


def _traced(words: list[str]) -> None:
    """`commsd WORDS`, which says once at rest which files hold its memory."""
    import tracemalloc

    tracemalloc.start(1)
    from commsd.cli import main as commsd

    def tell() -> None:
        _wait(HELD_AFTER)
        for statistic in tracemalloc.take_snapshot().statistics("filename")[:25]:
            print(f"held {statistic.size / 1e6:8.2f} MB {statistic.count:8} {statistic.traceback}", flush=True)

    threading.Thread(target=tell, daemon=True).start()
    commsd(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mailboxes", type=int, default=500)
    parser.add_argument("--rest", type=float, default=60.0, help="seconds of nothing")
    parser.add_argument("--mails", type=int, default=20, help="mails that come singly afterwards")
    parser.add_argument("--where", action="store_true", help="say which files hold the memory; slower, and adds to it")
    parser.add_argument("--tls", action="store_true", help="the IMAP connections are encrypted")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--far", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--traced", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.far:
        asyncio.run(_serve(asked.far, asked.place))
        return
    if asked.traced:
        _traced(asked.traced)
        return
    numbers = dict.fromkeys((1, asked.mailboxes))
    runs = [measured(number, asked.rest, asked.mails, where=asked.where, tls=asked.tls) for number in numbers]
    if asked.json:
        print(json.dumps([asdict(run) for run in runs]))
        return
    for name in asdict(runs[0]):
        print(f"{name.replace('_', ' '):20}" + "".join(f"{asdict(run)[name]:>14}" for run in runs))


if __name__ == "__main__":
    main()
