"""Pictures: what is covered, what stays bit for bit, and what of the file is gone."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

import redact
from redact.media import images
from redact.media.profiles import public_profile
from tests.clips import Scripted, picture

FACE = (0.4, 0.4, 0.6, 0.7)
SECRET = b"SECRET-51.5007N"
BASE = Image.fromarray(np.ascontiguousarray(picture(0)[..., ::-1]))
MOVING = [Image.fromarray(np.ascontiguousarray(picture(index)[..., ::-1])) for index in range(6)]


def run(source: Path, target: Path, script=lambda _: [FACE], **settings) -> redact.Result:
    policy = redact.Policy(**settings)
    return redact.redact_file(source, target, policy=policy, overwrite=True, detector=Scripted(script))


def pages(path: Path) -> list[np.ndarray]:
    """All pages as seen, alpha included."""
    with Image.open(path) as image:
        found = []
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            raw = image if image.mode in ("I;16", "I", "F", "CMYK") else image.convert("RGBA")
            found.append(np.asarray(raw).astype(np.float64))
        return found


def assert_covered(before: Path, after: Path, *, outside: float = 0.0, margin: float = 0.25) -> None:
    """Every page differs in the middle of the face, and nowhere else by more than ``outside`` levels on average."""
    pairs = list(zip(pages(before), pages(after), strict=True))
    for was, now in pairs:
        height, width = was.shape[:2]
        clear = np.ones((height, width), bool)
        clear[int(max(margin - 0.2, 0) * height) :, int(margin * width) : int((1 - margin) * width) + 1] = False
        difference = np.abs(was - now).reshape(height, width, -1).max(-1)
        assert difference[clear].mean() <= outside
        inside = difference[int(0.5 * height) : int(0.6 * height), int(0.45 * width) : int(0.55 * width)]
        assert (inside > 0).mean() > 0.1  # two levels or few colours hit their old value often


GREY16 = Image.fromarray(np.asarray(BASE.convert("L")).astype(np.uint16) * 13)
STILLS = {
    "rgb.png": (BASE, {}),
    "grey.png": (BASE.convert("L"), {}),
    "palette.png": (BASE.quantize(64), {}),
    "grey-alpha.png": (BASE.convert("LA"), {}),
    "alpha.png": (BASE.convert("RGBA"), {}),
    "bilevel.png": (BASE.convert("1"), {}),
    "sixteen.png": (GREY16, {}),
    "rgb.bmp": (BASE, {}),
    "palette.bmp": (BASE.quantize(200), {}),
    "grey.bmp": (BASE.convert("L"), {}),
    **{f"{mode}.tif": (BASE.convert(mode), {"compression": "tiff_lzw"})
       for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")},
    "fax.tif": (BASE.convert("1"), {"compression": "group4"}),
    "sixteen.tif": (GREY16, {}),
    "float.tif": (BASE.convert("F"), {}),
    "still.gif": (BASE.quantize(128), {}),
    "hole.gif": (BASE.quantize(30), {"transparency": 3}),
    "lossless.webp": (BASE.convert("RGBA"), {"lossless": True, "exact": True}),
}  # fmt: skip


@pytest.mark.parametrize("style", ["blur", "solid"])
@pytest.mark.parametrize("name", STILLS)
def test_lossless_formats_keep_their_mode_and_every_other_pixel(tmp_path, name, style):
    image, options = STILLS[name]
    before, after = tmp_path / name, tmp_path / f"out-{name}"
    image.save(before, **options)
    result = run(before, after, style=style)
    assert_covered(before, after)
    with Image.open(before) as was, Image.open(after) as now:
        assert (now.mode, now.size, now.format) == (was.mode, was.size, was.format)
        assert now.info.get("compression") == was.info.get("compression")
    assert len(result.tracks) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"out-{name}"])


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"quality": 85}),
        ("RGB", {"quality": 60, "subsampling": 0}),
        ("RGB", {"quality": 95, "subsampling": 1, "progressive": True}),
        ("L", {"quality": 70}),
        ("CMYK", {"quality": 90}),
    ],
)
def test_jpeg_keeps_its_tables_and_subsampling(tmp_path, mode, options):
    smooth = BASE.resize((80, 60)).resize((320, 240), Image.Resampling.BICUBIC).convert(mode)
    smooth.save(tmp_path / "a.jpg", **options)
    run(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert_covered(tmp_path / "a.jpg", tmp_path / "b.jpg", outside=4.0)
    with Image.open(tmp_path / "a.jpg") as was, Image.open(tmp_path / "b.jpg") as now:
        assert now.mode == was.mode
        assert now.quantization == was.quantization
        assert now.layer == was.layer  # sampling factors and tables of every component
        assert bool(now.info.get("progressive")) == bool(options.get("progressive"))


@pytest.mark.parametrize(
    ("name", "frames", "options"),
    [
        ("palettes.gif", [frame.quantize(100) for frame in MOVING], {"loop": 0}),
        ("lossless.webp", MOVING, {"lossless": True, "exact": True, "loop": 2}),
        ("moving.png", MOVING, {"loop": 3}),
    ],
)
def test_animations_keep_frames_times_and_loops(tmp_path, name, frames, options):
    durations = [50, 60, 70, 80, 90, 300]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=durations, **options)
    # seen in one frame only: the timeline covers the others
    result = run(tmp_path / name, tmp_path / f"out-{name}", lambda index: [FACE] if index == 2 else [], every=1)
    assert_covered(tmp_path / name, tmp_path / f"out-{name}", margin=0.15)  # guesses grow with the distance in time
    with Image.open(tmp_path / f"out-{name}") as image:
        assert image.info["loop"] == options["loop"]
        kept = []
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            kept.append(image.info["duration"])
    assert kept == durations
    assert result.frames == 6
    assert result.regions["reached"] + result.regions["held"] == 5


def test_a_see_through_animation_stays_see_through(tmp_path):
    frames = []
    for index in range(4):
        frame = MOVING[index].convert("RGBA")
        frame.putalpha(Image.fromarray(np.where(np.arange(320) < 10 + 5 * index, 0, 255).astype(np.uint8)[None]
                                       .repeat(240, 0)))  # fmt: skip
        frames.append(frame)
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=80, disposal=2, loop=0)
    run(tmp_path / "a.gif", tmp_path / "b.gif")
    for was, now in zip(pages(tmp_path / "a.gif"), pages(tmp_path / "b.gif"), strict=True):
        assert (was[..., 3] == now[..., 3]).all()


def test_every_page_of_a_tiff_is_a_picture_of_its_own(tmp_path):
    sheets = [BASE, BASE.convert("L").resize((100, 150)), BASE.convert("1"), BASE.resize((64, 48)).convert("CMYK")]
    with TiffImagePlugin.AppendingTiffWriter(str(tmp_path / "a.tiff"), True) as writer:
        for sheet, compression in zip(sheets, ["tiff_lzw", "raw", "group4", "packbits"], strict=True):
            sheet.save(writer, "TIFF", compression=compression)
            writer.newFrame()
    result = redact.redact_file(tmp_path / "a.tiff", tmp_path / "b.tiff", detector=_Everywhere())
    # on a tall page the face is narrower than faces are, and its cover wider than it
    assert_covered(tmp_path / "a.tiff", tmp_path / "b.tiff", margin=0.15)
    with Image.open(tmp_path / "a.tiff") as was, Image.open(tmp_path / "b.tiff") as now:
        for index in range(4):
            was.seek(index)
            now.seek(index)
            assert (now.mode, now.size, now.info["compression"]) == (was.mode, was.size, was.info["compression"])
    assert sorted(track.number for track in result.tracks) == [1, 2, 3, 4]


class _Everywhere:
    """Finds the face in whatever it is shown first of a page; pages have different sizes."""

    name = "everywhere"
    kinds = ("face", "person")

    def detect(self, rgb):
        height, width = rgb.shape[:2]
        x1, y1, x2, y2 = FACE
        return redact.Detections.of([(x1 * width, y1 * height, x2 * width, y2 * height)], [0.9], "face")


def exif(orientation: int) -> bytes:
    """EXIF with an orientation, a place, a camera and a thumbnail."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = SECRET.decode()
    tags[0x8825] = {1: "N", 2: (51.0, 30.0, 2.5)}
    return tags.tobytes()


