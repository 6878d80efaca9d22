"""The library in somebody else's loop."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

import redact
from tests.clips import Scripted, picture

FACE = (0.4, 0.4, 0.6, 0.7)


def redactor(script=lambda _: [FACE], **settings) -> redact.Redactor:
    settings = {"every": 1, "style": "solid"} | settings
    return redact.Redactor(redact.Policy(**settings), detector=Scripted(script), frame_rate=25)


def test_arrays_come_out_covered_in_order_and_late():
    job = redactor(lookahead=0.4)
    out = []
    for index in range(30):
        frame = picture(index)
        covered = job.push(frame)
        assert (frame == picture(index)).all()  # the caller's array is left alone
        assert len(out) + len(covered) <= max(index - 9, 0) + 1
        out += covered
    out += job.flush()
    assert len(out) == 30
    for index, frame in enumerate(out):
        assert frame.dtype == np.uint8
        assert (frame[110:120, 150:170] == 0).all()
        assert (frame[:50] == picture(index)[:50]).all()


def test_the_start_is_reached_back():
    job = redactor(lambda index: [FACE] if index >= 10 else [])
    out = [frame for index in range(30) for frame in job.push(picture(index))] + job.flush()
    assert all((frame[110:120, 150:170] == 0).all() for frame in out)


def test_pyav_frames_keep_their_times_and_format():
    job = redactor()
    out = []
    for index in range(30):
        frame = av.VideoFrame.from_ndarray(picture(index), "bgr24").reformat(format="yuv422p")
        frame.pts, frame.time_base = index * 40, Fraction(1, 1000)
        out += job.push(frame)
    out += job.flush()
    assert [frame.pts for frame in out] == [index * 40 for index in range(30)]
    assert {frame.format.name for frame in out} == {"yuv422p"}
    assert all((frame.to_ndarray()[110:120, 150:170] == 16).all() for frame in out)


def test_after_a_fault_nothing_comes_out():
    def script(index: int):
        if index == 5:
            raise RuntimeError("lost")
        return [FACE]

    job = redactor(script, lookahead=0.0)
    for index in range(5):
        job.push(picture(index))
    with pytest.raises(redact.DetectorError, match="lost"):
        job.push(picture(5))  # with every=1 a frame is looked at when it is pushed
    with pytest.raises(redact.DetectorError, match="failed before"):
        job.push(picture(11))
    with pytest.raises(redact.DetectorError, match="failed before"):
        job.flush()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        av.VideoFrame(8, 8, "pal8"),
    ],
)
def test_frames_that_cannot_be_covered_are_refused(wrong):
    with pytest.raises(redact.ConfigError) as caught:
        redactor().push(wrong)
    assert caught.value.hint


def test_a_change_of_size_is_refused_until_flushed():
    job = redactor()
    job.push(picture(0))
    with pytest.raises(redact.ConfigError, match="size"):
        job.push(picture(0, 160, 120))
    assert len(job.flush()) == 1
    assert job.push(picture(0, 160, 120)) == []
    assert len(job.flush()) == 1
