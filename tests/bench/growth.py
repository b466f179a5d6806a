"""What one mail costs in a store that holds a thousand interactions, and in one that holds a million.

    python tests/bench/growth.py [--sizes 1000,10000,100000] [--mails 600] [--keep FOLDER] [--json]

Stores come from `history.py`; the mails are decided, claimed and settled by the daemon's own code. Add 1000000 to the
sizes for the whole of it: that store takes some minutes and about 6 GB to make, which --keep keeps.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from sqlalchemy import func, select  # noqa: E402

from commsd.channels.mail.account import MailSettings  # noqa: E402
from commsd.channels.mail.arrival import Arrival  # noqa: E402
from commsd.channels.mail.desk import Desk, us_of  # noqa: E402
from commsd.channels.mail.intake import intake, keys_of  # noqa: E402
from commsd.channels.mail.message import decode  # noqa: E402
from commsd.channels.mail.outcome import Outcome  # noqa: E402
from commsd.channels.mail.settle import keys_of as keys_of_delivery  # noqa: E402
from commsd.channels.mail.settle import settled  # noqa: E402
from commsd.channels.mail.texts import load_texts  # noqa: E402
from commsd.config.load import load  # noqa: E402
from commsd.core.change import Change  # noqa: E402
from commsd.core.interaction import Delivery, Stored  # noqa: E402
from commsd.core.open_items import OpenItems  # noqa: E402
from commsd.sla.rules.in_force import Rules  # noqa: E402
from commsd.store import schema  # noqa: E402
from commsd.store.claims import Claims  # noqa: E402
from commsd.store.engine import open_engine  # noqa: E402
from commsd.store.log import Log  # noqa: E402
from commsd.world import real_world  # noqa: E402
from tests.bench.history import folder, make  # noqa: E402

A_CASE = 5.9
"""Interactions of a case of `history.py`, on average."""

BATCH = 50
SENT = Outcome(kind="sent", code=250, text="ok", stage="answer")


@dataclass(kw_only=True)
class Figures:
    """One store. interactions: that it held before. cpu, wall: ms a mail, median of the batches."""

    interactions: int
    cpu: float
    wall: float


def mail(number: int, sender: str) -> bytes:
    """A person's ordinary mail; no two alike."""
    head = f"From: {sender}\r\nTo: support@example.com\r\nSubject: Delivery {number}\r\n"
    head += f"Message-ID: <g-{number}@x.test>\r\n"
    text = f"Good morning, could you please tell me where my order {number} is? " + "I have waited for it. " * 30
    return (head + "Date: Wed, 04 Mar 2026 09:00:00 +0000\r\n\r\n" + text + "\r\n").encode()


async def measured(config: Path, url: str, mails: int) -> Figures:
    """Mails of new people and of people with a history, in turn, on this store."""
    settings, world = load(config), real_world()
    post: MailSettings = settings.settings["mail"]
    box = next(iter(post.mailboxes.values()))
    key = b"k" * 32
    desk = Desk(mailbox=box, firm=settings.firm, us=us_of(box, post, settings.firm, key), texts=load_texts(), key=key)
    log = Log(open_engine(url), world)
    log.start()
    try:
        rules, claims = Rules(log), Claims(log, world, "bench/1")
        await rules.load()
        table, people = schema.interactions, schema.identities
        before = await log.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one())
        known = await log.read(
            lambda c: c.execute(select(people.c.value).where(people.c.kind == "email").limit(mails)).scalars().all()
        )
        senders = [known[n // 2 % len(known)] if n % 2 and known else f"new-{n}@growth.test" for n in range(mails)]
        cpu, wall = [], []
        numbered = iter(enumerate(senders))
        while some := list(islice(numbered, BATCH)):
            began = time.process_time(), time.perf_counter()
            await _taken(log, claims, rules, desk, some)
            cpu.append((time.process_time() - began[0]) / len(some))
            wall.append((time.perf_counter() - began[1]) / len(some))
    finally:
        await log.close()
    return Figures(
        interactions=before,
        cpu=round(median(cpu[1:]) * 1000, 2),
        wall=round(median(wall[1:]) * 1000, 2),
    )


async def _taken(log: Log, claims: Claims, rules: Rules, desk: Desk, some: Sequence[tuple[int, str]]) -> None:
    """A batch from its bytes to its settled acknowledgements."""
    terms, now, waiting = rules.terms, log.world.now(), []

    def decided(items: OpenItems, arrival: Arrival) -> Change:
        return intake(arrival, items, desk, terms)

    def over(items: OpenItems, owed: Delivery) -> Change:
        return settled(SENT, owed, items, terms)

    for number, sender in some:
        raw = mail(number, sender)
        stored = Stored(f"{number:064}", "message/rfc822", len(raw))
        arrival = Arrival(message=decode(raw, folder_date=now), place="bench/watch", uid=number + 1, original=stored)
        waiting.append(log.submit(keys_of(arrival, desk), partial(decided, arrival=arrival)))
    await asyncio.gather(*waiting)
    while owed := await claims.deliveries((desk.mailbox.name,), BATCH, timedelta(minutes=15)):
        await asyncio.gather(*(log.submit(keys_of_delivery(each), partial(over, owed=each)) for each in owed))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="interactions the stores hold")
    parser.add_argument("--mails", type=int, default=600)
    parser.add_argument("--keep", type=Path, help="where the stores are made, and taken from the next time")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory(dir=asked.keep) as passing:
        for turn, size in enumerate(map(int, asked.sizes.split(","))):
            kept, used = (asked.keep or Path(passing)) / str(size), Path(passing) / f"{turn}-used"
            if not kept.exists():
                kept.mkdir(parents=True)
                url = f"sqlite:///{kept}/commsd.db"
                make(folder(kept, url), url, max(1, round(size / A_CASE)))
            shutil.copytree(kept, used)  # what is kept knows none of these mails, and has sent nothing today
            url = f"sqlite:///{used}/commsd.db"
            found.append(asyncio.run(measured(folder(used, url), url, asked.mails)))
            shutil.rmtree(used)
            print(f"  {found[-1].interactions:,}: {found[-1].cpu} ms", file=sys.stderr)
    if asked.json:
        print(json.dumps([asdict(each) for each in found]))
        return
    for name in asdict(found[0]):
        print(f"{name:16}" + "".join(f"{asdict(each)[name]:>14}" for each in found))
    print(f"{'cpu, last / first':16}{found[-1].cpu / found[0].cpu:>14.2f}")


if __name__ == "__main__":
    main()
