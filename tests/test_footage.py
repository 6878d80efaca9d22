"""Real clips, end to end: what people or a strong detector say is a person is one colour in the output."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import redact
from redact.detect import load_detector

GREEN = (0x00, 0xFF, 0x00)
NEAR = 24  # levels: what a lossy encoder leaves of one colour
CLIPS = ["03_pedestrian1_pedestrian1.mpg", "04_pedestrian2_pedestrian2.mpg", "05_pedestrian3_pedestrian3.mpg"]
CCTV = ["fight_fi001", "fight_fi033", "fight_fi070", "fight_fi093", "noFight_nofi035", "noFight_nofi137"]


def covered(clip: Path, folder: Path, **settings) -> tuple[list[NDArray[np.bool_]], redact.Result]:
    """For every frame of the clip, which pixels of the output are green."""
    out = folder / f"{clip.stem}{len(settings)}.mp4"
    policy = redact.Policy(style="solid", color="#00ff00", **settings)
    result = redact.redact_file(clip, out, policy=policy)
    return [(np.abs(frame.astype(int) - GREEN).max(-1) <= NEAR) for frame in pictures(out)], result


def pictures(path: Path) -> Iterator[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def share(mask: NDArray[np.bool_], box) -> float:
    height, width = mask.shape
    x1, y1 = max(math.floor(box[0]), 0), max(math.floor(box[1]), 0)
    inside = mask[y1 : min(math.ceil(box[3]), height), x1 : min(math.ceil(box[2]), width)]
    return float(inside.mean()) if inside.size else 1.0


def labels(path: Path) -> list[tuple[float, float, float, float]]:
    return [tuple(float(edge) for edge in line.split(",")) for line in path.read_text().splitlines() if line.strip()]


@pytest.mark.parametrize("clip", CLIPS)
def test_a_labelled_pedestrian_is_covered(shared, tmp_path, clip):
    path = shared("footage/video") / clip
    truth = labels(path.with_name("_".join(path.stem.split("_")[:2]) + "_gt.txt"))
    masks, _ = covered(path, tmp_path)
    assert len(masks) == len(truth)
    shares = [share(mask, box) for mask, box in zip(masks, truth, strict=True) if not math.isnan(box[0])]
    hidden = np.array(shares) >= 0.9
    assert hidden.mean() >= 0.95
    exposed = max((len(run) for run in "".join(".x"[not ok] for ok in hidden).split(".")), default=0)
    assert exposed <= 5


@pytest.mark.parametrize("clip", CCTV)
def test_what_a_strong_detector_is_sure_of_is_covered(shared, tmp_path, monkeypatch, clip):
    monkeypatch.setenv("REDACT_MODELS", str(shared("models")))
    path = shared("footage/video/cctv") / f"{clip}.mp4"
    witness = load_detector("yolox_nano_640")
    masks, result = covered(path, tmp_path)
    sure = []
    for mask, frame in list(zip(masks, pictures(path), strict=True))[::4]:
        found = witness.detect(frame)
        found = found[found.scores >= 0.7].only(["person"])
        sure += [share(mask, box) >= 0.8 for box in found.boxes]
    assert result.frames == len(masks)
    assert np.mean(sure or [1.0]) >= 0.97


def test_lookahead_pays(shared, tmp_path):
    path = shared("footage/video") / CLIPS[1]
    truth = labels(path.with_name("04_pedestrian2_gt.txt"))

    def exposed(**settings) -> float:
        masks, _ = covered(path, tmp_path, **settings)
        pairs = zip(masks, truth, strict=True)
        return float(np.mean([share(mask, box) < 0.9 for mask, box in pairs if not math.isnan(box[0])]))

    # looking at every frame hides it: this detector misses hardly one here
    assert exposed(every=4) <= exposed(every=4, lookahead=0.0) / 2


def test_film_cuts_keep_faces_covered(shared, tmp_path, monkeypatch):
    """Both sides of every cut: what a face detector is sure of there is covered."""
    monkeypatch.setenv("REDACT_MODELS", str(shared("models")))
    path = shared("footage/video") / "deface_net_very_short_480p.mp4"
    witness = load_detector("yunet_n")
    masks, _ = covered(path, tmp_path)
    for index, (mask, frame) in enumerate(zip(masks, pictures(path), strict=True)):
        found = witness.detect(frame)
        for box in found[found.scores >= 0.8].boxes:
            assert share(mask, box) >= 0.85, f"frame {index}"
