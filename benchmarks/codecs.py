"""How near to transparent the encoders are, how small and how fast: what the defaults of ``redact.media`` stand on.

Every setting encodes the same frames through the project's own sink. Nearness is SSIM of the luma against the
input (11x11 Gaussian window), as mean and as the worst frame of all clips.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import SAMPLES, footage
from redact.frames import Frame, RedactedFrame, VideoInfo
from redact.media import open_sink, open_source
from redact.media.encoders import ENCODERS
from redact.policy import Encoding

CLIPS = (
    "video/other_openpose_street_720p.avi",
    "video/other_short_hamilton_clip.mp4",
    "video/mot20_crowd_nogt_MOT20-05-raw_even_shorter.mp4",
    "video/intel_sample_videos_one-by-one-person-detection.mp4",
)
SETTINGS = {
    "h264": (("superfast", "veryfast", "fast"), (16, 18, 20, 23)),
    "hevc": (("ultrafast", "superfast", "fast"), (18, 20, 22, 25)),
    "vp9": (("5", "7", "8"), (18, 22, 26, 30)),
    "av1": (("8", "10", "12"), (20, 24, 28, 34)),
}
FRAMES = 40


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        clips = list(_clips(quick))
        for codec, (presets, qualities) in SETTINGS.items():
            default = (ENCODERS[codec].preset, ENCODERS[codec].crf)
            tried = {(preset, crf) for preset in presets for crf in qualities} if not quick else set()
            for preset, crf in sorted({*tried, default}, key=str):
                rows.append(_row(codec, str(preset), int(crf or 0), clips, Path(folder) / "out.mkv"))
                rows[-1]["default"] = (preset, crf) == default
    return {"rows": rows}


def table(results: dict[str, Any]) -> str:
    """The figures as a table in Markdown."""
    lines = [
        "| codec | preset | crf | SSIM | worst frame | bits a pixel | frames/s |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        mark = " (default)" if row["default"] else ""
        lines.append(
            f"| {row['codec']}{mark} | {row['preset']} | {row['crf']} | {row['ssim']:.4f} | {row['worst']:.4f} "
            f"| {row['bits']:.3f} | {row['fps']:.0f} |"
        )
    return "\n".join(lines)


def _clips(quick: bool) -> Iterator[list[Frame]]:
    folder = footage()
    paths = [SAMPLES / "lobby.mp4"] if quick or folder is None else [folder / name for name in CLIPS]
    for path in paths:
        with open_source(path) as source:
            frames = []
            for frame in source:
                frame.own()
                frames.append(replace(frame, pts=len(frames), time_base=Fraction(1, 25), duration=1))
                if len(frames) == FRAMES:
                    break
        yield frames


def _row(codec: str, preset: str, crf: int, clips: list[list[Frame]], output: Path) -> dict[str, Any]:
    scores: list[float] = []
    size = pixels = frames = 0
    spent = 0.0
    for clip in clips:
        first = clip[0]
        info = VideoInfo(
            first.width, first.height, first.pixel_format, first.time_base, codec=codec, frame_rate=Fraction(25)
        )
        with open_sink(output, info, Encoding(codec=codec, preset=preset, crf=crf), overwrite=True) as sink:
            began = time.perf_counter()
            for frame in clip:
                sink.write(RedactedFrame(frame))
            sink.commit()
            spent += time.perf_counter() - began
        with open_source(output) as source:
            scores += [_ssim(_luma(one), _luma(other)) for one, other in zip(clip, source, strict=True)]
        size += output.stat().st_size
        frames += len(clip)
        pixels += len(clip) * clip[0].width * clip[0].height
    return {
        "codec": codec,
        "preset": preset,
        "crf": crf,
        "ssim": float(np.mean(scores)),
        "worst": min(scores),
        "bits": 8 * size / pixels,
        "fps": frames / spent,
    }


def _luma(frame: Frame) -> NDArray[np.float32]:
    return frame.planes()[0].samples.astype(np.float32)


def _ssim(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    def blurred(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float32)

    mean_one, mean_other = blurred(one), blurred(other)
    spread = blurred(one * one) - mean_one**2 + blurred(other * other) - mean_other**2
    shared = blurred(one * other) - mean_one * mean_other
    steady, varied = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_one * mean_other + steady) * (2 * shared + varied)
    return float(np.mean(top / ((mean_one**2 + mean_other**2 + steady) * (spread + varied))))