def expected(orientation: int) -> Image.Image:
    """The picture as a viewer turns it."""
    image = BASE.copy()
    image.info["exif"] = exif(orientation)
    stored = io.BytesIO()
    BASE.save(stored, "PNG", exif=exif(orientation))
    from PIL import ImageOps

    with Image.open(stored) as opened:
        return ImageOps.exif_transpose(opened).convert("RGB")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
def test_orientation_is_applied_and_gone(tmp_path, orientation, suffix):
    before, after = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    BASE.save(before, exif=exif(orientation), **({"lossless": True} if suffix == ".webp" else {}))
    run(before, after, lambda _: [])
    upright = expected(orientation)
    with Image.open(after) as now:
        assert now.size == upright.size
        assert now.getexif().get(0x0112, 1) == 1
        tolerance = 20 if suffix == ".jpg" else 0  # its chroma is subsampled along another axis
        assert np.abs(np.asarray(now.convert("RGB")).astype(int) - np.asarray(upright)).mean() <= tolerance


def with_segments(jpeg: bytes) -> bytes:
    """A JPEG with a comment, a segment nobody knows, XMP, Photoshop data, and a second picture behind its end."""

    def segment(marker: int, body: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    extra = (
        segment(0xFE, SECRET)
        + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + SECRET + b"</x:xmpmeta>")
        + segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(SECRET)) + SECRET + b"\0")
        + segment(0xE5, SECRET)
    )
    return jpeg[:2] + extra + jpeg[2:] + jpeg + SECRET


