"""The memory over time: nobody blinks clear."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.detections import Detections
from redact.frames import Frame
from redact.policy import Policy
from redact.regions import Settled
from redact.timeline import Timeline
from redact.track import Tracker

RATE = 25
STARTS = {"face": 0.5, "person": 0.5}
PICTURE = np.zeros((4, 4, 3), np.uint8)


def frame(index: int, rate: float = RATE) -> Frame:
    return Frame(PICTURE, index, round(index * 1000 / rate), Fraction(1, 1000))


def face(index: int, speed: float = 4.0, score: float = 0.9) -> Detections:
    left = 400 + speed * index
    return Detections.of([(left, 100, left + 40, 150)], [score], "face")


def run(policy: Policy, detections, count: int = 60, cuts: tuple[int, ...] = (), torn: int = -1) -> list[Settled]:
    """Settled frames of a run in which ``detections(index)`` says what the detector answers."""
    timeline = Timeline(policy, STARTS)
    settled = []
    for index in range(count):
        settled += timeline.push(frame(index), detections(index), cut=index in cuts, torn=index == torn)
    return settled + timeline.flush()


def covers(settled: Settled, truth: tuple[float, float, float, float], kind: str = "face") -> bool:
    """Whether one region, grown, contains the true box."""
    from redact.cover.shapes import Grid

    grid = Grid(2000, 1000, 1, 1)
    for region in settled.regions:
        area = grid.area_of(region, Policy(shape="box"))
        if area and region.kind == kind:
            x1, y1, x2, y2 = truth
            if area.left <= x1 and area.top <= y1 and area.right >= x2 and area.bottom >= y2:
                return True
    return False


def truth(index: int, speed: float = 4.0) -> tuple[float, float, float, float]:
    return (400 + speed * index, 100, 440 + speed * index, 150)


MISSED = {*range(1, 6), *range(20, 31)}


def scripted(index: int) -> Detections:
    return Detections.none() if index in MISSED | {0} else face(index)


def test_missed_frames_are_filled_and_the_start_is_reached_back():
    settled = run(Policy(lookahead=1.0), scripted)
    assert len(settled) == 60
    assert [index for index, item in enumerate(settled) if not covers(item, truth(index))] == []
    origins = {item.frame.index: item.regions[0].origin for item in settled}
    assert origins[3] == "reached"
    assert origins[10] == "seen"
    assert origins[25] == "filled"


def test_without_lookahead_the_start_is_missed():
    settled = run(Policy(lookahead=0.0), scripted)
    clear = {index for index, item in enumerate(settled) if not item.regions}
    assert clear == set(range(6))  # and the gap from 20 to 30 is held


def test_ends_are_held_then_let_go():
    settled = run(Policy(lookahead=0.2, hold=0.4), lambda index: face(index) if index < 20 else Detections.none())
    held = [item.frame.index for item in settled if item.regions and item.regions[0].origin == "held"]
    assert held == list(range(20, 30))
    assert not settled[35].regions


def test_weak_detections_go_on_with_a_track_but_never_start_one():
    weak = run(Policy(), lambda index: face(index, score=0.2))
    assert not any(item.regions for item in weak)
    strong_once = run(Policy(hold=0.0, lookahead=0.2), lambda index: face(index, score=0.9 if index == 10 else 0.2))
    assert all(item.regions for item in strong_once[10:])
    # and what a weak one said before the first strong one is reached
    assert all(covers(item, truth(item.frame.index)) for item in strong_once[7:])


def test_who_was_seen_before_a_tear_is_held_and_matched_to_nobody():
    settled = run(Policy(hold=1.0), lambda index: face(index) if index != 30 else Detections.none(), torn=30)
    assert all(item.regions for item in settled)
    assert {region.track for region in settled[29].regions if region.origin == "seen"} == {1}
    assert {region.track for region in settled[31].regions if region.origin == "seen"} == {2}
    settled = run(
        Policy(hold=1.0), lambda index: face(index) if index < 30 else Detections.none(), cuts=(30,), torn=30
    )
    assert {region.origin for region in settled[35].regions} == {"held"}


def test_nothing_crosses_a_cut():
    settled = run(Policy(), lambda index: face(index) if index < 30 else Detections.none(), cuts=(30,))
    assert all(item.regions for item in settled[:30])
    assert not any(item.regions for item in settled[30:])
    settled = run(Policy(), lambda index: face(index) if index >= 30 else Detections.none(), cuts=(30,))
    assert not any(item.regions for item in settled[:30])


def test_frames_nobody_looked_at_are_filled():
    settled = run(Policy(), lambda index: face(index, speed=10) if index % 5 == 0 else None)
    assert all(covers(item, truth(item.frame.index, speed=10)) for item in settled[:56])


@pytest.mark.parametrize("lookahead", [0.0, 0.4, 2.0])
def test_at_most_lookahead_frames_are_in_flight(lookahead):
    timeline = Timeline(Policy(lookahead=lookahead), STARTS)
    most = 0
    for index in range(500):
        timeline.push(frame(index), face(index % 50))
        most = max(most, timeline.waiting)
    assert most <= lookahead * RATE
    assert len(timeline._histories) < 20  # memory does not grow with the recording


def test_a_track_summary_counts_each_covered_frame_once():
    timeline = Timeline(Policy(), STARTS)
    for index in range(60):
        timeline.push(frame(index), scripted(index))
    timeline.flush()
    assert len(timeline.tracks) == 1
    track = timeline.tracks[0]
    assert sum(track.frames.values()) == 60
    assert track.frames["seen"] == 60 - len(MISSED) - 1
    assert track.first == pytest.approx(6 / RATE)
    assert track.last == pytest.approx(59 / RATE)


@settings(max_examples=150)
@given(
    seen=st.lists(st.booleans(), min_size=30, max_size=30),
    speed=st.floats(-6, 6),
    lookahead=st.sampled_from([0.4, 1.0, 2.0]),
    hold=st.sampled_from([0.4, 1.0]),
)
def test_every_frame_near_a_sighting_is_covered_and_frames_keep_their_order(seen, speed, lookahead, hold):
    settled = run(
        Policy(lookahead=lookahead, hold=hold),
        lambda index: face(index, speed) if seen[index] else Detections.none(),
        30,
    )
    assert [item.frame.index for item in settled] == list(range(30))
    sightings = [index / RATE for index in range(30) if seen[index]]
    for item in settled:
        time = item.frame.time
        reached = any(0 <= sighting - time <= lookahead - 1e-6 for sighting in sightings)
        held = any(0 <= time - sighting <= hold - 1e-6 for sighting in sightings)
        if reached or held:
            assert item.regions, f"clear at {time}"
        if seen[item.frame.index]:
            assert covers(item, truth(item.frame.index, speed))


@given(st.lists(st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(1, 400), st.floats(0, 1)), max_size=12))
def test_a_strong_detection_is_always_somebody(rows):
    boxes = [(x, y, x + side, y + side) for x, y, side, _ in rows]
    detections = Detections.of(boxes, [score for *_, score in rows], "face")
    sightings = Tracker(STARTS, patience=1.0).update(0.0, detections)
    strong = [row for row in rows if np.float32(row[3]) >= np.float32(0.5)]
    assert len(sightings) == len(strong)
    assert len({sighting.track for sighting in sightings}) == len(sightings)


def test_crossing_people_stay_two():
    def pair(index: int) -> Detections:
        return Detections.of(
            [(100 + 8 * index, 100, 140 + 8 * index, 220), (580 - 8 * index, 130, 620 - 8 * index, 250)],
            [0.9, 0.9],
            "person",
        )

    timeline = Timeline(Policy(), STARTS)
    for index in range(60):
        timeline.push(frame(index), pair(index))
    timeline.flush()
    assert len(timeline.tracks) == 2
    assert all(sum(track.frames.values()) == 60 for track in timeline.tracks)


def test_face_and_body_are_different_tracks():
    both = Detections.of([(100, 100, 140, 150), (80, 90, 180, 400)], [0.9, 0.9], ["face", "person"])
    settled = run(Policy(), lambda index: both, 10)
    assert all({region.kind for region in item.regions} == {"face", "person"} for item in settled)


def test_draining_forgets_nobody():
    policy = Policy(lookahead=0.2, hold=5.0)
    timeline = Timeline(policy, STARTS)
    for index in range(10):
        timeline.push(frame(index), face(0))
    timeline.drain()
    assert timeline.waiting == 0
    after = [item for index in range(60, 80) for item in timeline.push(frame(index), Detections.none())]
    assert after
    assert all(item.regions for item in after)
    for item in timeline.flush():
        assert item.regions
