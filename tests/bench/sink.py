"""The mail server of the benchmarks, in a process of its own: it takes everything, and tells when and for whom."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class Sink:
    """The mail server as the bench sees it. port; at: recipient -> when it took the last mail, monotonic seconds."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())
        self.at: dict[str, float] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            instant, recipient = line.split()
            self.at[recipient] = float(instant)


async def main() -> None:
    """Serve until killed. Times are of the machine's monotonic clock, which all processes share."""
    from commsd.demo.smtp import Accepted, SmtpSink

    def tell(taken: Accepted) -> None:
        sys.stdout.write(f"{time.monotonic():.6f} {taken.recipient}\n")

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
