"""Covering: every pixel of every region, no pixel outside, in every style and pixel format."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redact.cover import Cover
from redact.frames import PIXEL_FORMATS, Frame
from redact.policy import SAFE_CELLS, STYLES, Policy
from redact.regions import Region, Settled

SIZES = [(160, 120), (161, 121), (2, 2), (1, 1)]


def make_frame(pixel_format: str, size: tuple[int, int] = (160, 120), index: int = 0, seed: int = 0) -> Frame:
    """A frame of noise: no two neighbouring samples are alike."""
    width, height = size
    if pixel_format == "bgr24":
        picture = np.random.default_rng(seed).integers(1, 255, (height, width, 3), dtype=np.uint8)
        return Frame(picture, index, index, Fraction(1, 25))
    frame = Frame(av.VideoFrame(width, height, pixel_format), index, index, Fraction(1, 25))
    layout = PIXEL_FORMATS[pixel_format]
    rng = np.random.default_rng(seed)
    for plane in frame.planes():
        noise = rng.integers(1, (1 << layout.bits) - 1, plane.samples.shape)
        plane.samples[...] = (noise << layout.shift).astype(layout.dtype)
    return frame


def copies(frame: Frame) -> list[np.ndarray]:
    return [plane.samples.copy() for plane in frame.planes()]


def changed(before: list[np.ndarray], frame: Frame) -> list[np.ndarray]:
    tables = []
    for was, plane in zip(before, frame.planes(), strict=True):
        differs = was != plane.samples
        tables.append(differs.any(-1) if differs.ndim == 3 else differs)
    return tables


def on_plane(mask: np.ndarray, sub_x: int, sub_y: int, shape: tuple[int, ...]) -> np.ndarray:
    """Samples of a plane whose pixels the mask holds all of: the mask is made of whole blocks."""
    return mask[:: 1 << sub_y, :: 1 << sub_x][: shape[0], : shape[1]]


def region(box, kind="face", track=1) -> Region:
    return Region(kind, track, box, 0.9, "seen")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
def test_inside_is_covered_and_outside_is_untouched(pixel_format, style, size):
    width, height = size
    frame = make_frame(pixel_format, size)
    before = copies(frame)
    settled = Settled(
        frame,
        (
            region((width * 0.1, height * 0.1, width * 0.4, height * 0.5)),
            region((width * 0.6, height * 0.2, width * 0.9, height * 1.4), "person", 2),
        ),
    )
    cover = Cover(Policy(style=style, color="#123456"))
    cover(settled)
    mask = cover.mask(settled)
    assert mask.any()
    for table, plane in zip(changed(before, frame), frame.planes(), strict=True):
        covered = on_plane(mask, plane.sub_x, plane.sub_y, table.shape)
        assert not table[~covered].any()
        # noise averages to something else nearly everywhere; a few samples may hit their old value
        assert table[covered].mean() > 0.9 or covered.sum() < 20


@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
@pytest.mark.parametrize("kind", ["face", "person", "plate"])
def test_every_pixel_of_the_box_first_and_last_rows_columns_and_chroma(pixel_format, kind):
    # solid writes one value, so every covered sample can be recognised
    box = (30.3, 20.7, 90.2, 80.9)
    frame = make_frame(pixel_format)
    cover = Cover(Policy(style="solid", color="#ffffff"))
    cover(Settled(frame, (region(box, kind),)))
    x1, y1, x2, y2 = int(box[0]), int(box[1]), int(box[2]) + 1, int(box[3]) + 1
    for plane in frame.planes():
        part = plane.samples[y1 >> plane.sub_y : -(-y2 >> plane.sub_y), x1 >> plane.sub_x : -(-x2 >> plane.sub_x)]
        assert (part == part[0, 0]).all()


@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
@pytest.mark.parametrize("size", SIZES)
def test_the_edge_of_the_frame_is_covered_too(pixel_format, size):
    width, height = size
    frame = make_frame(pixel_format, size)
    cover = Cover(Policy(style="solid", shape="box"))
    cover(Settled(frame, (region((-10.0, -10.0, width - 0.9, height - 0.9)),)))
    for plane in frame.planes():
        assert (plane.samples == plane.samples[0, 0]).all()


@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
@pytest.mark.parametrize("style", STYLES)
def test_a_whole_frame_shows_nothing(pixel_format, style):
    frame = make_frame(pixel_format)
    Cover(Policy(style=style))(Settled(frame, (), "damaged"))
    for plane in frame.planes():
        assert (plane.samples == plane.samples[0, 0]).all()


@pytest.mark.parametrize("style", ["blur", "mosaic"])
@given(
    x=st.floats(-40, 150),
    y=st.floats(-40, 110),
    w=st.floats(0.2, 120),
    h=st.floats(0.2, 120),
    kind=st.sampled_from(["face", "person"]),
)
def test_the_mask_contains_the_grown_box(style, x, y, w, h, kind):
    frame = make_frame("yuv420p")
    policy = Policy(style=style)
    settled = Settled(frame, (region((x, y, x + w, y + h), kind),))
    mask = Cover(policy).mask(settled)
    grow = policy.grow_of(kind)
    x1, x2 = x + w / 2 - w / 2 * grow + 1e-3, x + w / 2 + w / 2 * grow - 1e-3
    y1, y2 = y + h / 2 - h / 2 * grow + 1e-3, y + h / 2 + h / 2 * grow - 1e-3
    inside = mask[
        max(int(np.floor(y1)), 0) : max(int(np.ceil(y2)), 0), max(int(np.floor(x1)), 0) : max(int(np.ceil(x2)), 0)
    ]
    if kind == "person":
        assert inside.all()
    else:  # an ellipse through the corners covers the box but for slivers thinner than a pixel at them
        corners = 4
        assert (~inside).sum() <= corners
    assert Cover(policy)(settled).frame is frame


def levels(samples: np.ndarray) -> int:
    return len(np.unique(samples))


def test_a_face_keeps_few_cells_whatever_its_size():
    for side in (40, 100):
        frame = make_frame("gray", (400, 400))
        Cover(Policy(style="mosaic", shape="box", grow=1.3))(
            Settled(frame, (region((100.0, 100.0, 100.0 + side, 100.0 + side)),))
        )
        face = frame.planes()[0].samples[100 : 100 + side, 100 : 100 + side]
        # cells that the face touches: six and one that straddles its edge
        assert levels(face) <= (SAFE_CELLS + 1) ** 2
        assert (np.diff(face[side // 2].astype(int)) != 0).sum() <= SAFE_CELLS


def test_cells_are_held_so_that_movement_leaks_nothing():
    cover = Cover(Policy(style="mosaic", shape="box"))
    seen = set()
    for index in range(50):  # two seconds
        frame = make_frame("gray", (200, 200), index, seed=index)
        left = 40.0 + 2 * (index // 2)
        cover(Settled(frame, (region((left, 40.0, left + 60, 100.0)),)))
        part = frame.planes()[0].samples[60:80, int(left) + 20 : int(left) + 40]
        seen.add(part.tobytes())
    fresh = set()
    for index in range(50):
        frame = make_frame("gray", (200, 200), index, seed=index)
        left = 40.0 + 2 * (index // 2)
        Cover(Policy(style="mosaic", shape="box"))(Settled(frame, (region((left, 40.0, left + 60, 100.0)),)))
        fresh.add(frame.planes()[0].samples[60:80, int(left) + 20 : int(left) + 40].tobytes())
    assert len(seen) <= 2
    assert len(fresh) > 25  # without holding every frame would tell something new


def test_cells_are_noise_that_a_second_run_repeats():
    def run() -> bytes:
        frame = make_frame("yuv420p", seed=5)
        Cover(Policy())(Settled(frame, (region((40.0, 40.0, 90.0, 100.0)),)))
        return b"".join(plane.samples.tobytes() for plane in frame.planes())

    assert run() == run()


def test_always_polygons_are_covered_without_any_detection():
    frame = make_frame("yuv420p")
    before = copies(frame)
    policy = Policy(always=(((0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0)),), style="solid")
    Cover(policy)(Settled(frame))
    luma = frame.planes()[0].samples
    assert (luma[60:, 80:] == luma[-1, -1]).all()
    assert (luma[:56, :76] == before[0][:56, :76]).all()


def test_plates_are_solid_whatever_the_style():
    frame = make_frame("yuv420p")
    Cover(Policy(style="blur", find=("plate",)))(Settled(frame, (region((40.0, 40.0, 90.0, 60.0), "plate"),)))
    assert levels(frame.planes()[0].samples[40:60, 40:90]) == 1


@pytest.mark.parametrize(
    ("pixel_format", "expected"),
    [
        ("yuv420p", [(81,), (90,), (240,)]),
        ("yuvj420p", [(76,), (85,), (255,)]),
        ("rgb24", [(255, 0, 0)]),
        ("gray", [(81,)]),
    ],
)
def test_red_is_red(pixel_format, expected):
    frame = make_frame(pixel_format)
    Cover(Policy(style="solid", color="#ff0000", shape="box"))(Settled(frame, (region((40.0, 40.0, 90.0, 100.0)),)))
    values = [
        tuple(np.atleast_1d(plane.samples[60 >> plane.sub_y, 60 >> plane.sub_x]).tolist()) for plane in frame.planes()
    ]
    assert values == expected


def test_a_reference_frame_is_not_written_into():
    frame = make_frame("yuv420p")
    shared = frame.picture.reformat(format="yuv420p")  # the same format: a reference to the same memory
    before = copies(Frame(shared, 0, 0, Fraction(1, 25)))
    Cover(Policy())(Settled(frame, (region((40.0, 40.0, 90.0, 100.0)),)))
    if shared is not frame.picture:
        after = copies(Frame(shared, 0, 0, Fraction(1, 25)))
        assert all((a == b).all() for a, b in zip(before, after, strict=True))
