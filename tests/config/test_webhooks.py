"""`[webhooks]`: how posts to CRM systems leave the house."""

from datetime import timedelta
from pathlib import Path

import pytest

from commsd.config.load import load
from commsd.egress.target import Exits
from commsd.errors import ConfigError
from tests.config.folder import NOW, channels, write

SMALL = """
[service]
name = "Example Ltd"
timezone = "Europe/Berlin"
hours = "mon-fri 09:00-17:00"
country = "DE-BE"
[store]
url = "sqlite:////var/lib/commsd/commsd.db"
"""


def exits(folder: Path, more: str = "") -> Exits:
    write(folder, SMALL + more, {})
    return load(folder, channels(), {}, now=NOW).webhooks


def test_whk_6_without_a_word_only_the_open_internet_is_posted_to(tmp_path: Path) -> None:
    assert exits(tmp_path) == Exits(networks=(), proxy=None, ca=None, timeout=timedelta(seconds=20))


def test_whk_6_networks_of_ones_own_stand_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_text("")
    said = '[webhooks]\nprivate_networks = ["10.1.2.3/16", "127.0.0.1"]\nca = "own.pem"\ntimeout = "30s"\n'
    read = exits(tmp_path, said + 'proxy = "http://proxy.example.com:4750"')
    assert read.networks == ("10.1.0.0/16", "127.0.0.1/32")
    assert (read.proxy, read.ca) == ("http://proxy.example.com:4750", str(tmp_path / "own.pem"))
    assert read.timeout == timedelta(seconds=30)


def test_an_authority_whose_file_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        exits(tmp_path, '[webhooks]\nca = "absent.pem"')


@pytest.mark.parametrize("timeout", ["14s", "31s", "1ms", "1d"])
def test_whk_2_a_receiver_is_given_15_to_30_seconds(tmp_path: Path, timeout: str) -> None:
    with pytest.raises(ConfigError, match="what receivers are given"):
        exits(tmp_path, f'[webhooks]\ntimeout = "{timeout}"')