def test_nothing_but_the_picture_is_left_of_a_jpeg(tmp_path):
    stored = io.BytesIO()
    BASE.save(stored, "JPEG", exif=exif(6), icc_profile=own_profile())
    (tmp_path / "a.jpg").write_bytes(with_segments(stored.getvalue()))
    result = run(tmp_path / "a.jpg", tmp_path / "b.jpg")
    data = (tmp_path / "b.jpg").read_bytes()
    assert SECRET not in data
    assert data.count(b"\xff\xd8\xff") == 1
    assert data.endswith(b"\xff\xd9")
    assert b"Exif" not in data
    assert b"ICC_PROFILE" not in data
    with Image.open(tmp_path / "b.jpg") as image:
        assert not image.getexif()
        assert {name for name, _ in image.applist} <= {"APP0"}
    named = " ".join(str(item) for item in result.dropped)
    assert "EXIF" in named
    assert "XMP" in named
    assert SECRET.decode() not in named


def test_a_preview_in_a_jpeg_is_gone(tmp_path):
    clear = BASE.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    BASE.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[clear])
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.n_frames == 2
    result = run(tmp_path / "a.jpg", tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert getattr(image, "n_frames", 1) == 1
    assert (tmp_path / "b.jpg").read_bytes().count(b"\xff\xd8\xff") == 1
    assert "MPF previews" in str(result.dropped[0])


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".gif"])
def test_no_other_format_keeps_metadata(tmp_path, suffix):
    from PIL import PngImagePlugin

    options: dict[str, object] = {"exif": exif(1), "icc_profile": own_profile()}
    if suffix == ".png":
        text = PngImagePlugin.PngInfo()
        text.add_text("Author", SECRET.decode())
        text.add_itxt("XML:com.adobe.xmp", SECRET.decode())
        options["pnginfo"] = text
    if suffix == ".webp":
        options["xmp"] = SECRET
    if suffix == ".tif":
        options["tiffinfo"] = {270: SECRET.decode(), 315: SECRET.decode()}
        del options["exif"]
    if suffix == ".gif":
        options = {"comment": SECRET}
    before, after = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    BASE.save(before, **options)
    with before.open("ab") as file:
        file.write(SECRET)
    assert SECRET in before.read_bytes()
    run(before, after)
    data = after.read_bytes()
    assert SECRET not in data
    assert b"Exif" not in data
    with Image.open(after) as image:
        assert "icc_profile" not in image.info
        assert not image.getexif() or suffix == ".tif"


