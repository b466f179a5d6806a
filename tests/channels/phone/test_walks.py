"""Whole calls at random while everything breaks: the nine sentences of telephony.md section 6d hold after every step.

The eighth is looked at once a walk is over. That the checker can fail, test_invariants.py shows.
`./tests/run --soak` walks twenty times as far.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from tests.channels.phone.replay import attempts_again, differences, replayed
from tests.channels.phone.walk import walking
from tests.demo.contract import Contract

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CALLS = int(os.environ.get("COMMSD_SOAK", "500"))
EACH = 100
MEMORY = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the store of a walk lies: in memory if it can, for a walk is killed by us and never by the power."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(prefix="commsd-walk-", dir=MEMORY) as name:
        yield Path(name)


@pytest.mark.parametrize("seed", range(max(CALLS // EACH, 1)))
async def test_no_walk_breaks_a_promise(seed: int, folder: Path, contract: Contract) -> None:
    async with walking(seed, folder, f"sqlite:///{folder}/commsd.db") as walk:
        await walk.run(EACH)
    made, acts = len(walk.exchange.calls), ", ".join(f"{n} {what}" for what, n in sorted(walk.acts.items()))
    sent = len(walk.exchange.requests)
    sys.stdout.write(f"seed {seed}: {made} legs, {walk.restarts} restarts, {sent} webhooks; {acts}\n")
    assert walk.faults == []
    assert contract.faults(walk.exchange.rest_requests[-20:]) == []


@pytest.mark.parametrize("alone", [False, True], ids=["as it is", "nobody acts"])
@pytest.mark.parametrize("seed", range(200, 200 + max(CALLS // EACH // 4, 1)))
async def test_6d_8_the_journal_told_from_zero_gives_the_same(seed: int, alone: bool, folder: Path) -> None:
    """Once in the order of arrival and once shuffled, into fresh stores; what "the same" means says replay.py."""
    async with walking(seed, folder, f"sqlite:///{folder}/commsd.db", alone=alone) as walk:
        await walk.run(EACH // 4)
    assert walk.journal
    assert walk.faults == []
    in_order = await replayed(walk.journal, f"sqlite:///{folder}/again.db", walk.settings)
    mixed = await replayed(walk.journal, f"sqlite:///{folder}/mixed.db", walk.settings, Random(seed))
    assert differences(walk.books, in_order, walk.journal, owed=alone) == []
    assert differences(walk.books, mixed, walk.journal, owed=alone) == []
    assert attempts_again(walk.books, walk.journal, Random(seed)) == []
