"""Small real files, made with PyAV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from redact.frames import PIXEL_FORMATS, Frame

MakeVideo = Callable[..., Path]
Noise = Callable[..., Frame]

SCENE = np.random.default_rng(7).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def picture(index: int, width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A coarse texture that moves two pixels a frame: every frame differs, and encoders keep it well."""
    y = (np.arange(height) + 2 * index) // 8 % SCENE.shape[0]
    x = (np.arange(width) + 2 * index) // 8 % SCENE.shape[1]
    return np.ascontiguousarray(SCENE[np.ix_(y, x)])


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    """``make_video(name, ...)`` writes a video file into ``tmp_path`` and returns its path."""

    def make(
        name: str,
        *,
        codec: str = "libx264",
        size: tuple[int, int] = (64, 48),
        frames: int = 12,
        pixel_format: str = "yuv420p",
        times: Sequence[int] | None = None,
        time_base: Fraction = Fraction(1, 25),
        key_every: int = 6,
        audio: str = "",
        metadata: dict[str, str] | None = None,
        options: dict[str, str] | None = None,
        shape: Fraction = Fraction(1),
        starts_at: int = 0,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", container_options={"output_ts_offset": str(starts_at)}) as container:
            container.metadata.update(metadata or {})
            stream: Any = container.add_stream(codec, rate=Fraction(25), time_base=time_base)
            stream.width, stream.height, stream.pix_fmt = *size, pixel_format
            stream.codec_context.time_base = time_base
            stream.codec_context.gop_size = key_every
            stream.codec_context.sample_aspect_ratio = shape
            stream.codec_context.options = dict(options or {})
            sound: Any = container.add_stream(audio, rate=48_000) if audio else None
            for index in range(frames):
                frame = av.VideoFrame.from_ndarray(picture(index, *size), "rgb24")
                frame.pts = times[index] if times is not None else round(index / (25 * time_base))
                frame.time_base = time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if sound is not None:
                step = sound.codec_context.frame_size or 1024
                for begin in range(0, 48_000 * frames // 25, step):
                    wave = np.sin(2 * np.pi * 440 * np.arange(begin, begin + step) / 48_000).astype(np.float32)
                    layout = sound.codec_context.format.name
                    samples = np.stack([wave, wave]) * 0.6
                    if not layout.startswith("flt"):
                        depth = int(layout[1:3])
                        samples = (samples * 2 ** (depth - 1)).astype(f"int{depth}")
                    if not layout.endswith("p"):
                        samples = samples.T.reshape(1, -1)
                    tone = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), layout, "stereo")
                    tone.sample_rate, tone.pts, tone.time_base = 48_000, begin, Fraction(1, 48_000)
                    container.mux(sound.encode(tone))
                container.mux(sound.encode(None))
        return path

    return make


@pytest.fixture
def noise() -> Noise:
    """``noise(format, width, height, index)`` is a frame of random samples, legal ones where the range is limited."""
    random = np.random.default_rng(3)

    def make(name: str, width: int, height: int, index: int = 0) -> Frame:
        frame = Frame(av.VideoFrame(width, height, name), index, index, Fraction(1, 25), 1)
        layout = PIXEL_FORMATS[name]
        for plane in frame.planes():
            low, high = (0, 256) if layout.bits == 8 else (4, 1020)
            values = random.integers(low, high, plane.samples.shape) << layout.shift
            plane.samples[...] = values.astype(plane.samples.dtype)
        return frame

    return make
