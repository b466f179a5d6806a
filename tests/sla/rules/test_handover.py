"""An apply killed at any point leaves folder and store to be brought together by whoever reads the folder next."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from commsd.config.load import load
from commsd.errors import TryAgain
from commsd.sla.rules import rulefolder
from commsd.sla.rules.folderlock import Busy, held
from commsd.sla.rules.handover import Finished, finish, take_folder
from commsd.sla.rules.in_force import Rules
from commsd.sla.rules.rulefolder import Exchange, leftovers, texts_in
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.versions import HandOver, Stored
from commsd.world import real_world
from tests.cli.office import Office, built
from tests.cli.test_sla_apply import rules
from tests.config.test_folder import as_somebody_else
from tests.world import ScriptedWorld

NODE = "node"


class Killed(BaseException):
    """As far as Python can say it."""


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """With files of its own in force: first answers in 4 h."""
    office = Office(built(tmp_path / "config"))
    office.done("db", "upgrade")
    office.mail()
    office.done("sla", "apply", str(rules(tmp_path / "old")))
    return office


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """First answers in 2 h."""
    return rules(tmp_path / "new", first="2h")


def place(office: Office) -> Path:
    return office.folder / "sla"


def on_store(office: Office, work: Callable[[Rules], Any]) -> Any:
    """Work with the rules of the office's store, and nothing else done to it."""

    async def within() -> Any:
        log = Log(open_engine(load(office.folder).store_url({})), real_world())
        log.start()
        try:
            rules = Rules(log)
            await rules.load()
            return await work(rules)
        finally:
            await log.close()

    return asyncio.run(within())


def start_daemon(office: Office, node: str = NODE) -> Stored | None:
    """What a daemon does at its start with the rules of its folder."""
    config, world = load(office.folder), real_world()

    async def work(rules: Rules) -> Stored | None:
        return await take_folder(rules, place(office), config.version, config.sla_files, world.now(), node, world)

    stored: Stored | None = on_store(office, work)
    return stored


def stored(office: Office) -> tuple[Stored, ...]:
    async def work(rules: Rules) -> tuple[Stored, ...]:
        return rules.stored

    found: tuple[Stored, ...] = on_store(office, work)
    return found


def owed(office: Office) -> tuple[Stored, HandOver] | None:
    async def work(rules: Rules) -> tuple[Stored, HandOver] | None:
        return await rules.hand_over()

    found: tuple[Stored, HandOver] | None = on_store(office, work)
    return found


def is_whole(office: Office) -> bool:
    """The folder holds what the store has in force, and nothing else lies there."""
    return (texts_in(place(office)), leftovers(place(office)), owed(office)) == (stored(office)[-1].files, (), None)


def dying(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, *, at: int = 1, before: bool = False) -> None:
    """The process dies at the n-th call of this method: once it is done, or before it begins."""
    real, calls = getattr(owner, name), iter(range(1, 1000))

    def call(*words: Any, **more: Any) -> Any:
        last = next(calls) == at
        if last and before:
            raise Killed
        done = real(*words, **more)
        if last and not asyncio.iscoroutine(done):
            raise Killed
        return _then_dead(done) if last else done

    monkeypatch.setattr(owner, name, call)


async def _then_dead(done: Any) -> None:
    await done
    raise Killed


POINTS: dict[str, tuple[type, str, int, bool]] = {
    "the new files are ready": (Exchange, "__init__", 1, False),
    "the version is accepted": (Rules, "accept", 1, False),
    "about to exchange": (Exchange, "swap", 1, True),
    "the former folder is out of the way": (Path, "rename", 1, False),
    "the new folder is in place": (Path, "rename", 2, False),
    "all is renamed": (Path, "rename", 3, False),
    "exchanged": (Exchange, "swap", 1, False),
    "about to say so": (Rules, "handed_over", 1, True),
    "said so": (Rules, "handed_over", 1, False),
    "cleaned": (Exchange, "drop", 1, False),
}
NOT_ACCEPTED = {"the new files are ready"}


