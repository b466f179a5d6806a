"""MANUAL: letters, visits and calls that people or other systems enter (`commsd record`, POST /v1/interactions).

The smallest whole channel: it has no settings, watches nothing and opens no route, because whoever enters a touch
comes in by the command line or the API. What is entered becomes an interaction in `core.entry`.
"""

from commsd.channels.channel import Channel, Duties, Means, Routes
from commsd.config.read import Table
from commsd.core.firm import Firm


def _read_settings(root: Table, firm: Firm) -> None:
    """Nothing is configured."""


def _duties(settings: None, means: Means) -> Duties:
    return ()


def _routes(settings: None, means: Means) -> Routes:
    return ()


MANUAL = Channel(name="manual", tables=(), read_settings=_read_settings, duties=_duties, routes=_routes)
