"""Whole calls at random while everything breaks: the nine sentences of telephony.md section 6d hold after every step.

`./tests/run --soak` walks twenty times as far.
"""

import os
import sys
from pathlib import Path

import pytest

from tests.channels.phone.walk import walking
from tests.demo.contract import Contract

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CALLS = int(os.environ.get("COMMSD_SOAK", "500"))
EACH = 50


@pytest.mark.parametrize("seed", range(max(CALLS // EACH, 1)))
async def test_no_walk_breaks_a_promise(seed: int, tmp_path: Path, sqlite_url: str, contract: Contract) -> None:
    async with walking(seed, tmp_path, sqlite_url) as walk:
        await walk.run(EACH)
    made = len(walk.exchange.calls)
    sys.stdout.write(f"seed {seed}: {made} legs, {walk.restarts} restarts, {len(walk.exchange.requests)} webhooks\n")
    assert walk.faults == []
    assert contract.faults(walk.exchange.rest_requests[-20:]) == []
