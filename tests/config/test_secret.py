from pathlib import Path

import pytest

from commsd.config.read import parse
from commsd.config.secret import Secret, SecretMissing, SecretSource, resolve
from commsd.errors import ConfigError


def kept(folder: Path, name: str = "support", text: str = "geheim\n", mode: int = 0o600) -> Path:
    path = folder / "credentials" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_credential_lies_beside_the_config_without_its_trailing_newline(tmp_path: Path) -> None:
    kept(tmp_path)
    assert resolve(SecretSource("credential", "support"), tmp_path, {}).reveal() == "geheim"


def test_what_systemd_hands_over_comes_first_whatever_its_mode(tmp_path: Path) -> None:
    kept(tmp_path, text="old")
    handed = tmp_path / "handed"
    handed.mkdir()
    (handed / "support").write_text("new")
    (handed / "support").chmod(0o440)
    env = {"CREDENTIALS_DIRECTORY": str(handed)}
    assert resolve(SecretSource("credential", "support"), tmp_path, env).reveal() == "new"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o700])
def test_a_credential_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    kept(tmp_path, mode=mode)
    with pytest.raises(ConfigError, match="chmod 0600"):
        resolve(SecretSource("credential", "support"), tmp_path, {})


def test_a_file_counts_from_the_folder_and_a_variable_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t\r\n")
    assert resolve(SecretSource("file", "token"), tmp_path, {}).reveal() == "t"
    assert resolve(SecretSource("env", "TOKEN"), tmp_path, {"TOKEN": "u"}).reveal() == "u"


@pytest.mark.parametrize(
    "source", [SecretSource("credential", "x"), SecretSource("file", "x"), SecretSource("env", "X")]
)
def test_a_secret_that_is_not_there_says_where_to_put_it(tmp_path: Path, source: SecretSource) -> None:
    with pytest.raises(SecretMissing) as missing:
        resolve(source, tmp_path, {})
    assert missing.value.exit_code == 78
    assert missing.value.remedy


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_secret_is_none(tmp_path: Path, text: str) -> None:
    kept(tmp_path, text=text)
    with pytest.raises(ConfigError, match="empty"):
        resolve(SecretSource("credential", "support"), tmp_path, {})


def test_a_rotated_secret_is_seen_at_the_next_reading(tmp_path: Path) -> None:
    path = kept(tmp_path)
    source = parse('password = { credential = "support" }', "f", folder=tmp_path).secret("password")
    assert source is not None
    assert source.read({}).reveal() == "geheim"
    path.write_text("neu")
    assert source.read({}).reveal() == "neu"


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("geheim")
    assert "geheim" not in f"{secret} {secret!r} {[secret]}"
    assert secret == Secret("geheim")
    assert secret != Secret("x")


@pytest.mark.parametrize("name", ["../passwd", "a/b", ""])
def test_a_credential_is_a_name_not_a_path(name: str) -> None:
    table = parse(f'password = {{ credential = "{name}" }}', "f")
    assert table.secret("password") is None
    assert table.findings.errors
