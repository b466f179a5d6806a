"""How fast the telephone answers: signed webhook -> TwiML, durably journalled; and how fast the next callback is found.

    python tests/bench/phone.py [--seconds 15] [--rate 200] [--calls 10000] [--open 100000] [--only paced,flood,due]
                                [--json]

The daemon is a process of its own on the first core, the load on the others. Nobody's test suite.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote_plus

import uvloop

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from commsd.core.callback import Callback, State  # noqa: E402
from commsd.core.change import Change  # noqa: E402
from commsd.store.callbacks import waiting  # noqa: E402
from commsd.store.engine import open_engine  # noqa: E402
from commsd.store.log import Log  # noqa: E402
from commsd.store.migrate import upgrade  # noqa: E402
from commsd.store.rows import write  # noqa: E402
from commsd.world import real_world  # noqa: E402
from tests.end_to_end.house import TOKEN  # noqa: E402
from tests.eventually import eventually_blocking  # noqa: E402
from tests.neighbours.place import free_port  # noqa: E402

ACCOUNT, HOTLINE, PUBLIC = "AC" + "0" * 32, "+493023125010", "https://calls.example.com"
BARS = {"paced": "p99 20 ms at 200/s", "flood": "2,000/s on one core", "due": "5 ms"}
WARM_UP = 200
AT_ONCE = 32
BATCH, LOOKS = 5000, 200
CONFIG = """
[service]
name = "Example Ltd"
timezone = "Europe/Berlin"
hours = "24x7"
country = "DE-BE"
[store]
url = "sqlite:///{folder}/commsd.db"
[http]
listen = "127.0.0.1:{own}"
public_listen = "127.0.0.1:{public}"
[agent.anna]
name = "Anna Berg"
phone = "+493023125011"
[twilio]
account_sid = "AC00000000000000000000000000000000"
auth_tokens = [{{ credential = "twilio" }}]
public_url = "https://calls.example.com"
api_base_url = "http://127.0.0.1:9"
[line.hotline]
number = "+493023125010"
rounds = [["anna"]]
sms_ack = false
[dialling]
enabled = false
"""
_numbers = count(1)


def request() -> bytes:
    """The voice webhook of a call that was never made before, as it goes over the wire."""
    number = next(_numbers)
    fields = {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "CallSid": f"CA{number:032x}",
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": f"+4930{2000000 + number % 7000000}",
        "To": HOTLINE,
        "FromCity": "",
        "FromCountry": "DE",
        "ToCity": "",
        "ToCountry": "DE",
    }
    url = f"{PUBLIC}/twilio/voice"
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = base64.b64encode(hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items()).encode()
    head = (
        "POST /twilio/voice HTTP/1.1",
        "Host: calls.example.com",
        "Content-Type: application/x-www-form-urlencoded; charset=UTF-8",
        f"X-Twilio-Signature: {signature}",
        f"I-Twilio-Idempotency-Token: bench-{number}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Wire:
    """One connection that stays open, as Twilio's proxy keeps it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> "Wire":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, raw: bytes) -> float:
        """Seconds until the TwiML was there. Raises ValueError for anything else."""
        began = time.perf_counter()
        self._writer.write(raw)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body = await self._reader.readexactly(length)
        took = time.perf_counter() - began
        if b" 200 " not in head[:20] or b"<Dial" not in body:
            raise ValueError(head + body)
        return took


