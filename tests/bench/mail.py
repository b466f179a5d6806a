"""How fast mails are acknowledged, beside the plain loop on the same libraries, servers and machine, in one run.

    python tests/bench/mail.py [--mails 500] [--runs 3] [--paced 40] [--json]

Each run is a process of its own on a mailbox of its own; the two kinds take turns. Nobody's test suite.
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from statistics import median, quantiles
from typing import Any, cast

import uvloop

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.bench.plain_loop import PlainLoop  # noqa: E402
from tests.bench.sink import Sink  # noqa: E402
from tests.end_to_end.house import ADDRESS, write_config  # noqa: E402
from tests.eventually import eventually_blocking  # noqa: E402
from tests.neighbours.dovecot import Dovecot, dovecot_running  # noqa: E402

KINDS = ("commsd", "plain loop")
PACE = 0.7  # seconds between two mails; Dovecot keeps news for 0.5
WARM_UP = 3


@dataclass(kw_only=True)
class Figures:
    """One run. latency: from the server's EXISTS to the 250, s. rss: the peak, MB. cpu: seconds for the backlog."""

    kind: str
    per_second: float
    cpu: float
    rss: float
    latency: list[float] = field(default_factory=list)


def mail(number: int) -> bytes:
    """About 4 KB, multipart/alternative; no two alike, and no sender twice."""
    words = f"I ordered the garden table number {number} three weeks ago and it has not arrived yet. "
    text = f"Good morning,\n\n{words}" + "Could you please look into it and tell me when it will come? " * 16
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Customer {number} <customer-{number}@example.org>"
    message["To"] = ADDRESS
    message["Subject"] = f"Order {number} has not arrived"
    message["Message-ID"] = f"<bench-{number}@example.org>"
    message["Date"] = "Wed, 04 Mar 2026 09:00:00 +0000"
    message.set_content(text + "\n")
    message.add_alternative(f"<html><body><p>{'</p><p>'.join([text] * 2)}</p></body></html>", subtype="html")
    return message.as_bytes()


def measured(kind: str, dovecot: Dovecot, sink: Sink, mails: int, paced: int, profile: bool) -> Figures:
    """One run of one kind."""
    user = dovecot.user(ADDRESS)
    sink.at.clear()
    with tempfile.TemporaryDirectory() as folder:
        write_config(Path(folder), dovecot, user, smtp=sink.port, store=f"sqlite:///{folder}/commsd.db")
        place = [folder, user, str(dovecot.port), str(sink.port), dovecot.password]
        command = [sys.executable, __file__, "--child", kind, *place, *(["--profile"] if profile else [])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdin
            assert child.stdout
            _expect(child, "ready")
            dovecot.deliver_all(user, [mail(number) for number in range(mails)])
            _say(child, "go")
            eventually_blocking(lambda: len(sink.at) >= mails, within=120)
            last = max(sink.at.values())
            _say(child, "done")
            _settle(2.0)
            for number in range(mails, mails + paced):
                dovecot.deliver(user, mail(number))
                eventually_blocking(lambda: len(sink.at) > number, within=30)  # noqa: B023
                _settle(PACE)
            _say(child, "end")
            told = json.loads(child.stdout.readline())
    sent = [sink.at[f"customer-{number}@example.org"] for number in range(mails + WARM_UP, mails + paced)]
    latency = [at - max(seen for seen in told["exists"] if seen <= at) for at in sent]
    if profile:
        print(told["profile"], file=sys.stderr)
    return Figures(
        kind=kind, per_second=mails / (last - told["first_fetch"]), cpu=told["cpu"], rss=told["rss"], latency=latency
    )


def _settle(seconds: float) -> None:
    threading.Event().wait(seconds)


def _expect(child: "subprocess.Popen[str]", word: str) -> None:
    assert child.stdout
    said = child.stdout.readline().strip()
    assert said == word, said


def _say(child: "subprocess.Popen[str]", word: str) -> None:
    assert child.stdin
    child.stdin.write(word + "\n")
    child.stdin.flush()


# --- the process that is measured


class Gauge:
    """What a run notes of itself."""

    def __init__(self) -> None:
        self.first_fetch = 0.0
        self.exists: list[float] = []
        self.cpu = 0.0

    def fetched(self) -> None:
        self.first_fetch = self.first_fetch or time.monotonic()

    def told(self) -> None:
        self.exists.append(time.monotonic())

    async def follow(self) -> None:
        """What the parent says: the backlog is done, the end."""
        loop = asyncio.get_running_loop()
        started = time.process_time()
        await loop.run_in_executor(None, sys.stdin.readline)
        self.cpu = time.process_time() - started
        await loop.run_in_executor(None, sys.stdin.readline)


async def _commsd(folder: str, gauge: Gauge) -> None:
    from commsd.channels.mail.imap import _Protocol
    from commsd.channels.mail.session import Session
    from commsd.config.load import load
    from commsd.daemon import opened, share_the_interpreter, spare_the_collector
    from commsd.telemetry import configure
    from commsd.world import real_world

    beginnings, untagged = Session.beginnings, _Protocol._take_untagged

    def noted_beginnings(self: Session, uids: Any, limit: int) -> Any:
        gauge.fetched()
        return beginnings(self, uids, limit)

    def noted_untagged(self: Any, response: Any) -> None:
        if response[0].endswith(b"EXISTS"):
            gauge.told()
        untagged(self, response)

    configure("json", stream=open(Path(folder) / "log.jsonl", "w"))  # noqa: SIM115, ASYNC230
    env = {**os.environ, "STATE_DIRECTORY": folder}
    config = load(Path(folder), env=env, need_secrets=True)
    async with opened(config, env, real_world()):
        await _until(lambda: (Path(folder) / "log.jsonl").read_text().count("mailbox.watched") >= 1)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    session, protocol = cast(Any, Session), cast(Any, _Protocol)
    session.beginnings, protocol._take_untagged = noted_beginnings, noted_untagged
    async with opened(config, env, real_world()):
        spare_the_collector()
        share_the_interpreter()
        await gauge.follow()


async def _until(predicate: Callable[[], bool]) -> None:
    while not predicate():
        try:
            async with asyncio.timeout(0.05):
                await asyncio.Event().wait()
        except TimeoutError:
            continue


async def _plain(folder: str, user: str, imap: str, smtp: str, password: str, gauge: Gauge) -> None:
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    loop = PlainLoop(
        ("127.0.0.1", int(imap)),
        (user, password),
        int(smtp),
        Path(folder) / "plain.db",
        fetched=gauge.fetched,
        told=gauge.told,
    )
    running = asyncio.ensure_future(loop.run())
    await asyncio.wait({running, asyncio.ensure_future(gauge.follow())}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    running.cancel()
    await asyncio.wait({running})


@contextmanager
def _profiled(wanted: bool) -> Iterator[Callable[[], str]]:
    """cProfile in this thread and in every one that starts later."""
    if not wanted:
        yield lambda: ""
        return
    main, others = cProfile.Profile(), []

    def begin(*_: object) -> None:
        one = cProfile.Profile()
        others.append(one)
        one.enable()

    threading.setprofile(begin)  # replaced by the C profiler at the first call in a new thread
    main.enable()

    def report() -> str:
        main.disable()
        texts = []
        for one in (main, *others):
            try:
                stats: Any = pstats.Stats(one)
            except TypeError:
                continue
            stats.stream = out = _Lines()
            stats.sort_stats("tottime").print_stats(28)
            texts.append(str(out))
            stats.stream = out = _Lines()
            stats.sort_stats("cumtime").print_stats(r"commsd", 40)
            texts.append(str(out))
        return "\n".join(texts)

    yield report


class _Lines:
    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, part: str) -> None:
        self.parts.append(part)

    def __str__(self) -> str:
        return "".join(self.parts)


def child(kind: str, folder: str, user: str, imap: str, smtp: str, password: str, *, profile: bool) -> None:
    """One run; says "ready", waits for "go", and at the end tells its figures."""
    gauge = Gauge()
    with _profiled(profile) as report:
        if kind == "commsd":
            uvloop.run(_commsd(folder, gauge))
        else:
            asyncio.run(_plain(folder, user, imap, smtp, password, gauge))
        text = report()
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"first_fetch": gauge.first_fetch, "exists": gauge.exists, "cpu": gauge.cpu, "rss": rss, "profile": text}
    print(json.dumps(told), flush=True)


