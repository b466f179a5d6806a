"""What happens where a neighbour cannot be had: a test that needs it is skipped, but never where CI=true."""

import os
from typing import NoReturn

import pytest


def absent(reason: str) -> NoReturn:
    """Skips the test that asked, with the reason; fails it with CI=true."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
