"""Every pixel format survives, and frames are turned as a viewer would see them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from redact.frames import PIXEL_FORMATS, RedactedFrame
from redact.media import open_sink
from redact.media.pixels import converted, display_turn, nearest, turned, upright
from redact.policy import Encoding
from tests.media.clips import info_of, read, samples
from tests.media.conftest import Noise

SIZES = [(64, 48), (33, 17), (1, 1)]


def rearranged(name: str, planes: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
    """Planes as the lossless codec holds them: planar, in the low bits, R before B."""
    shift = PIXEL_FORMATS[name].shift
    if PIXEL_FORMATS[name].planes[-1][2] == 2:
        return [planes[0] >> shift, planes[1][..., 0] >> shift, planes[1][..., 1] >> shift]
    return [planes[0][..., ::-1]] if name == "bgr24" else planes


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", PIXEL_FORMATS)
def test_lossless_output_equals_the_input(name: str, size: tuple[int, int], noise: Noise, tmp_path: Path) -> None:
    frames = [noise(name, *size, index) for index in range(3)]
    before = [rearranged(name, samples(frame)) for frame in frames]
    with open_sink(tmp_path / "out.mkv", info_of(frames[0]), Encoding(codec="ffv1")) as sink:
        for frame in frames:
            sink.write(RedactedFrame(frame))
        sink.commit()
    _, after = read(tmp_path / "out.mkv")
    assert len(after) == len(before)
    for expected, frame in zip(before, after, strict=True):
        for one, other in zip(expected, samples(frame), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("yuv420p", "yuv420p"),
        ("yuyv422", "yuv422p"),
        ("uyvy422", "yuv422p"),
        ("nv16", "yuv422p"),
        ("nv21", "yuv420p"),
        ("nv24", "yuv444p"),
        ("yuv411p", "yuv422p"),
        ("yuv410p", "yuv420p"),
        ("yuv440p", "yuv444p"),
        ("yuvj440p", "yuvj444p"),
        ("yuvj411p", "yuvj422p"),
        ("yuva420p", "yuv420p"),
        ("yuv420p9le", "yuv420p10le"),
        ("yuv420p12le", "yuv420p10le"),
        ("yuv422p16le", "yuv422p10le"),
        ("p210le", "yuv422p10le"),
        ("yuv440p12le", "yuv444p10le"),
        ("monow", "gray"),
        ("ya8", "gray"),
        ("gray12le", "gray10le"),
        ("gray16be", "gray10le"),
        ("pal8", "rgb24"),
        ("rgba", "rgb24"),
        ("gbrp", "rgb24"),
        ("rgb565le", "rgb24"),
        ("gbrp10le", "yuv444p10le"),
        ("rgb48le", "yuv444p10le"),
        ("xyz12le", "yuv444p10le"),
        ("bayer_bggr8", "rgb24"),
    ],
)
def test_nearest_format(name: str, kept: str) -> None:
    assert nearest(name) == kept


@pytest.mark.parametrize(
    "name", ["yuyv422", "uyvy422", "nv16", "nv21", "nv24", "yuva420p", "gbrp", "rgba", "bgr0", "ya8", "p210le"]
)
def test_formats_said_to_lose_nothing_lose_nothing(name: str) -> None:
    kept = nearest(name)
    start = av.VideoFrame(62, 46, kept)
    random = np.random.default_rng(1)
    for plane in start.planes:
        values = np.frombuffer(memoryview(plane), np.uint8 if PIXEL_FORMATS[kept].bits == 8 else np.uint16)
        values[:] = random.integers(16, 236 if PIXEL_FORMATS[kept].bits == 8 else 940, values.shape)
    there = start.reformat(format=name, src_color_range=1, dst_color_range=1, threads=1)
    if kept == "rgb24":
        there = start.reformat(format=name, src_color_range=2, dst_color_range=2, threads=1)
    back = converted(there, kept)
    for one, other in zip(start.planes, back.planes, strict=True):
        a, b = (np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size) for plane in (one, other))
        width = one.width * (3 if kept == "rgb24" else 1 if PIXEL_FORMATS[kept].bits == 8 else 2)
        np.testing.assert_array_equal(a[:, :width], b[:, :width])


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_matrix_and_turn_agree(rotation: int, mirrored: bool) -> None:
    """A matrix says where a pixel goes; after turning, the pixel must be there."""
    matrix = np.zeros(9, np.int32)
    turn = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[rotation]
    a, b, c, d = (-turn[0], -turn[1], turn[2], turn[3]) if mirrored else turn
    matrix[[0, 1, 3, 4]] = np.array([a, b, c, d]) * 65536
    assert display_turn(matrix.tobytes()) == (rotation, mirrored, 0.0)
    picture = av.VideoFrame.from_ndarray(np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8), "rgb24")
    after = upright(picture, rotation, mirrored).to_ndarray()
    before = picture.to_ndarray()
    corner_x = 0 if a + c > 0 else after.shape[1] - 1
    corner_y = 0 if b + d > 0 else after.shape[0] - 1
    for x, y in [(0, 0), (5, 0), (0, 3), (2, 1)]:
        there = after[corner_y + b * x + d * y, corner_x + a * x + c * y]
        np.testing.assert_array_equal(there, before[y, x])


def test_slanted_matrix_takes_the_nearest_quarter() -> None:
    angle = np.deg2rad(80)
    matrix = np.zeros(9, np.int32)
    matrix[[0, 1, 3, 4]] = np.array([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)]) * 65536
    rotation, mirrored, error = display_turn(matrix.tobytes())
    assert (rotation, mirrored) == (90, False)
    assert error == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("name", PIXEL_FORMATS)
def test_turning_moves_samples_and_changes_none(name: str, rotation: int, noise: Noise) -> None:
    frame = noise(turned(name, rotation), 10, 6)
    result = upright(frame.picture, rotation, True)
    turn = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}.get(rotation)
    from redact.frames import Frame

    for one, other in zip(samples(frame), Frame(result, 0, 0, Fraction(1)).planes(), strict=True):
        expected = one[:, ::-1] if turn is None else cv2.rotate(np.ascontiguousarray(one[:, ::-1]), turn)
        np.testing.assert_array_equal(expected, other.samples)
