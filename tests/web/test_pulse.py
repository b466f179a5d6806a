"""What the page and the watchman are told of mailboxes and lines."""

from datetime import timedelta

from commsd.telemetry import Metrics
from commsd.web.pulse import Pulse
from tests.world import ScriptedWorld

MINUTE = timedelta(minutes=1)


class Scene:
    def __init__(self) -> None:
        self.world = ScriptedWorld()
        self.pulse = Pulse(Metrics(), self.world.world)

    def states(self) -> dict[str, bool | None]:
        return {each.name: each.working for each in self.pulse.states()}

    def gauge(self, name: str) -> float | None:
        metric = "commsd_channel_last_success_timestamp_seconds"
        return self.pulse.metrics.registry.get_sample_value(metric, {"channel": name})


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


def test_a_mailbox_does_as_well_as_the_worst_of_its_folders() -> None:
    scene = Scene()
    for part in ("watch", "sent"):
        scene.pulse.watch("support", "mailbox", part)
    scene.pulse.beat("support", "mailbox", "watch")
    assert (scene.states(), scene.gauge("support")) == ({"support": None}, None)
    first = scene.world.now
    scene.pulse.beat("support", "mailbox", "sent")
    assert scene.states() == {"support": True}
    scene.pulse.fail("support", "mailbox", "no such folder", "sent")
    scene.world.advance(MINUTE)
    scene.pulse.beat("support", "mailbox", "watch")
    (state,) = scene.pulse.states()
    assert (state.working, state.said, state.last_success) == (False, "no such folder", first)
    assert scene.gauge("support") == first.timestamp()


def test_what_the_watchman_found_wrong_shows_though_all_folders_are_read() -> None:
    scene = Scene()
    scene.pulse.beat("support", "mailbox")
    scene.pulse.judge({("support", "mailbox"): "late"})
    (state,) = scene.pulse.states()
    assert (state.working, state.said) == (False, "late")
    assert scene.pulse.degraded_by_name() == {"mailbox support": "late"}
    scene.pulse.judge({})
    assert scene.states() == {"support": True}


def test_a_failing_part_says_since_when() -> None:
    scene = Scene()
    began = scene.world.now
    for _ in range(3):
        scene.pulse.fail("hotline", "line", "no answer")
        scene.world.advance(MINUTE)
    ((_, _, part),) = scene.pulse.parts()
    assert part.failing_since == began
    scene.pulse.beat("hotline", "line")
    ((_, _, part),) = scene.pulse.parts()
    assert part.failing_since is None


def test_a_folder_that_a_new_config_does_not_name_is_missed_no_more_and_not_before_it_is_in_force() -> None:
    scene = Scene()
    for part in ("watch", "sent"):
        scene.pulse.watch("support", "mailbox", part)
    scene.pulse.in_force()
    scene.pulse.begin()
    scene.pulse.watch("support", "mailbox", "watch")
    scene.pulse.watch("sales", "mailbox", "watch")
    assert {part for _, part, _ in scene.pulse.parts()} == {"watch", "sent"}
    assert set(scene.states()) == {"support"}
    scene.pulse.in_force()
    assert [(key, part) for key, part, _ in scene.pulse.parts()] == [
        (("support", "mailbox"), "watch"),
        (("sales", "mailbox"), "watch"),
    ]


def test_what_another_node_reads_counts_unless_we_know_better() -> None:
    scene = Scene()
    scene.pulse.fail("support", "mailbox", "another node watches it", "watch")
    read = scene.world.now
    scene.world.advance(MINUTE)
    scene.pulse.worked_elsewhere("support", "mailbox", "watch", read)
    assert scene.states() == {"support": True}
    scene.pulse.beat("support", "mailbox", "watch")
    scene.pulse.worked_elsewhere("support", "mailbox", "watch", read)
    (state,) = scene.pulse.states()
    assert state.last_success == scene.world.now
