"""What a host's name means, asked in threads of our own: a name server that is silent holds up nobody else's names.

The loop asks for two names at a time, and a thread that waits for an answer cannot be called back: posts to hosts whose
name servers say nothing would keep our mail servers' names waiting.
"""

import asyncio
import socket
import threading
from concurrent.futures import Future

_lock = threading.Lock()
_asked: dict[tuple[str, int], "Future[list[str]]"] = {}
"""What is asked at this moment: who asks the same meanwhile waits with it, so that a host has one thread at most."""


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises OSError where it has none; how long to wait is for who asks."""
    return await asyncio.wrap_future(_asking(host, port))


def _asking(host: str, port: int) -> "Future[list[str]]":
    with _lock:
        under_way = _asked.get((host, port))
        if under_way is not None:
            return under_way
        begun = _asked[host, port] = Future()
    begun.set_running_or_notify_cancel()  # from now on nobody who goes away ends it for the others
    try:
        threading.Thread(target=_ask, args=(host, port, begun), name="egress-name", daemon=True).start()
    except RuntimeError:  # as many threads as we may have: the next who asks tries again
        _forget(host, port)
        begun.set_exception(OSError("no thread to ask for this name"))
    return begun


def _ask(host: str, port: int, begun: "Future[list[str]]") -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except Exception as error:  # a UnicodeError for one: whatever it is, who waits has to learn of it
        _forget(host, port)
        begun.set_exception(error if isinstance(error, OSError) else OSError("this is no name"))
        return
    _forget(host, port)
    begun.set_result(list(dict.fromkeys(str(place[0]) for *_, place in found)))


def _forget(host: str, port: int) -> None:
    with _lock:
        del _asked[host, port]
