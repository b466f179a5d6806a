"""What the page is told of mailboxes and lines."""

from commsd.telemetry import Metrics
from commsd.web.pulse import Pulse
from tests.world import ScriptedWorld


def test_a_line_at_work_hides_no_broken_mailbox_of_its_name() -> None:
    pulse = Pulse(Metrics(), ScriptedWorld().world)
    pulse.watch("sales", "mailbox")
    pulse.watch("sales", "line")
    pulse.fail("sales", "mailbox", "connection refused")
    pulse.beat("sales", "line")
    assert [(each.name, each.kind, each.working) for each in pulse.states()] == [
        ("sales", "line", True),
        ("sales", "mailbox", False),
    ]
