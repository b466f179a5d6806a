"""The mail server of the benchmarks, in a process of its own: it takes everything, and tells when and for whom."""

import asyncio
import sys
import time

from commsd.demo.smtp import Accepted, SmtpSink


def tell(taken: Accepted) -> None:
    """Times are of the machine's monotonic clock, which all processes share."""
    sys.stdout.write(f"{time.monotonic():.6f} {taken.recipient}\n")


async def main() -> None:
    async with SmtpSink(on_accept=tell) as sink:
        print(sink.port, flush=True)
        while True:
            try:
                async with asyncio.timeout(0.05):
                    await asyncio.Event().wait()
            except TimeoutError:
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
