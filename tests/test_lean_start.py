"""What a daemon imports although it may never need it costs memory for ever and time at each start."""

import subprocess
import sys

HEAVY = (
    "rich",
    "alembic",
    "aiohttp",
    "twilio",
    "cryptography",
    "sqlalchemy.orm",
    "charset_normalizer",
    "holidays.countries.france",
)

LOOK = """
import sys
import commsd.cli.run
import commsd.daemon
print(" ".join(name for name in sys.argv[1:] if name in sys.modules))
"""


def test_a_daemon_imports_no_library_that_its_config_may_never_ask_for() -> None:
    looked = subprocess.run(
        [sys.executable, "-c", LOOK, *HEAVY], capture_output=True, text=True, check=True, timeout=60
    )
    assert looked.stdout.split() == []
