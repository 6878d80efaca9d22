"""Which frames are looked at, and where scenes end."""

from fractions import Fraction

import numpy as np
import pytest

from redact.cadence import SHAKEN, Cadence
from redact.frames import Frame
from redact.policy import Policy
from redact.scenes import Scenes
from tests.clips import picture

STILL = np.zeros((4, 4, 3), np.uint8)


def looked(policy: Policy, rate: float, *, found: bool, change: float = 0.0, count: int = 200) -> list[int]:
    """Indices of the frames that were due."""
    cadence, indices = Cadence(policy), []
    for index in range(count):
        frame = Frame(STILL, index, round(index * 90_000 / rate), Fraction(1, 90_000))
        if cadence.due(frame, change):
            cadence.looked(frame, found)
            indices.append(index)
    return indices


@pytest.mark.parametrize(
    ("rate", "step"), [(5, 1), (10, 1), (15, 1), (24, 2), (25, 2), (29.97, 2), (50, 4), (59.94, 5)]
)
def test_busy_pictures_are_looked_at_twelve_times_a_second(rate, step):
    indices = looked(Policy(), rate, found=True)
    assert set(np.diff(indices)) == {step}


def test_quiet_pictures_half_as_often():
    indices = np.array(looked(Policy(), 25, found=False))
    assert set(np.diff(indices[indices > 40])) == {4}


def test_without_lookahead_every_frame():
    assert looked(Policy(lookahead=0.0), 25, found=False) == list(range(200))
    assert looked(Policy(lookahead=0.1), 25, found=True) == list(range(200))


def test_a_shaking_camera_every_frame():
    assert looked(Policy(), 25, found=True, change=SHAKEN + 1) == list(range(200))


def test_a_fixed_step():
    assert looked(Policy(every=3), 25, found=True) == list(range(0, 200, 3))


def shown(pictures) -> list[int]:
    """Indices at which a scene begins."""
    scenes = Scenes()
    return [index for index, shot in enumerate(pictures) if scenes.cut(Frame(shot, index, index, Fraction(1, 25)))]


def test_a_cut_is_seen_and_movement_is_not():
    moving = [np.roll(picture(0), 4 * index, axis=1) for index in range(20)]
    other = [np.ascontiguousarray(255 - shot[::-1]) for shot in moving]
    assert shown([*moving, *other]) == [20]


def test_a_lamp_that_goes_on_slowly_is_no_cut():
    assert shown([np.full((240, 320, 3), 40 + 4 * index, np.uint8) for index in range(40)]) == []


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "p010le", "gray10le", "gray", "nv12"])
def test_cuts_are_the_same_in_every_pixel_format(pixel_format):
    import av

    scenes, cuts = Scenes(), []
    for index in range(12):
        shot = picture(0) if index < 6 else np.ascontiguousarray(255 - picture(0)[::-1])
        frame = av.VideoFrame.from_ndarray(shot, "bgr24").reformat(format=pixel_format)
        if scenes.cut(Frame(frame, index, index, Fraction(1, 25))):
            cuts.append(index)
    assert cuts == [6]
