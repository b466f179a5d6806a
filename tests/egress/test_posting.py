"""One post to a real server on loopback: to the address that was checked, under the name that was written."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from commsd.egress.posting import judged, post
from commsd.egress.target import Exits, UnsafeTarget
from commsd.errors import Refused
from tests.fakes.receiver import CUT, ENDLESS, HANG, INTERIM, Receiver, authority, receiving

HERE = Exits(networks=("127.0.0.0/8",), timeout=timedelta(seconds=5))
NAME = "hooks.example.com"


class Names:
    """A resolver that says one thing after the other, the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as here:
        yield here


async def test_a_post_brings_its_bytes_and_headers(receiver: Receiver) -> None:
    answer = await post(receiver.url(), b'{"a":1}', {"Content-Type": "application/json", "webhook-id": "e1"}, HERE)
    assert (answer.taken, answer.status, answer.failure) == (True, 200, None)
    (heard,) = receiver.heard
    assert (heard.path, heard.body, heard.headers["webhook-id"]) == ("/hook/secret-4711", b'{"a":1}', "e1")
    assert "cookie" not in heard.headers


async def test_whk_6_the_name_is_resolved_once_and_that_address_is_asked_for_that_name(tmp_path: Path) -> None:
    tls, ca = authority(tmp_path, NAME)
    exits = Exits(networks=HERE.networks, ca=str(ca), timeout=HERE.timeout)
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with receiving(tls) as receiver:
        answer = await post(receiver.url(NAME, "https"), b"{}", {}, exits, names)
        assert (answer.status, names.asked) == (200, 1)
        (heard,) = receiver.heard
        assert (heard.sni, heard.headers["host"]) == (NAME, f"{NAME}:{receiver.port}")


async def test_whk_6_a_name_that_points_inside_later_is_refused_at_the_next_try(tmp_path: Path) -> None:
    """DNS rebinding: public when it was added, private when it is posted to."""
    tls, ca = authority(tmp_path, NAME)
    exits = Exits(networks=HERE.networks, ca=str(ca), timeout=HERE.timeout)
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with receiving(tls) as receiver:
        url = receiver.url(NAME, "https")
        assert (await post(url, b"{}", {}, exits, names)).taken
        again = await post(url, b"{}", {}, exits, names)
        assert (again.failure, again.status, len(receiver.heard)) == ("unsafe", None, 1)
        assert "secret" not in again.said


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"]])
async def test_whk_6_nothing_is_sent_to_a_name_that_means_this_machine(receiver: Receiver, found: list[str]) -> None:
    answer = await post(receiver.url(NAME, "https"), b"{}", {}, Exits(), Names(found))
    assert (answer.failure, receiver.heard) == ("unsafe", [])
    with pytest.raises(UnsafeTarget):
        await judged(receiver.url(NAME, "https"), Exits(), Names(found))


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    tls, ca = authority(tmp_path, "other.example.com")
    exits = Exits(networks=HERE.networks, ca=str(ca), timeout=HERE.timeout)
    async with receiving(tls) as receiver:
        answer = await post(receiver.url(NAME, "https"), b"{}", {}, exits, Names(["127.0.0.1"]))
        assert (answer.failure, receiver.heard) == ("unreachable", [])
        assert "certificate" in answer.said


async def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    tls, _ = authority(tmp_path, NAME)
    async with receiving(tls) as receiver:
        answer = await post(receiver.url(NAME, "https"), b"{}", {}, HERE, Names(["127.0.0.1"]))
        assert (answer.failure, receiver.heard) == ("unreachable", [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_whk_6_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers, receiver.more = [status], {"Location": receiver.url()}
    answer = await post(receiver.url(), b"{}", {}, HERE)
    assert (answer.taken, answer.status, len(receiver.heard)) == (False, status, 1)


async def test_whk_6_of_an_endless_answer_hardly_anything_is_read(receiver: Receiver) -> None:
    receiver.answers = [ENDLESS]
    answer = await post(receiver.url(), b"{}", {}, HERE)
    assert answer.taken
    assert receiver.sent < 16 * 1024 * 1024  # what the kernel's buffers hold


async def test_a_server_that_only_ever_says_that_it_is_at_it_is_hung_up_on_long_before_the_time_is_over(
    receiver: Receiver,
) -> None:
    receiver.answers = [INTERIM]
    answer = await post(receiver.url(), b"{}", {}, HERE)
    assert (answer.failure, answer.said) == ("unknown", "ServerDisconnectedError")


async def test_a_head_of_sixty_kilobytes_is_read_and_one_of_seventy_is_not(receiver: Receiver) -> None:
    receiver.answers, receiver.more = [200], {f"X-{number}": "x" * 7500 for number in range(8)}
    assert (await post(receiver.url(), b"{}", {}, HERE)).taken
    receiver.more["X-Longest"] = "z" * 7500
    assert (await post(receiver.url(), b"{}", {}, HERE)).failure == "unknown"


async def test_whk_2_a_server_that_hangs_is_left_in_time(receiver: Receiver) -> None:
    receiver.answers = [HANG]
    exits = Exits(networks=HERE.networks, timeout=timedelta(milliseconds=200))
    answer = await post(receiver.url(), b"{}", {}, exits)
    assert (answer.failure, answer.said) == ("unknown", "no answer within 0.2 s")


async def test_a_server_that_hangs_up_perhaps_took_it(receiver: Receiver) -> None:
    receiver.answers = [CUT]
    assert (await post(receiver.url(), b"{}", {}, HERE)).failure == "unknown"


async def test_a_server_that_is_not_there_took_nothing() -> None:
    answer = await post("http://127.0.0.1:9/hook/secret-4711", b"{}", {}, HERE)
    assert answer.failure == "unreachable"
    assert "secret" not in answer.said


async def test_whk_6_through_a_proxy_the_proxy_is_asked_for_the_name() -> None:
    async with receiving() as proxy:
        exits = Exits(proxy=f"http://127.0.0.1:{proxy.port}", networks=("127.0.0.0/8",), timeout=HERE.timeout)
        answer = await post(f"http://{NAME}/x", b"{}", {}, exits, Names(["10.0.0.1"]))
        assert (answer.status, proxy.heard[0].path) == (200, f"http://{NAME}/x")


async def test_a_name_that_leads_nowhere_is_said_to() -> None:
    async def nowhere(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(Refused, match="no address"):
        await judged(f"https://{NAME}/", Exits(), nowhere)
    answer = await post(f"https://{NAME}/", b"{}", {}, Exits(timeout=HERE.timeout), nowhere)
    assert answer.failure == "unreachable"


async def test_a_cancelled_post_ends_at_once(receiver: Receiver) -> None:
    receiver.answers = [HANG]
    posting = asyncio.ensure_future(post(receiver.url(), b"{}", {}, HERE))
    while not receiver.heard:
        await asyncio.wait({posting}, timeout=0.01)
    posting.cancel()
    await asyncio.wait({posting}, timeout=2)
    assert posting.cancelled()
