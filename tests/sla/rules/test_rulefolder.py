"""Rule files are exchanged as a whole, and what else lies there stays."""

import stat
from pathlib import Path

import pytest

from commsd.config.load import load
from commsd.errors import Refused
from commsd.sla.rules import rulefolder
from commsd.sla.rules.rulefolder import Exchange, cut, leftovers, print_of, restore, sweep, texts_in
from tests.cli.office import built

RULES = """
[calendar.always]
tz = "UTC"
hours = "24x7"
[policy.only]
calendar = "always"
first_response = "4h"
[[rule]]
policy = "only"
"""
NEW = {"a.toml": "# new\n", "b.toml": "# ümläut\r\n"}


@pytest.fixture(params=["in one step", "in two"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of rules with other things in it; on systems that exchange two names at once, and on others."""
    if request.param == "in two":
        monkeypatch.setattr(rulefolder, "_exchanged", lambda one, other: False)
    place = tmp_path / "config" / "sla"
    (place / "notes").mkdir(parents=True)
    (place / "notes" / "why.md").write_text("because")
    (place / "README.md").write_text("ours")
    (place / "a.toml").write_text("# old")
    (place / "old.toml").write_text("# old")
    return place


def put(place: Path, files: dict[str, str]) -> None:
    exchange = Exchange(place, files)
    try:
        exchange.swap()
    finally:
        exchange.drop()


def test_the_new_files_are_there_the_old_are_gone_and_others_stay(place: Path) -> None:
    put(place, NEW)
    assert sorted(path.name for path in place.iterdir()) == ["README.md", "a.toml", "b.toml", "notes"]
    assert {name: (place / name).read_bytes().decode() for name in NEW} == NEW
    assert (place / "notes" / "why.md").read_text() == "because"
    assert [path.name for path in place.parent.iterdir()] == ["sla"]


def test_modes_stay_as_they_were(place: Path) -> None:
    place.chmod(0o750)
    (place / "a.toml").chmod(0o640)
    put(place, NEW)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (place, place / "a.toml", place / "b.toml")]
    assert modes == [0o750, 0o640, 0o644]


def test_what_is_not_swapped_leaves_no_trace(place: Path) -> None:
    Exchange(place, NEW).drop()
    assert (place / "old.toml").exists()
    assert [path.name for path in place.parent.iterdir()] == ["sla"]


def test_a_folder_that_was_not_there_is_made(tmp_path: Path) -> None:
    put(tmp_path / "sla", NEW)
    assert stat.S_IMODE((tmp_path / "sla").stat().st_mode) == 0o755
    assert (tmp_path / "sla" / "a.toml").read_text() == "# new\n"


def test_behind_a_link_the_folder_it_leads_to_is_exchanged(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "sla").symlink_to("real")
    put(tmp_path / "sla", NEW)
    assert (tmp_path / "sla").is_symlink()
    assert (tmp_path / "real" / "a.toml").exists()


def test_where_nothing_can_be_written_nothing_is_begun(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file")
    with pytest.raises(Refused, match="cannot be put into"):
        Exchange(tmp_path / "config" / "sla", NEW)


def test_a_system_that_refuses_leaves_the_former_files(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulefolder, "_exchanged", lambda one, other: False)
    exchange = Exchange(place, NEW)
    exchange.drop()  # what was made ready is gone when it is to be put in place
    with pytest.raises(OSError, match="No such file"):
        exchange.swap()
    assert (place / "old.toml").exists()


def cut_in_two(folder: Path) -> Path:
    """A config whose rules lie where a crash between the two renames leaves them."""
    built(folder)
    former = folder / ".sla.former-abcd1234"
    former.mkdir()
    (former / "a.toml").write_text(RULES)
    (folder / ".sla.new-abcd1234").mkdir()
    return folder


def test_an_exchange_a_crash_left_half_done_is_never_taken_for_a_config_without_rules(tmp_path: Path) -> None:
    folder = cut_in_two(tmp_path / "config")
    config = load(folder)
    assert list(config.sla_files) == ["a.toml"]
    assert config.version.policies.keys() == {"only"}
    assert any("was cut short" in finding.what for finding in config.warnings)


def test_the_former_folder_is_put_back_and_what_is_left_is_swept(tmp_path: Path) -> None:
    folder = cut_in_two(tmp_path / "config")
    restore(folder / "sla")
    sweep(folder / "sla")
    assert texts_in(folder / "sla") == {"a.toml": RULES}
    assert (leftovers(folder / "sla"), cut(folder / "sla")) == ((), None)
    restore(folder / "sla")  # and nothing more comes of it
    assert sorted(path.name for path in folder.iterdir()) == ["commsd.toml", "sla"]


@pytest.mark.parametrize("name", [".sla.old_copy", ".sla.newest", "sla.former", ".sla.lock", "sla.new-1"])
def test_what_others_keep_beside_the_folder_is_no_leftover(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    sweep(tmp_path / "sla")
    assert (leftovers(tmp_path / "sla"), (tmp_path / name).is_dir()) == ((), True)


def test_the_print_of_files_is_theirs_letter_by_letter() -> None:
    same = print_of({"a": "1", "b": "2"})
    assert same == print_of({"b": "2", "a": "1"})
    assert len({same, print_of({"a": "1"}), print_of({"a": "1", "b": "2\n"}), print_of({"a": "2", "b": "1"})}) == 4
