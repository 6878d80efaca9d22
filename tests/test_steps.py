"""Two steps: what one writes the other reads, bit for bit, and refuses everything else."""

from __future__ import annotations

import csv
import functools
import json
import tracemalloc
import zipfile
from fractions import Fraction
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import redact
from redact.digests import FileDigest
from redact.frames import Frame
from redact.mot import MotRegions
from redact.regions import Region, Settled
from redact.regions_file import MAX_REGIONS, Header, RegionsReader, RegionsWriter
from tests.clips import Scripted, decode, make_clip, picture

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "regions.schema.json").read_text())
LOSSLESS = redact.Encoding(codec="ffv1")
MISSED = {*range(1, 6), *range(20, 31)}


def script(index: int) -> list[tuple[float, float, float, float]]:
    step = index / 400
    return [] if index in MISSED else [(0.3 + step, 0.4, 0.45 + step, 0.6), (0.6, 0.1 + step, 0.7, 0.3 + step)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mkv", 60)


@pytest.fixture(scope="module")
def regions(clip: Path) -> Path:
    path = clip.with_name("regions.json")
    redact.detect_file(clip, path, detector=Scripted(script), exports=["mot", "coco", "csv"])
    return path


@pytest.mark.parametrize(
    "settings", [{}, {"style": "mosaic", "grow": 1.6}, {"style": "solid", "shape": "box"},
                 {"always": (((0.0, 0.0), (0.2, 0.0), (0.2, 0.3)),)}]
)  # fmt: skip
def test_detect_then_render_is_file_bit_for_bit(clip, regions, tmp_path, settings):
    policy = redact.Policy(**settings)
    one = redact.redact_file(clip, tmp_path / "one.mkv", policy=policy, encoding=LOSSLESS, detector=Scripted(script))
    two = redact.render_file(clip, regions, tmp_path / "two.mkv", policy=policy, encoding=LOSSLESS)
    assert (tmp_path / "one.mkv").read_bytes() == (tmp_path / "two.mkv").read_bytes()
    assert two.regions == one.regions
    assert two.policy == one.policy
    assert [(track.number, track.kind, track.frames) for track in two.tracks] == [
        (track.number, track.kind, track.frames) for track in one.tracks
    ]
    assert [track.first for track in two.tracks] == pytest.approx([track.first for track in one.tracks])


def test_a_part_of_a_recording_stays_that_part(clip, tmp_path):
    redact.detect_file(clip, tmp_path / "r.json", detector=Scripted(script), start=0.4, end=1.2)
    redact.render_file(clip, tmp_path / "r.json", tmp_path / "out.mkv", encoding=LOSSLESS)
    assert len(decode(tmp_path / "out.mkv")) == 20


def test_the_document_is_as_its_schema_says_and_each_origin_is_there(regions):
    document = json.loads(regions.read_text())
    jsonschema.validate(document, SCHEMA)
    origins = {region["origin"] for frame in document["frames"] for region in frame["regions"]}
    assert origins == {"seen", "filled", "held"} | ({"reached"} & origins)
    assert document["end"]["frames"] == 60
    assert document["input"] == FileDigest.of(regions.with_name("clip.mkv")).json()
    lines = regions.read_text().splitlines()
    assert sum(line.startswith('{"index"') for line in lines) == 60


def test_the_schema_can_say_no(regions):
    document = json.loads(regions.read_text())
    document["frames"][3]["regions"] = [{"kind": "dog"}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_a_file_laid_out_otherwise_is_read_too(clip, regions, tmp_path):
    (tmp_path / "pretty.json").write_text(json.dumps(json.loads(regions.read_text()), indent=1))
    redact.render_file(clip, regions, tmp_path / "a.mkv", encoding=LOSSLESS)
    redact.render_file(clip, tmp_path / "pretty.json", tmp_path / "b.mkv", encoding=LOSSLESS)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def edited(regions: Path, target: Path, change) -> Path:
    """The regions file with its document changed, in the layout of one line a frame."""
    document = json.loads(regions.read_text())
    change(document)
    frames, end = document.pop("frames"), document.pop("end")
    lines = ",\n".join(json.dumps(frame) for frame in frames)
    target.write_text(f'{json.dumps(document)[:-1]},\n"frames": [\n{lines}\n],\n"end": {json.dumps(end)}}}\n')
    return target


def test_an_edit_is_covered(clip, regions, tmp_path):
    def change(document):
        for frame in document["frames"]:
            frame["regions"] = [{"kind": "person", "track": 7, "box": [10, 10, 50, 50], "score": 1, "origin": "seen"}]
        document["frames"][5]["whole"] = "somebody asked for it"

    result = redact.render_file(
        clip, edited(regions, tmp_path / "r.json", change), tmp_path / "out.mkv",
        policy=redact.Policy(style="solid"), encoding=LOSSLESS,
    )  # fmt: skip
    before, after = decode(clip), decode(tmp_path / "out.mkv")
    assert all((now[12:48, 12:48] == now[12, 12]).all() for now in after)
    assert (before[20][100:240, 100:] == after[20][100:240, 100:]).all()
    assert len(np.unique(after[5][:240])) == 1
    assert result.whole == {"somebody asked for it": 1}


FAULTS = {
    "another version": lambda d: d.update(version=2),
    "another format": lambda d: d.update(format="coco"),
    "no input": lambda d: d.pop("input"),
    "another video": lambda d: d["input"].update(sha256="0" * 64),
    "another length": lambda d: d["input"].update(bytes=3),
    "another size": lambda d: d["video"].update(width=322),
    "another clock": lambda d: d["video"].update(time_base=[1, 7]),
    "no clock": lambda d: d["video"].update(time_base=[1, 0]),
    "a frame missing": lambda d: d["frames"].pop(10),
    "the last frame missing": lambda d: (d["frames"].pop(), d["end"].update(frames=59)),
    "a frame too many": lambda d: (d["frames"].append(d["frames"][-1] | {"index": 60}), d["end"].update(frames=61)),
    "another time": lambda d: d["frames"][4].update(pts=999999),
    "a negative time": lambda d: d["frames"][4].update(pts=-1),
    "no regions": lambda d: d["frames"][4].pop("regions"),
    "regions of another type": lambda d: d["frames"][4].update(regions={"a": 1}),
    "a frame that is none": lambda d: d["frames"].__setitem__(4, 17),
    "nothing of a frame": lambda d: d["frames"].__setitem__(4, None),
    "an end that lies": lambda d: d["end"].update(frames=12),
    "no end": lambda d: d.__setitem__("end", None),
    "a policy that cannot be": lambda d: d["policy"].update(lookahead=1e9),
    "a policy of another program": lambda d: d["policy"].update(taste=3),
    "a million regions": lambda d: d["frames"][4].update(
        regions=[{"kind": "face", "track": 1, "box": [0, 0, 1, 1], "score": 1, "origin": "seen"}] * 1_000_000
    ),
    "a few too many": lambda d: d["frames"][4].update(
        regions=[{"kind": "face", "track": 1, "box": [0, 0, 1, 1], "score": 1, "origin": "seen"}] * (MAX_REGIONS + 1)
    ),
}
WRONG = {
    "kind": "dog", "track": -1, "box": [0, 0, 1], "score": 7, "origin": "guessed",
}  # fmt: skip
BOXES = [
    [0, 0, 1e300, 1],
    [5, 5, 1, 1],
    [0, 0, "1", 1],
    [0, 0, None, 1],
    [0, 0, True, 1],
    {"x": 1},
    "0011",
    [[0], 0, 1, 1],
]


def put(region, document) -> None:
    document["frames"][4]["regions"] = [region]


def refused(clip: Path, regions: Path, folder: Path) -> str:
    before = sorted(folder.iterdir())
    with pytest.raises(redact.RegionsError) as caught:
        redact.render_file(clip, regions, folder / "out.mkv", encoding=LOSSLESS)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert sorted(folder.iterdir()) == before
    return str(caught.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_does_not_belong_is_refused(clip, regions, tmp_path, fault):
    refused(clip, edited(regions, tmp_path / "r.json", FAULTS[fault]), tmp_path)


@pytest.mark.parametrize("field", WRONG)
def test_a_region_that_cannot_be_is_refused(clip, regions, tmp_path, field):
    good = {"kind": "face", "track": 1, "box": [0, 0, 1, 1], "score": 1, "origin": "seen"}
    missing = {name: value for name, value in good.items() if name != field}
    for region in (good | {field: WRONG[field]}, missing):
        refused(clip, edited(regions, tmp_path / "r.json", functools.partial(put, region)), tmp_path)


@pytest.mark.parametrize("box", BOXES)
def test_a_box_that_cannot_be_is_refused(clip, regions, tmp_path, box):
    region = {"kind": "face", "track": 1, "box": box, "score": 1, "origin": "seen"}
    refused(clip, edited(regions, tmp_path / "r.json", functools.partial(put, region)), tmp_path)


TEXTS = {
    "empty": b"",
    "not JSON": b"hello, this is no regions file",
    "binary": bytes(range(256)) * 50,
    "nested": b'{"format":' + b"[" * 200_000,
    "nested lines": b'{"format":"redact-regions","version":1\n"frames": [\n' + b"[" * 100_000,
    "one endless line": b'{"a":"' + b"x" * 3_000_000,
    "a list": b"[1,2,3]",
    "a number": b"17",
    "not a number": b'{"format":"redact-regions","version":NaN}',
    "long number": b'{"format":"redact-regions","version":' + b"9" * 100_000 + b"}",
    "utf-16": '{"format":"redact-regions"}'.encode("utf-16"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_text_is_refused(clip, tmp_path, text):
    (tmp_path / "r.json").write_bytes(TEXTS[text])
    refused(clip, tmp_path / "r.json", tmp_path)


def test_nan_in_a_box_is_refused(clip, regions, tmp_path):
    text = regions.read_text().replace('"box":[', '"box":[NaN,', 1)
    (tmp_path / "r.json").write_text(text)
    assert "NaN" in refused(clip, tmp_path / "r.json", tmp_path)


@pytest.mark.parametrize("part", [0.05, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_refused(clip, regions, tmp_path, part):
    data = regions.read_bytes()
    (tmp_path / "r.json").write_bytes(data[: int(len(data) * part)])
    refused(clip, tmp_path / "r.json", tmp_path)


def test_a_lost_line_is_named(clip, regions, tmp_path):
    def lose(document):
        del document["frames"][20]

    assert "frame 20 is missing" in refused(clip, edited(regions, tmp_path / "r.json", lose), tmp_path)


def test_large_and_laid_out_otherwise_is_refused_unread(clip, regions, tmp_path, monkeypatch):
    monkeypatch.setattr("redact.regions_file.MAX_WHOLE", 10_000)
    (tmp_path / "r.json").write_text(json.dumps(json.loads(regions.read_text())))
    assert "one line a frame" in refused(clip, tmp_path / "r.json", tmp_path)


def test_memory_does_not_grow_with_the_recording(tmp_path):
    """A file of several megabytes is written and read through the buffer of one line."""
    picture = np.zeros((4, 4, 3), np.uint8)
    header = Header(
        input=FileDigest("x", 1, "0" * 64), width=4, height=4, time_base=Fraction(1, 25), start=None, end=None,
        policy={}, detector="none", models=(),
    )  # fmt: skip
    found = tuple(Region("face", n, (0.125, 0.0, 1.0, 1.0), 0.5, "seen") for n in range(20))

    def peak(count: int) -> int:
        tracemalloc.start()
        with RegionsWriter(tmp_path / "r.json", header, overwrite=True) as writer:
            for index in range(count):
                writer.write(Settled(Frame(picture, index, index, Fraction(1, 25)), found))
            writer.commit(count / 25)
        with RegionsReader(tmp_path / "r.json") as reader:
            assert sum(len(record.regions) for record in reader) == count * 20
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(10)  # whatever is loaded once
    assert peak(3000) < 2_000_000
    assert (tmp_path / "r.json").stat().st_size > 4_000_000


def test_detect_leaves_nothing_when_it_fails(clip, tmp_path):
    def fails(index):
        if index == 12:
            raise RuntimeError("lost")
        return []

    with pytest.raises(redact.DetectorError):
        redact.detect_file(clip, tmp_path / "r.json", detector=Scripted(fails), exports=["mot", "coco", "csv"])
    assert list(tmp_path.iterdir()) == []


def test_detect_overwrites_nothing(clip, tmp_path):
    (tmp_path / "r.csv").write_text("precious")
    with pytest.raises(redact.SinkError, match="exists already"):
        redact.detect_file(clip, tmp_path / "r.json", detector=Scripted(script), exports=["csv"])
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]
    with pytest.raises(redact.SinkError, match="input itself"):
        redact.detect_file(clip, clip, detector=Scripted(script), overwrite=True)
    with pytest.raises(redact.ConfigError, match="export"):
        redact.detect_file(clip, tmp_path / "r.json", detector=Scripted(script), exports=["yaml"])


@pytest.mark.parametrize("name", ["still.png", "pages.tif", "moving.gif"])
def test_pictures_in_two_steps(tmp_path, name):
    from PIL import Image

    frames = [Image.fromarray(picture(index)) for index in range(4)]
    several = {"save_all": True, "append_images": frames[1:]} if name != "still.png" else {}
    frames[0].save(tmp_path / name, **several)
    suffix = Path(name).suffix

    def detector():
        return Scripted(lambda index: [(0.4, 0.4, 0.6, 0.7)] if index < 2 else [])

    redact.redact_file(tmp_path / name, tmp_path / f"one{suffix}", detector=detector())
    redact.detect_file(tmp_path / name, tmp_path / "r.json", detector=detector(), exports=["mot"])
    jsonschema.validate(json.loads((tmp_path / "r.json").read_text()), SCHEMA)
    two = redact.render_file(tmp_path / name, tmp_path / "r.json", tmp_path / f"two{suffix}")
    redact.render_file(tmp_path / name, tmp_path / "r.mot.zip", tmp_path / f"three{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"three{suffix}").read_bytes()
    assert (tmp_path / f"one{suffix}").read_bytes() != (tmp_path / name).read_bytes()
    assert two.frames == (4 if several else 1)
    assert two.regions["seen"] >= 1


def test_an_untouched_mot_archive_covers_the_same(clip, regions, tmp_path):
    redact.render_file(clip, regions, tmp_path / "a.mkv", encoding=LOSSLESS)
    result = redact.render_file(clip, regions.with_name("regions.mot.zip"), tmp_path / "b.mkv", encoding=LOSSLESS)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()
    assert len(result.tracks) == 2


def test_the_archive_is_as_cvat_has_it(regions):
    with zipfile.ZipFile(regions.with_name("regions.mot.zip")) as archive:
        assert archive.namelist() == ["gt/labels.txt", "gt/gt.txt"]
        assert archive.read("gt/labels.txt").decode().split() == ["face", "person", "plate"]
        rows = [line.split(",") for line in archive.read("gt/gt.txt").decode().splitlines()]
    document = json.loads(regions.read_text())
    assert len(rows) == sum(len(frame["regions"]) for frame in document["frames"])
    first = next(frame for frame in document["frames"] if frame["regions"])
    x1, y1, x2, y2 = first["regions"][0]["box"]
    assert [float(value) for value in rows[0]] == [first["index"] + 1, 1, x1, y1, x2 - x1, y2 - y1, 1, 1, 1]


def test_an_edited_mot_file_is_covered(clip, tmp_path):
    # as an annotator leaves it: rows by track, labels in another order, a box drawn by hand, no visibility
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt/labels.txt").write_text("person\nface\n")
    rows = [f"{frame},1,200.3,100.3,40.2,40,1,1\n" for frame in range(1, 61)]
    rows += [f"{frame},2,20,20,30,30,1,2\n" for frame in range(60, 30, -1)]
    (tmp_path / "gt/gt.txt").write_text("".join(rows))
    result = redact.render_file(
        clip, tmp_path / "gt/gt.txt", tmp_path / "out.mkv", policy=redact.Policy(style="solid"), encoding=LOSSLESS
    )
    after, before = decode(tmp_path / "out.mkv"), decode(clip)
    assert all((now[100:141, 200:241] == now[100, 200]).all() for now in after)
    assert (after[10][15:60, 15:60] == before[10][15:60, 15:60]).all()
    assert (after[40][25:45, 25:45] != before[40][25:45, 25:45]).mean() > 0.9
    assert {track.number: track.kind for track in result.tracks} == {1: "person", 2: "face"}


@pytest.mark.parametrize(
    "rows",
    ["1,1,nan,0,1,1\n", "1,1,0,0\n", "0,1,0,0,1,1\n", "1,1,0,0,-5,1\n", "1,1,0,0,1e9,1\n", "1,1,0,0,1,1,1,9,1\n",
     "1,x,0,0,1,1\n", "1," + "9" * 5000 + ",0,0,1,1\n", "61,1,0,0,1,1\n", "1,1,inf,0,1,1\n"],
)  # fmt: skip
def test_a_wrong_mot_row_is_refused(clip, tmp_path, rows):
    (tmp_path / "gt.txt").write_text("1,1,0,0,10,10,1,1,1\n" + rows)
    refused(clip, tmp_path / "gt.txt", tmp_path)


def test_a_wrong_archive_is_refused(clip, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("annotations.xml", "<xml/>")
    refused(clip, tmp_path / "a.zip", tmp_path)
    (tmp_path / "b.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:40])
    refused(clip, tmp_path / "b.zip", tmp_path)


def test_an_archive_that_unfolds_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("redact.mot.MAX_BYTES", 100_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("gt/gt.txt", "1,1,0,0,10,10,1,1,1\n" * 1_000_000)
    with pytest.raises(redact.RegionsError, match="MB of rows"):
        MotRegions(tmp_path / "bomb.zip", 320, 240)


def test_coco_and_csv_say_the_same(regions):
    document = json.loads(regions.read_text())
    flat = [(frame["index"], region) for frame in document["frames"] for region in frame["regions"]]
    coco = json.loads(regions.with_name("regions.coco.json").read_text())
    assert [image["id"] for image in coco["images"]] == list(range(1, 61))
    assert len(coco["annotations"]) == len(flat)
    with regions.with_name("regions.csv").open() as file:
        rows = list(csv.DictReader(file))
    for (index, region), annotation, row in zip(flat, coco["annotations"], rows, strict=True):
        x1, y1, x2, y2 = region["box"]
        assert annotation["image_id"] == index + 1
        assert annotation["bbox"] == [x1, y1, x2 - x1, y2 - y1]
        assert (int(row["frame"]), row["origin"], int(row["track"])) == (index, region["origin"], region["track"])
        assert [float(row[name]) for name in ("x1", "y1", "x2", "y2")] == region["box"]