def own_profile() -> bytes:
    """A profile as a calibrated screen has one: its own primaries, and a name."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = data.index(b"rXYZ", 128)
    offset = struct.unpack_from(">I", data, at + 4)[0]
    struct.pack_into(">i", data, offset + 8, round(0.48 * 65536))
    return bytes(data)


def p3_profile() -> bytes:
    """Display P3 as a phone writes it: the public primaries, and words of its own."""
    from redact.media import profiles

    space = profiles._SPACES["Display P3"]
    return profiles._profile(SECRET.decode(), *space)


def test_of_a_profile_only_the_name_of_a_public_space_survives(tmp_path):
    assert SECRET in p3_profile().replace(b"\0", b"")
    BASE.save(tmp_path / "a.png", icc_profile=p3_profile())
    run(tmp_path / "a.png", tmp_path / "b.png")
    assert_covered(tmp_path / "a.png", tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as image:
        kept = image.info["icc_profile"]
    assert SECRET not in kept.replace(b"\0", b"")
    red = Image.new("RGB", (1, 1), (255, 0, 0))
    fresh = ImageCms.profileToProfile(red, ImageCms.ImageCmsProfile(io.BytesIO(kept)), ImageCms.createProfile("LAB"),
                                      outputMode="LAB")  # fmt: skip
    srgb = ImageCms.profileToProfile(red, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"),
                                     outputMode="LAB")  # fmt: skip
    assert fresh.getpixel((0, 0)) != srgb.getpixel((0, 0))  # a wider red


@pytest.mark.parametrize("profile", [b"", b"x" * 50, b"\0" * 200, b"\0" * 16 + b"RGB " + b"\xff" * 300])
def test_a_damaged_profile_is_dropped(profile):
    assert public_profile(profile) is None


def test_alpha_is_kept_but_draws_no_face(tmp_path):
    image = BASE.convert("RGBA")
    alpha = np.full((240, 320), 200, np.uint8)
    alpha[110:130, 150:170] = 7  # a silhouette
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / "a.png")
    run(tmp_path / "a.png", tmp_path / "b.png")
    now = pages(tmp_path / "b.png")[0]
    assert (now[:50, :, 3] == 200).all()
    assert (now[110:130, 150:170, 3] == 255).all()


# getrusage would count what the process was forked from
MEASURED = """
import sys
import redact
redact.redact_file(sys.argv[1], sys.argv[2])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_8k_stays_within_bounds(tmp_path):
    big = Image.new("RGB", (7680, 4320), (90, 120, 60))
    big.paste(BASE.resize((1280, 960)), (3000, 1500))
    big.save(tmp_path / "a.jpg", quality=90)
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=env, timeout=200).stdout
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.size == (7680, 4320)
    assert int(said) < 1_200_000  # kilobytes; 33 million pixels are 100 MB as R, G, B


