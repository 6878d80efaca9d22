"""One camera's loop: what goes out in time, and what goes out dark, while detector, source and sinks misbehave."""

import itertools
import threading
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from redact.errors import DetectorError, LoginRefused, SinkError, StreamLost
from redact.live import camera as camera_module
from redact.live import feed as feed_module
from redact.live import lookout as lookout_module
from redact.live.outputs import Output
from redact.live.preview import preview
from redact.live.schedule import Schedule
from redact.live.status import SCHEDULED
from redact.policy import Policy
from tests.live import sidecars
from tests.live.services import BACK, TOLD
from tests.live.sidecars import LOST, Beacons, Kept, Run, Scene, green, opening, scene, whole


def live(status):
    return status.state == "live"


def covered(status):
    return status.state == "covered"


def test_a_beacon_is_seen_in_what_the_camera_sends():
    assert green(scene(0)).sum() > 1000  # or no test below could fail


def test_every_frame_goes_out_covered():
    with Run(opening(Scene(frames=30, rate=10)), file=True) as run:
        run.ended()
    assert run.error is None
    assert run.status.state == "stopped"
    assert run.status.frames_in == run.status.frames_out == 30
    assert len(run.pictures()) == 30
    assert run.shown() == 0
    assert not run.status.whole
    assert not any(whole(picture) for picture in run.pictures())


def test_what_is_not_detected_is_shown():
    nobody = Beacons()
    nobody.detect = lambda rgb: lookout_module.Detections.none()
    with Run(opening(Scene(frames=20)), nobody, file=True) as run:
        run.ended()
    assert run.shown() >= 19  # the tests of this file can fail


def test_nothing_is_shown_before_the_detector_is_there(monkeypatch):
    monkeypatch.setattr(camera_module, "LOADING", 0.0)
    there = threading.Event()

    def load():
        there.wait(10)
        return Beacons()

    with Run(opening(Scene()), load=load) as run:
        run.until(lambda status: covered(status) and status.frames_out >= 10)
        assert all(whole(picture) for picture in run.pictures())
        there.set()
        run.until(live)
    assert run.shown() == 0
    assert set(run.status.whole) <= {"nothing has been looked at yet", "detection is too far behind"}


def test_a_detector_that_cannot_be_loaded_is_tried_again():
    tries = []

    def load():
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise RuntimeError("no such accelerator")
        return Beacons()

    with Run(opening(Scene()), load=load) as run:
        status = run.until(covered)
        assert "no such accelerator" in status.reason
        run.until(live)
    assert run.shown() == 0


@pytest.mark.parametrize("mode", ["raise", "garbage"])
def test_a_failing_detector_covers_whole_frames_and_recovers(mode):
    with Run(opening(Scene())) as run:
        run.until(lambda status: live(status) and status.frames_out > 10)
        began = time.monotonic()
        run.detector.mode = mode
        status = run.until(covered)
        assert time.monotonic() - began < TOLD
        assert status.reason
        assert status.fault
        out = status.frames_out
        run.until(lambda status: status.frames_out > out + 15)
        run.detector.mode = "fine"
        began = time.monotonic()
        run.until(live)
        assert time.monotonic() - began < BACK
    assert run.shown() == 0
    assert sum(run.status.whole.values()) >= 15


def test_frames_go_on_covered_while_the_detector_hangs():
    with Run(opening(Scene())) as run:
        run.until(lambda status: live(status) and status.frames_out > 10)
        run.detector.mode = "hang"
        began = time.monotonic()
        status = run.until(covered)
        assert time.monotonic() - began < TOLD
        out = status.frames_out
        status = run.until(lambda status: status.frames_out > out + 15)
        assert status.age < TOLD
        run.detector.mode = "fine"
        run.until(live, BACK)
    assert run.error is None
    assert run.shown() == 0


def test_a_detector_that_hangs_for_good_ends_the_worker(monkeypatch):
    monkeypatch.setattr(camera_module, "HUNG", 1.5)
    with Run(opening(Scene())) as run:
        run.until(live)
        run.detector.mode = "hang"
        run.ended(10)
    assert isinstance(run.error, DetectorError)
    assert run.shown() == 0


def test_an_output_that_is_to_stop_stops_for_good():
    with Run(opening(Scene()), on_detector_error="stop") as run:
        run.until(lambda status: live(status) and status.frames_out > 10)
        run.detector.mode = "raise"
        status = run.until(lambda status: status.state == "stopped")
        assert "fell off" in status.reason
        out = status.frames_out
        run.detector.mode = "fine"
        run.until(lambda status: status.slates >= 3)
        assert run.status.state == "stopped"
        assert run.status.frames_out == out
    assert run.shown() == 0


def test_a_slow_detector_costs_looks_and_never_minutes():
    with Run(opening(Scene()), Beacons("slow", 0.15)) as run:
        run.until(lambda status: status.level >= 2, 20)
        time.sleep(4)
        ages = [status.age for status in run.statuses[-8:]]
    assert max(ages) < TOLD
    assert run.statuses[-2].state == "live"
    assert run.statuses[-2].frames_out > 0.7 * run.statuses[-2].frames_in
    assert run.shown() == 0