# --- the report


def summary(runs: list[Figures]) -> dict[str, float]:
    """Medians over the runs of one kind; latencies of all runs together, in ms."""
    latencies = [seconds * 1000 for run in runs for seconds in run.latency]
    return {
        "messages_per_second": round(median(run.per_second for run in runs), 1),
        "lowest": round(min(run.per_second for run in runs), 1),
        "highest": round(max(run.per_second for run in runs), 1),
        "cpu_ms_per_message": 0.0,
        "latency_median_ms": round(median(latencies), 1) if latencies else 0.0,
        "latency_p95_ms": round(quantiles(latencies, n=20)[-1], 1) if len(latencies) > 1 else 0.0,
        "rss_mb": round(max(run.rss for run in runs), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mails", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--paced", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", action="store_true", help="one run of commsd, and where its time went")
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(*asked.child, profile=asked.profile)
        return
    sink = Sink()
    runs: list[Figures] = []
    try:
        with dovecot_running() as dovecot:
            for _ in range(1 if asked.profile else asked.runs):
                for kind in KINDS[:1] if asked.profile else KINDS:
                    runs.append(measured(kind, dovecot, sink, asked.mails, asked.paced, asked.profile))
                    print(f"  {kind}: {runs[-1].per_second:.0f}/s", file=sys.stderr)
    finally:
        sink.process.terminate()
    found = {kind: summary([run for run in runs if run.kind == kind]) for kind in {run.kind: None for run in runs}}
    for kind, figures in found.items():
        figures["cpu_ms_per_message"] = round(median(r.cpu for r in runs if r.kind == kind) / asked.mails * 1000, 2)
    ratio = found["commsd"]["messages_per_second"] / found[KINDS[-1]]["messages_per_second"] if len(found) > 1 else 1.0
    if asked.json:
        print(json.dumps({"ratio": round(ratio, 2), "runs": [asdict(run) for run in runs], **found}))
        return
    print(f"{'':30}" + "".join(f"{kind:>14}" for kind in found))
    for name in found["commsd"]:
        print(f"{name.replace('_', ' '):30}" + "".join(f"{figures[name]:>14}" for figures in found.values()))
    print(f"{'ratio':30}{ratio:>14.2f}")


if __name__ == "__main__":
    main()