def png_claiming(width: int, height: int) -> bytes:
    import zlib

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(13500, 13500), (60000, 60000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_one_line(tmp_path, size):
    (tmp_path / "bomb.png").write_bytes(png_claiming(*size))
    with pytest.raises(redact.SourceError) as caught:
        run(tmp_path / "bomb.png", tmp_path / "out.png")
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bomb.png"]


def test_an_animation_that_unfolds_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_ANIMATION", 320 * 240 * 5)
    MOVING[0].save(tmp_path / "a.gif", save_all=True, append_images=MOVING[1:], duration=50)
    with pytest.raises(redact.SourceError, match="too large"):
        run(tmp_path / "a.gif", tmp_path / "b.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".gif", ".bmp"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_picture_is_refused(tmp_path, suffix, part):
    stored = io.BytesIO()
    BASE.save(stored, images.FORMATS[suffix])
    data = stored.getvalue()
    (tmp_path / f"a{suffix}").write_bytes(data[: int(len(data) * part)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(redact.SourceError) as caught:
            run(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}")
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_damage_at_random_is_an_error_or_a_covered_picture(tmp_path):
    rng = np.random.default_rng(7)
    outcomes = set()
    for suffix in (".png", ".jpg", ".webp", ".tif", ".gif", ".bmp"):
        stored = io.BytesIO()
        BASE.resize((80, 60)).save(stored, images.FORMATS[suffix])
        for _ in range(25):
            data = bytearray(stored.getvalue())
            for position in rng.integers(0, len(data), 6):
                data[position] = rng.integers(0, 256)
            (tmp_path / f"a{suffix}").write_bytes(data)
            try:
                run(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}")
                outcomes.add("covered")
            except redact.RedactError as error:
                outcomes.add("refused" if "\n" not in str(error) else "more than a line")
            assert not list(tmp_path.glob("*.part"))
    assert outcomes == {"covered", "refused"}


@pytest.mark.parametrize(
    ("source", "target"), [(".png", ".jpg"), (".jpg", ".webp"), (".tif", ".png"), (".png", ".gif")]
)
def test_the_suffix_of_the_output_chooses_the_format(tmp_path, source, target):
    BASE.convert("RGBA" if source == ".png" else "RGB").save(tmp_path / f"a{source}")
    run(tmp_path / f"a{source}", tmp_path / f"b{target}")
    with Image.open(tmp_path / f"b{target}") as image:
        assert image.format == images.FORMATS[target]
        assert image.size == (320, 240)


def test_a_transparent_colour_stays_one_in_another_format(tmp_path):
    image = BASE.quantize(20)
    hole = image.getpixel((5, 5))
    image.save(tmp_path / "a.gif", transparency=hole)
    for target in ("b.png", "b.webp"):
        run(tmp_path / "a.gif", tmp_path / target)
        (was,), (now,) = pages(tmp_path / "a.gif"), pages(tmp_path / target)
        assert now[5, 5, 3] == 0
        assert (was[:40, :, 3] == now[:40, :, 3]).all()


def test_pages_do_not_go_where_they_have_no_place(tmp_path):
    MOVING[0].save(tmp_path / "a.gif", save_all=True, append_images=MOVING[1:], duration=50)
    for target in ("b.jpg", "b.bmp", "b.tif", "b.xyz"):
        with pytest.raises(redact.SinkError):
            run(tmp_path / "a.gif", tmp_path / target)
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_never_over_the_input_nor_an_existing_file(tmp_path):
    BASE.save(tmp_path / "a.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    for target in ("a.png", "link.png"):
        with pytest.raises(redact.SinkError, match="input itself"):
            run(tmp_path / "a.png", tmp_path / target)
    (tmp_path / "b.png").write_text("precious")
    with pytest.raises(redact.SinkError, match="exists already"):
        redact.redact_file(tmp_path / "a.png", tmp_path / "b.png", detector=Scripted(lambda _: []))
    assert (tmp_path / "a.png").read_bytes() == data
    assert (tmp_path / "b.png").read_text() == "precious"


def test_an_array_is_covered_and_left_alone():
    image = picture(0)
    out = redact.redact_image(image, policy=redact.Policy(style="solid"), detector=Scripted(lambda _: [FACE]))
    assert (image == picture(0)).all()
    assert (out[110:120, 150:170] == 0).all()
    assert (out[:50] == image[:50]).all()
    assert out.dtype == np.uint8
    grey = redact.redact_image(image[..., 0], detector=Scripted(lambda _: [FACE]))
    assert grey.shape == (240, 320)
    assert (grey[:50] == image[:50, :, 0]).all()
    assert (grey[110:120, 150:170] != image[110:120, 150:170, 0]).any()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_an_array_that_is_no_picture_is_refused(wrong):
    with pytest.raises(redact.ConfigError) as caught:
        redact.redact_image(wrong, detector=Scripted(lambda _: []))
    assert caught.value.hint


def test_a_detector_that_fails_leaves_no_picture(tmp_path):
    BASE.save(tmp_path / "a.png")

    def fails(_index):
        raise RuntimeError("lost")

    with pytest.raises(redact.DetectorError):
        run(tmp_path / "a.png", tmp_path / "b.png", fails)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_the_default_detector_finds_the_astronaut(tmp_path):
    from skimage.data import astronaut

    Image.fromarray(astronaut()).save(tmp_path / "a.png")
    result = redact.redact_file(tmp_path / "a.png", tmp_path / "b.png", policy=redact.Policy(find=("face",)))
    assert any(track.kind == "face" for track in result.tracks)
    was, now = pages(tmp_path / "a.png")[0], pages(tmp_path / "b.png")[0]
    assert (was[90:140, 200:245] != now[90:140, 200:245]).any(-1).mean() > 0.9
