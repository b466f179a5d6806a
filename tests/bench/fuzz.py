"""schemathesis with all its checks for longer than a test may take: python -m tests.bench.fuzz [EXAMPLES] [SCOPE…]

Each field at and beyond its limits, then random requests; prints what is not as described. Exit 1 where there is any.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence

from commsd.crm.keys import SCOPES
from tests.crm.fuzzing import findings
from tests.crm.serving import place, rang, wrote
from tests.world import ScriptedWorld


async def fuzz(examples: int, scopes: Sequence[str]) -> int:
    """How many findings there are."""
    with tempfile.TemporaryDirectory() as folder:
        async with place(f"sqlite:///{folder}/commsd.db", ScriptedWorld().world) as here:
            await wrote(here)
            await rang(here)
            await here.numbered()
            async with await here.client(*scopes) as crm:
                key = crm.headers["Authorization"]
            found, asked = await asyncio.to_thread(findings, here.url, key, examples=examples, seed=6)
    for each in found:
        print(each)
    print(f"{asked} requests, {len(found)} findings")
    return len(found)


if __name__ == "__main__":
    words = sys.argv[1:] or ["5"]
    sys.exit(min(asyncio.run(fuzz(int(words[0]), words[1:] or SCOPES)), 1))