def test_frames_that_cannot_wait_for_their_lookahead_are_covered_whole(monkeypatch):
    monkeypatch.setattr(camera_module, "_LOOKAHEAD_BYTES", 320 * 240 * 3 // 2 * 5)
    with Run(opening(Scene(frames=40)), policy=Policy(lookahead=1.0), file=True) as run:
        run.ended()
    assert run.status.whole.get("more frames than memory allows wait for their lookahead", 0) > 5
    assert run.shown() == 0


def test_a_lost_stream_becomes_a_slate_and_comes_back():
    with Run(opening(Scene(script={30: LOST}), LOST, LOST, LOST, LOST, LOST, LOST, Scene())) as run:
        run.until(live)
        status = run.until(lambda status: status.state == "lost")
        assert "cut" in status.reason
        run.until(lambda status: status.slates >= 2)
        run.until(lambda status: live(status) and status.connects >= 7)
    assert run.shown() == 0
    assert len(run.sinks) == 1  # players and recorders stayed connected


def test_a_slate_says_why_and_shows_nothing():
    refused = LoginRefused("rtsp://***@camera: the login was refused")
    with Run(opening(refused)) as run:
        status = run.until(lambda status: status.slates >= 2)
        assert status.state == "lost"
        assert "login was refused" in status.reason
        time.sleep(3)
    assert run.status.connects == 1  # asked once, not until the account is locked
    slate = run.pictures()[0]
    assert not whole(slate)
    assert np.abs(slate.astype(int) - slate.mean(-1, keepdims=True)).max() <= 8  # grey


def test_a_stall_is_told_within_two_seconds_and_heals():
    with Run(opening(Scene(script={30: 4.0}))) as run:
        run.until(lambda status: status.frames_in >= 30)
        began = time.monotonic()
        run.until(lambda status: status.state == "lost")
        assert time.monotonic() - began < TOLD
        run.until(lambda status: live(status) and status.frames_in > 45)
        assert run.status.frames_in - run.status.frames_out < 15
    assert run.shown() == 0


def test_another_size_opens_the_sinks_anew():
    with Run(opening(Scene(frames=20), Scene(size=(480, 272)))) as run:
        run.until(lambda status: status.width == 480 and status.frames_out > 30)
    assert [sink.stream.width for sink in run.sinks] == [320, 480]
    assert run.shown() == 0


def test_damaged_frames_are_covered_whole():
    with Run(opening(Scene(frames=30, script={10: "damaged", 11: "damaged"})), file=True) as run:
        run.ended()
    pictures = run.pictures()
    assert len(pictures) == 30
    assert [index for index, picture in enumerate(pictures) if whole(picture)] == [10, 11]
    assert run.shown() == 0


def test_a_clock_that_jumps_costs_nothing():
    class Jumping(Scene):
        def __iter__(self):
            for frame in super().__iter__():
                moved = 3600 * 90_000 if frame.index >= 20 else 0
                moved -= 7200 * 90_000 if frame.index >= 40 else 0
                yield lookout_module.replace(frame, pts=frame.pts + moved + 8000 * 90_000)

    with Run(opening(Jumping(frames=60)), file=True) as run:
        run.ended()
    assert run.status.frames_out + run.status.dropped == 60
    assert run.shown() == 0
    stamps = [packet.pts for packet in run.sinks[0].packets]
    assert all(before < after for before, after in itertools.pairwise(stamps))
    assert (stamps[-1] - stamps[0]) / 90_000 < 8


def test_everything_is_covered_when_the_schedule_says_so():
    later = datetime.now(UTC) + timedelta(hours=3)
    hours = f"{later:%H:00}-{later + timedelta(hours=1):%H:00}"
    with Run(opening(Scene(frames=30)), schedule=Schedule((hours,), "UTC"), file=True) as run:
        run.until(lambda status: covered(status) and status.reason == SCHEDULED)
        run.ended()
    assert run.status.whole == {SCHEDULED: 30}
    assert all(whole(picture) for picture in run.pictures())


def test_an_always_covered_corner_is_covered():
    corner = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))
    policy = Policy(lookahead=0.4, always=(corner,), style="solid")
    with Run(opening(Scene(frames=20)), policy=policy, file=True) as run:
        run.ended()
    assert all(whole(picture[:110, :150]) for picture in run.pictures())
    assert not any(whole(picture) for picture in run.pictures())
    assert run.shown() == 0