@pytest.fixture(params=POINTS)
def crashed(request: pytest.FixtureRequest, office: Office, new: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The office after an apply that was killed there."""
    killed(office, new, monkeypatch, request.param)
    return str(request.param)


def killed(office: Office, new: Path, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    owner, name, at, before = POINTS[point]
    with monkeypatch.context() as patch:
        if owner is Path:
            patch.setattr(rulefolder, "_exchanged", lambda one, other: False)
        dying(patch, owner, name, at=at, before=before)
        with pytest.raises(Killed):
            office.commsd("sla", "apply", str(new))


def test_the_next_start_brings_folder_and_store_together_and_undoes_nothing(office: Office, crashed: str) -> None:
    before = len(stored(office))
    assert before == (2 if crashed in NOT_ACCEPTED else 3)
    assert start_daemon(office) is None
    assert len(stored(office)) == before
    assert is_whole(office)
    start_daemon(office)
    assert len(stored(office)) == before


@pytest.mark.parametrize("point", sorted(POINTS))
def test_what_no_version_holds_outlives_every_kill(
    office: Office, new: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    (place(office) / "draft.toml").write_text("# not yet: a policy for fairs\n")
    killed(office, new, monkeypatch, point)
    start_daemon(office)
    found = [path.read_text() for path in office.folder.rglob("draft.toml")]
    assert "# not yet: a policy for fairs\n" in found


def test_another_apply_finishes_it_first_and_is_judged_against_that(office: Office, crashed: str, new: Path) -> None:
    before = len(stored(office))
    ran = office.done("sla", "apply", str(new))
    assert is_whole(office)
    if crashed in NOT_ACCEPTED:
        assert "version 3 is in force" in ran.out
    else:
        assert "nothing changed: these are the rules of version 3" in ran.out
    assert len(stored(office)) == 3 >= before
    assert texts_in(place(office)) == texts_in(new)


def test_a_command_meanwhile_reads_rules_and_says_what_happened(office: Office, crashed: str) -> None:
    assert load(office.folder).sla_files
    ran = office.commsd("sla", "versions")
    assert ran.code == 0
    arrived = crashed in {"said so", "cleaned", *NOT_ACCEPTED}
    assert ("did not reach" in ran.out) == (not arrived and texts_in(place(office)) != stored(office)[-1].files)


def accepted_only(office: Office, new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        dying(patch, Rules, "accept")
        with pytest.raises(Killed):
            office.commsd("sla", "apply", str(new))


def test_what_somebody_wrote_into_the_folder_since_is_theirs_and_new(
    office: Office, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted_only(office, new, monkeypatch)
    rules(place(office), first="7h")
    taken = start_daemon(office)
    assert taken
    assert taken.number == 4
    assert is_whole(office)
    assert "7h" in texts_in(place(office))["rules.toml"]


def test_files_put_back_by_hand_after_a_whole_apply_are_new(office: Office, new: Path, tmp_path: Path) -> None:
    office.done("sla", "apply", str(new))
    start_daemon(office)
    rules(place(office))
    taken = start_daemon(office)
    assert taken
    assert taken.number == 4


def test_a_later_version_makes_the_one_that_did_not_arrive_moot(
    office: Office, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another node of the same store, with a folder of its own, has applied something since."""
    accepted_only(office, new, monkeypatch)
    other = Office(built(tmp_path / "other"))
    (other.folder / "commsd.toml").write_text((office.folder / "commsd.toml").read_text())
    other.done("sla", "apply", str(rules(tmp_path / "third", first="3h")))
    assert owed(office) is None
    start_daemon(office)
    assert leftovers(place(office)) == ()
    assert [each.number for each in stored(office)] in ([1, 2, 3, 4], [1, 2, 3, 4, 5])


def test_another_node_with_the_same_old_files_leaves_its_own_folder_alone(
    office: Office, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Office(built(tmp_path / "other"))
    (other.folder / "commsd.toml").write_text((office.folder / "commsd.toml").read_text())
    rules(place(other))
    start_daemon(other, "other")
    accepted_only(office, new, monkeypatch)
    start_daemon(other, "other")
    assert texts_in(place(other)) == texts_in(tmp_path / "old")
    assert owed(office)
    start_daemon(office)
    assert is_whole(office)


@pytest.fixture
def read_only(office: Office, tmp_path: Path) -> Iterator[Path]:
    """The folder of an office that only root may write; its store lies elsewhere, open to all."""
    state = tmp_path / "state"
    state.mkdir()
    text = (office.folder / "commsd.toml").read_text()
    for file in office.folder.glob("commsd.db*"):
        file.rename(state / file.name)
        (state / file.name).chmod(0o666)
    state.chmod(0o777)
    (office.folder / "commsd.toml").write_text(text.replace(f"{office.folder}/commsd.db", f"{state}/commsd.db"))
    changed = [(path, path.stat().st_mode) for path in office.folder.parents if path.name.startswith("pytest-of")
               or "pytest-" in str(path.parent)]  # fmt: skip
    for path, mode in changed:
        path.chmod(mode | 0o755)
    yield office.folder
    office.folder.chmod(0o755)
    for path, mode in changed:
        path.chmod(mode)


def test_where_the_files_cannot_be_written_the_rules_of_the_store_go_on_and_it_is_said(
    office: Office, new: Path, read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted_only(office, new, monkeypatch)
    before = texts_in(place(office))
    rules(new, first="3h")
    read_only.chmod(0o555)
    config, world = load(office.folder), real_world()

    async def start(rules: Rules) -> tuple[Finished | None, Stored | None, str]:
        found = await finish(rules, place(office))
        taken = await take_folder(rules, place(office), config.version, config.sla_files, world.now(), "other", world)
        running = rules.in_force(world.now())
        return found, taken, running.files["rules.toml"] if running else ""

    with as_somebody_else():
        for _ in range(2):
            found, taken, running = on_store(office, start)
            assert found
            assert found.why_not
            assert taken is None
            assert '"2h"' in running
            assert texts_in(place(office)) == before
        said = office.done("sla", "versions").out
        assert "did not reach" in said
        assert "commsd sla export 3 DIR" in said
        assert office.done("sla", "versions", "--json").json[-1]["files_missing_in"] == str(place(office))
        ran = office.done("check")
        assert "was cut short" in ran.out
        ran = office.commsd("sla", "apply", str(new))
        assert ran.code == 1
        assert "cannot be put into" in ran.err
    read_only.chmod(0o755)
    start_daemon(office)
    assert is_whole(office)


def test_a_real_process_is_killed_between_store_and_folder(office: Office, new: Path) -> None:
    script = (
        "import os, sys; from commsd.sla.rules.rulefolder import Exchange; "
        "Exchange.swap = lambda self: os.kill(os.getpid(), 9); "
        "from commsd.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", script, "--config", str(office.folder), "sla", "apply", str(new)]
    ran = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert len(leftovers(place(office))) == 1
    assert len(stored(office)) == 3
    assert start_daemon(office) is None
    assert is_whole(office)
    assert texts_in(place(office)) == texts_in(new)


def test_of_two_at_once_the_second_is_judged_against_the_outcome_of_the_first(office: Office, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "commsd", "--config", str(office.folder), "sla", "apply"]
    folders = [rules(tmp_path / f"at-once-{hours}", first=f"{hours}h") for hours in (5, 6, 7)]
    running = [
        subprocess.Popen([*command, str(each)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for each in folders
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert len(stored(office)) == 5
    assert is_whole(office)


async def test_who_has_the_folder_is_waited_for_and_named(tmp_path: Path, scripted_world: ScriptedWorld) -> None:
    heard: list[str] = []
    sla = tmp_path / "sla"
    async with held(sla, real_world()):
        with pytest.raises(Busy, match=rf"another process \({os.getpid()}\) is bringing rules into"):
            async with held(sla, scripted_world.world, 0, heard.append):
                pytest.fail("two have it at once")
    assert heard == [f"another process ({os.getpid()}) is bringing rules into {sla}; waiting for it"]
    async with held(sla, scripted_world.world, 0):
        pass


async def test_the_lock_of_a_folder_that_cannot_be_written_is_not_needed(tmp_path: Path) -> None:
    async with held(tmp_path / "missing" / "sla", real_world(), 0):
        pass


async def test_files_that_change_while_they_are_read_are_read_again(log: Log, tmp_path: Path) -> None:
    """An apply came between the reading of the folder and its being taken in."""
    config = load(built(tmp_path / "config"))
    folder = rules(tmp_path / "config" / "sla")
    with pytest.raises(TryAgain, match="changed while they were read"):
        await take_folder(Rules(log), folder, config.version, config.sla_files, log.world.now(), NODE, log.world)