@contextmanager
def daemon(folder: Path) -> Iterator[tuple[int, int]]:
    """`commsd run`; its public port and its process id."""
    own, public = free_port(), free_port()
    (folder / "credentials").mkdir()
    (folder / "credentials/twilio").write_text(TOKEN)
    (folder / "credentials/twilio").chmod(0o600)
    (folder / "commsd.toml").write_text(CONFIG.format(folder=folder, own=own, public=public))
    command = [str(Path(sys.executable).parent / "commsd"), "--config", str(folder), "run"]
    environment = {**os.environ, "STATE_DIRECTORY": str(folder)}
    cores = sorted(os.sched_getaffinity(0))
    with (
        (folder / "log").open("w") as told,
        subprocess.Popen(command, env=environment, stdout=told, stderr=told) as process,
    ):
        try:
            os.sched_setaffinity(process.pid, cores[:1])
            os.sched_setaffinity(0, cores[1:] or cores)
            eventually_blocking(lambda: _listens(public), within=60)
            yield public, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            os.sched_setaffinity(0, cores)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def cpu_of(pid: int) -> float:
    """Seconds of processor this process has used, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def paced(port: int, rate: int, seconds: float) -> list[float]:
    """Latencies of requests that come at an even pace, whether or not the ones before were answered."""
    loop, free = asyncio.get_running_loop(), [await Wire.to(port) for _ in range(AT_ONCE)]
    world, found = real_world(), list[float]()
    began, tasks = loop.time(), set()

    async def one(raw: bytes, due: float) -> None:
        wire = free.pop() if free else await Wire.to(port)
        await wire.ask(raw)
        found.append(loop.time() - due)  # from when it should have left: a late start is latency too
        free.append(wire)

    for number in range(int(rate * seconds)):
        raw, due = request(), began + number / rate
        await world.sleep(max(due - loop.time(), 0))
        task = loop.create_task(one(raw, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return found


async def flood(port: int, calls: int) -> float:
    """Seconds for so many requests over AT_ONCE connections, each asking again as soon as it is answered."""
    raws = iter([request() for _ in range(calls)])

    async def line() -> None:
        wire = await Wire.to(port)
        for raw in raws:
            await wire.ask(raw)

    began = time.perf_counter()
    await asyncio.gather(*(line() for _ in range(AT_ONCE)))
    return time.perf_counter() - began


async def webhooks(only: Sequence[str], rate: int, seconds: float, calls: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, daemon(Path(folder)) as (port, pid):
        await flood(port, WARM_UP)
        if "paced" in only:
            latency = await paced(port, rate, seconds)
            cuts = quantiles(latency, n=100)
            found["paced"] = {
                "rate": rate,
                "p50_ms": median(latency) * 1000,
                "p99_ms": cuts[98] * 1000,
                "max_ms": max(latency) * 1000,
            }
        if "flood" in only:
            cpu = cpu_of(pid)
            took = await flood(port, calls)
            used = cpu_of(pid) - cpu
            found["flood"] = {"per_second": calls / took, "cpu_ms": used / calls * 1000, "per_core": calls / used}
    return found


async def due(owed: int) -> dict[str, Any]:
    """How long the dialler's question takes among so many open callbacks: a few are due, then all of them are."""
    world = real_world()
    now = world.now()
    found: dict[str, Any] = {"open": owed}
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/commsd.db")
        await engine.commit(upgrade)
        for start in range(0, owed, BATCH):
            few = tuple(owed_call(number, now) for number in range(start, min(start + BATCH, owed)))
            await engine.commit(partial(write, changes=[Change(callbacks=few)], now=now, new_id=world.new_id))
        log = Log(engine, world)
        for name, at in (("few_due", now + timedelta(seconds=50)), ("all_due", now + timedelta(seconds=owed))):
            took = []
            for _ in range(LOOKS):
                began = time.perf_counter()
                seen = await log.read(partial(waiting, line="hotline", now=at, limit=1))
                took.append((time.perf_counter() - began) * 1000)
                assert seen[0].number == f"+4930{2000000}", seen
            found |= {f"{name}_ms": median(took), f"{name}_p99_ms": quantiles(took, n=100)[98]}
        await engine.close()
    return found


def owed_call(number: int, now: datetime) -> Callback:
    """The callback that is due as the so many-th, a second after the one before."""
    at, name = now + timedelta(seconds=number), f"00000000-0000-7000-8000-{number:012x}"
    return Callback(
        id=name,
        created_at=now,
        line="hotline",
        number=f"+4930{2000000 + number}",
        contact_id=None,
        case_id=name,
        state=State.WAITING,
        due_at=at,
        opened_at=at,
        look_at=at,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--only", default="paced,flood,due")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    only = given.only.split(",")
    found: dict[str, Any] = {}
    if {"paced", "flood"} & set(only):
        found |= uvloop.run(webhooks(only, given.rate, given.seconds, given.calls))
    if "due" in only:
        found["due"] = uvloop.run(due(given.open))
    if given.json:
        print(json.dumps(found, indent=2))
        return
    for name, figures in found.items():
        print(f"{name:6} (bar: {BARS[name]})")
        for what, value in figures.items():
            print(f"    {what:12} {value:,.2f}")


if __name__ == "__main__":
    main()
