"""Covering: every pixel of every region, no pixel outside, in every style and pixel format."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redact.cover import Cover
from redact.cover.shapes import spread
from redact.frames import PIXEL_FORMATS, Frame
from redact.policy import STYLES, Policy
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


@pytest.mark.parametrize("pixel_format", ["yuv420p", "gray"])
@pytest.mark.parametrize("box", [(40.0, 30.0, 80.0, 90.0), (33.3, 21.7, 95.1, 70.2), (-10.0, 50.0, 25.5, 95.5)])
def test_every_pixel_that_the_ellipse_touches_is_covered(pixel_format, box):
    frame = make_frame(pixel_format)
    face = region(box)
    middle_x, middle_y, half_width, half_height = spread(face, Policy())
    y, x = np.mgrid[0 : frame.height, 0 : frame.width]
    # of each pixel the point nearest the middle, a hair inside
    nearest_x = np.clip(middle_x, x + 1e-6, x + 1 - 1e-6) - middle_x
    nearest_y = np.clip(middle_y, y + 1e-6, y + 1 - 1e-6) - middle_y
    touched = (nearest_x / half_width) ** 2 + (nearest_y / half_height) ** 2 < 1
    assert touched.any()
    assert Cover(Policy()).mask(Settled(frame, (face,)))[touched].all()


def test_a_face_in_the_corner_of_a_larger_ones_ellipse_is_covered_too():
    frame = make_frame("yuv420p", (400, 400))
    large, small = region((150.0, 130.0, 250.0, 250.0)), region((116.0, 82.0, 122.0, 90.0), track=2)
    policy = Policy()
    alone = Cover(policy).mask(Settled(frame, (small,)))
    assert not Cover(policy).mask(Settled(frame, (large,)))[alone].all()  # or this would show nothing
    assert Cover(policy).mask(Settled(frame, (large, small)))[alone].all()


def levels(samples: np.ndarray) -> int:
    return len(np.unique(samples))


@pytest.mark.parametrize("shape", ["ellipse", "box"])
@pytest.mark.parametrize("sides", [(40, 40), (40, 50), (36, 60), (60, 40)])
def test_every_covered_face_has_the_same_proportions(shape, sides):
    width, height = sides
    frame = make_frame("gray", (400, 400))
    box = (200 - width / 2, 200 - height / 2, 200 + width / 2, 200 + height / 2)
    mask = Cover(Policy(shape=shape)).mask(Settled(frame, (region(box),)))
    assert mask.any(1).sum() / mask.any(0).sum() == pytest.approx(1.25, rel=0.03)


@pytest.mark.parametrize("style", STYLES)
def test_a_covered_face_does_not_tell_its_proportions(style):
    def output(width: int) -> bytes:
        frame = make_frame("yuv420p", (200, 200))
        Cover(Policy(style=style))(Settled(frame, (region((100 - width / 2, 70.0, 100 + width / 2, 130.0)),)))
        return b"".join(plane.samples.tobytes() for plane in frame.planes())

    assert output(36) == output(48)  # both are covered as 48 x 60
    assert output(48) != output(60)


@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
@pytest.mark.parametrize("style", STYLES)
def test_what_is_drawn_depends_on_nothing_hidden(pixel_format, style):
    """The same moving scene twice, with other pixels under the regions: the outputs are the same bit for bit."""
    policy = Policy(style=style, always=(((0.8, 0.0), (1.0, 0.0), (1.0, 0.3)),))

    def output(hidden: int, darker: int) -> list[bytes]:
        cover, shown = Cover(policy), []
        for index in range(30):
            frame = make_frame(pixel_format, index=index)
            left = 10.3 + index
            settled = Settled(
                frame,
                (
                    region((left, 20.2, left + 31, 60.9)),
                    region((left - 20, 15.0, left + 30, 130.0), "person", 2),
                    region((left + 50, 70.5, left + 70, 77.0), "plate", 3),
                ),
            )
            mask = cover.mask(settled)
            other = make_frame(pixel_format, seed=hidden + index)
            for plane, strange in zip(frame.planes(), other.planes(), strict=True):
                inside = on_plane(mask, plane.sub_x, plane.sub_y, plane.samples.shape)
                plane.samples[inside] = strange.samples[inside] // darker  # so that averages differ too
            cover(settled)
            shown.append(b"".join(plane.samples.tobytes() for plane in frame.planes()))
        return shown

    assert output(100, darker=1) == output(200, darker=8)


def test_the_weak_way_depends_on_what_it_hides():
    """The test above can fail: averages of a face are a function of it."""

    def output(value: int) -> bytes:
        frame = make_frame("gray")
        frame.planes()[0].samples[40:100, 40:90] = value
        Cover(Policy(cells=1, allow_weak=True))(Settled(frame, (region((40.0, 40.0, 90.0, 100.0)),)))
        return frame.planes()[0].samples.tobytes()

    assert output(40) != output(200)


@pytest.mark.parametrize("style", ["blur", "mosaic"])
def test_a_veil_has_the_tone_of_what_is_visible(style):
    frame = make_frame("yuv420p")
    for plane, value in zip(frame.planes(), (180, 100, 150), strict=True):
        plane.samples[...] = value
    frame.planes()[0].samples[40:100, 40:90] = 10
    Cover(Policy(style=style))(Settled(frame, (region((40.0, 40.0, 90.0, 100.0)),)))
    for plane, value, span in zip(frame.planes(), (180, 100, 150), (31, 8, 8), strict=True):
        middle = plane.samples[60 >> plane.sub_y : 80 >> plane.sub_y, 50 >> plane.sub_x : 80 >> plane.sub_x]
        assert np.abs(middle.astype(int) - value).max() <= span


def test_a_veil_is_still_while_its_thing_stands_still():
    cover, seen = Cover(Policy()), set()
    for index in range(25):
        frame = make_frame("gray", index=index)
        frame.planes()[0].samples[40:100, 40:90] = 5 * index
        cover(Settled(frame, (region((40.0, 40.0, 90.0, 100.0)),)))
        seen.add(frame.planes()[0].samples[50:90, 50:80].tobytes())
    assert len(seen) == 1


WEAK = Policy(style="mosaic", shape="box", cells=6, allow_weak=True)


def test_a_weakly_covered_face_keeps_few_cells_whatever_its_size():
    for side in (40, 100):
        frame = make_frame("gray", (400, 400))
        Cover(WEAK)(Settled(frame, (region((100.0, 100.0, 100.0 + side, 100.0 + side)),)))
        face = frame.planes()[0].samples[100 : 100 + side, 100 : 100 + side]
        # cells that the face touches: six and one that straddles its edge
        assert levels(face) <= 7**2
        assert (np.diff(face[side // 2].astype(int)) != 0).sum() <= 6


def test_weak_cells_are_held_so_that_movement_leaks_little():
    cover = Cover(WEAK)
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
        Cover(WEAK)(Settled(frame, (region((left, 40.0, left + 60, 100.0)),)))
        fresh.add(frame.planes()[0].samples[60:80, int(left) + 20 : int(left) + 40].tobytes())
    assert len(seen) <= 2
    assert len(fresh) > 25  # without holding every frame would tell something new


@pytest.mark.parametrize("policy", [Policy(), WEAK])
def test_a_second_run_repeats_every_bit(policy):
    def run() -> bytes:
        frame = make_frame("yuv420p", seed=5)
        Cover(policy)(Settled(frame, (region((40.0, 40.0, 90.0, 100.0)),)))
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


@pytest.mark.parametrize("cells", [0, 6, 64])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
def test_plates_are_solid_whatever_the_style(pixel_format, style, cells):
    frame = make_frame(pixel_format)
    policy = Policy(style=style, cells=cells, allow_weak=True, find=("plate",))
    Cover(policy)(Settled(frame, (region((40.0, 40.0, 90.0, 60.0), "plate"),)))
    for plane in frame.planes():
        part = plane.samples[40 >> plane.sub_y : 60 >> plane.sub_y, 40 >> plane.sub_x : 90 >> plane.sub_x]
        assert (part == part[0, 0]).all()


@pytest.mark.parametrize(
    ("pixel_format", "expected"),
    [
        ("yuv420p", [(81,), (90,), (240,)]),
        ("yuvj420p", [(76,), (85,), (255,)]),
        ("rgb24", [(255, 0, 0)]),
        ("gray", [(81,)]),
        ("gray10le", [(326,)]),
        ("yuv420p10le", [(326,), (361,), (960,)]),
        ("nv12", [(81,), (90, 240)]),
        ("p010le", [(326 << 6,), (361 << 6, 960 << 6)]),
    ],
)
def test_red_is_red(pixel_format, expected):
    frame = make_frame(pixel_format)
    Cover(Policy(style="solid", color="#ff0000", shape="box"))(Settled(frame, (region((40.0, 40.0, 90.0, 100.0)),)))
    values = [
        tuple(np.atleast_1d(plane.samples[60 >> plane.sub_y, 60 >> plane.sub_x]).tolist()) for plane in frame.planes()
    ]
    assert values == expected


@pytest.mark.parametrize("style", ["blur", "solid"])
def test_covering_does_not_reach_into_frames_that_are_decoded_later(tmp_path, style):
    rng = np.random.default_rng(3)
    wall = rng.integers(16, 235, (15, 20), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        # a codec whose decoder gives out a picture before it makes the next one from it
        stream = container.add_stream("mpeg4", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.gop_size = 100
        for index in range(8):
            moved = np.ascontiguousarray(np.roll(wall, 4 * index, axis=1))  # what is covered moves into the open
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, "gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    face = region((40.0, 30.0, 90.0, 90.0), "person")
    cover = Cover(Policy(style=style))
    with av.open(str(tmp_path / "a.mkv")) as clear, av.open(str(tmp_path / "a.mkv")) as container:
        for index, (was, now) in enumerate(zip(clear.decode(video=0), container.decode(video=0), strict=True)):
            before = copies(Frame(was, index, index, Fraction(1, 25)))
            settled = Settled(Frame(now, index, index, Fraction(1, 25)), (face,))
            mask = cover.mask(settled)
            cover(settled)
            for table, plane in zip(changed(before, settled.frame), settled.frame.planes(), strict=True):
                assert not table[~on_plane(mask, plane.sub_x, plane.sub_y, table.shape)].any(), index