def test_a_sink_that_fails_is_opened_again_and_costs_the_others_nothing():
    kept = []
    failing = {"left": 2}

    def opener(stream):
        if failing["left"]:
            failing["left"] -= 1
            raise SinkError("the recorder refuses")
        kept.append(Kept(stream))
        return kept[-1]

    other = []
    outputs = [Output("bad", opener), Output("good", lambda stream: other.append(Kept(stream)) or other[-1])]
    with Run(opening(Scene()), outputs=outputs) as run:
        status = run.until(lambda status: status.outputs[0].fault)
        assert status.outputs[0].fault == "the recorder refuses"
        assert not status.outputs[0].open
        run.until(lambda status: status.outputs[0].open and status.outputs[0].frames > 5)
    assert kept[0].packets[0].keyframe
    assert len(other[0].packets) >= run.status.frames_out - 1
    assert run.status.outputs[1].dropped <= 1


def test_a_sink_that_is_slow_gets_whole_groups_and_nothing_old(monkeypatch):
    from redact.live import outputs as outputs_module

    monkeypatch.setattr(outputs_module, "MOST_AGE", 1.0)
    gate = threading.Event()

    class Slow(Kept):
        def write(self, packet):
            super().write(packet)
            if len(self.packets) == 5:
                gate.wait(10)

    slow = []
    with Run(opening(Scene()), outputs=[Output("slow", lambda stream: slow.append(Slow(stream)) or slow[-1])]) as run:
        run.until(lambda status: status.outputs[0].dropped > 10)
        gate.set()
        run.until(lambda status: status.outputs[0].frames > 20 and status.outputs[0].open)
    packets = slow[0].packets
    gaps = [i for i in range(1, len(packets)) if packets[i].pts - packets[i - 1].pts > 20_000]
    assert gaps
    assert all(packets[index].keyframe for index in gaps)
    assert green(np.stack(slow[0].pictures())).sum() < 4


def test_stale_frames_are_dropped_and_counted(monkeypatch):
    monkeypatch.setattr(feed_module, "STALE", (0.05, 0.05))
    with Run(opening(Scene(rate=30)), Beacons("slow", 0.2)) as run:
        run.until(lambda status: status.dropped > 5)
    assert run.shown() == 0


def test_a_preview_is_made_of_covered_frames_only():
    with pytest.raises(TypeError):
        preview(next(iter(Scene())), time.time())
    with Run(opening(Scene())) as run:
        run.until(lambda status: status.frames_out > 40)
    assert len(run.previews) >= 2
    assert run.previews[0].jpeg.startswith(b"\xff\xd8")
    assert run.shown() == 0


def test_a_source_that_raises_what_nobody_expects_is_opened_again():
    with Run(opening(Scene(script={10: ValueError("rtsp://user:pa55word@camera")}), Scene())) as run:
        status = run.until(lambda status: bool(status.fault))
        assert "pa55word" not in status.fault
        run.until(lambda status: status.connects == 2 and status.frames_in > 20)


def test_connections_one_after_another_leak_no_thread():
    before = threading.active_count()
    with Run(opening(*[Scene(frames=5, script={5: StreamLost("cut")}) for _ in range(5)], Scene())) as run:
        run.until(lambda status: status.connects >= 6 and status.frames_in > 30, 15)
        assert threading.active_count() <= before + 5


def test_whoever_was_seen_is_still_held_after_a_short_stall(monkeypatch):
    still = scene(0)
    monkeypatch.setattr(sidecars, "scene", lambda index, size: still)
    with Run(opening(Scene(script={30: 1.9})), policy=Policy(lookahead=0.4, hold=10.0)) as run:
        run.until(lambda status: status.frames_out > 20)
        run.until(lambda status: status.state == "lost")
        run.detector.mode = "blind"
        run.until(lambda status: status.state == "live" and status.frames_out > 50)
    assert run.shown() == 0


def test_frames_that_wait_covered_whole_hold_no_memory(monkeypatch):
    monkeypatch.setattr(camera_module, "_LOOKAHEAD_BYTES", 320 * 240 * 3 // 2 * 5)
    with Run(opening(Scene(rate=30)), policy=Policy(lookahead=2.0)) as run:
        deadline = time.monotonic() + 10
        while run._sidecar._stream is None or run._sidecar._stream.timeline.waiting < 50:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        waiting = [pending.frame.picture for pending in list(run._sidecar._stream.timeline._pending)]
        assert len({id(picture) for picture in waiting}) < 12
        run.until(lambda status: status.frames_out > 30)
    assert run.shown() == 0


def test_what_a_detector_says_anew_each_time_is_counted_as_one_thing():
    with Run(opening(Scene()), Beacons("babble")) as run:
        run.until(lambda status: status.frames_out > 40)
    assert set(run.status.whole) <= {"detection failed", "nothing has been looked at yet"}
    assert "MiB are free" in run.status.fault
    assert len(run._sidecar._stream.doubt._looks) < 60
    assert run.shown() == 0


def test_a_wall_clock_that_is_set_restarts_nothing(monkeypatch):
    real, step = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + step[0])
    with Run(opening(Scene())) as run:
        run.until(lambda status: status.frames_out > 10)
        step[0] = 1e7
        run.until(lambda status: status.frames_out > 30)
    assert max(abs(status.astray) for status in run.statuses) < 1.0
