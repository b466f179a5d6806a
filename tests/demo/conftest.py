"""An exchange with a switchboard behind it, on a clock that jumps."""

from collections.abc import AsyncIterator

import pytest

from commsd.demo.exchange import Exchange
from tests.demo.clockwork import Clockwork
from tests.demo.switchboard import PUBLIC, TOKEN, Switchboard, switchboard_running

LINE = "+493023125010"


@pytest.fixture
async def board() -> AsyncIterator[Switchboard]:
    async with switchboard_running() as board:
        yield board


@pytest.fixture
async def clockwork() -> Clockwork:
    return Clockwork()


@pytest.fixture
async def exchange(board: Switchboard, clockwork: Clockwork) -> AsyncIterator[Exchange]:
    async with (
        Exchange(
            world=clockwork.world, auth_token=TOKEN, public_url=PUBLIC, app_url=board.url, numbers=[LINE]
        ) as exchange,
        clockwork.running(lambda: exchange.post.busy > 0),
    ):
        yield exchange
