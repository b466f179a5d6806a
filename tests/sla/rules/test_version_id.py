"""What makes two sets of files the same rules: not how they are laid out, but all that they mean."""

import pytest

from commsd.config.read import Findings, parse
from commsd.core.agent import People
from commsd.sla.rules.rulebook import Named, read_version
from tests.config.folder import NOW

CALENDAR = '[calendar.office]\ntz = "Europe/Berlin"\nhours = { mon-fri = ["09:00-17:00"] }\n'
LADDER = '[ladder.x]\nsteps = [{ at = "75%", tell = ["owner"] }, { at = "due", tell = ["lead"] }]\n'
POLICY = '[policy.standard]\ncalendar = "office"\nack = "15m"\nladder = "x"\n[policy.vip]\nbased_on = "standard"\n'
GOLD = '[[rule]]\nmatch = { tier = "gold" }\npolicy = "vip"\n'
FAX = '[[rule]]\nmatch = { channel = "fax" }\npolicy = "vip"\n'
REST = '[[rule]]\npolicy = "standard"\n'
WHOLE = CALENDAR + LADDER + POLICY + GOLD + FAX + REST


def version_id(*texts: str) -> str:
    findings = Findings()
    roots = [parse(text, f"{place}.toml", findings) for place, text in enumerate(texts)]
    version = read_version(roots, Named(People()), NOW)
    assert findings.all == ()
    return version.id


SAME = [
    (WHOLE.replace("\n", "\r\n"),),
    ("# ours\n" + WHOLE.replace(" = ", "=").replace("]\n", "]   # so\n\n"),),
    (POLICY + CALENDAR + LADDER + GOLD + FAX + REST,),
    (CALENDAR, LADDER, POLICY + GOLD, FAX + REST),
    ("", WHOLE),
    (WHOLE.replace("hours = {", "[calendar.office.hours]\n").replace('"] }', '"]', 1),),
    (WHOLE.replace('"gold"', "'gold'"),),
]


@pytest.mark.parametrize("texts", SAME)
def test_layout_and_comments_make_no_other_version(texts: tuple[str, ...]) -> None:
    assert version_id(*texts) == version_id(WHOLE)


OTHER = [
    (CALENDAR + LADDER + POLICY + FAX + GOLD + REST,),
    (CALENDAR + LADDER + POLICY, FAX, GOLD + REST),
    (WHOLE.replace("15m", "16m"),),
    (WHOLE.replace("17:00", "18:00"),),
    (WHOLE.replace('{ at = "75%", tell = ["owner"] }, ', ""),),
    (WHOLE.replace("gold", "silver"),),
    (WHOLE, "[calendar.more]\ntz = 'UTC'\nhours = '24x7'\n"),
]


@pytest.mark.parametrize("texts", OTHER)
def test_whatever_has_a_meaning_makes_another_version(texts: tuple[str, ...]) -> None:
    assert version_id(*texts) != version_id(WHOLE)


def test_the_order_of_the_files_is_the_order_of_their_rules() -> None:
    assert version_id(CALENDAR + LADDER + POLICY, GOLD, FAX, REST) == version_id(WHOLE)
    assert version_id(CALENDAR + LADDER + POLICY, FAX, GOLD, REST) != version_id(WHOLE)
