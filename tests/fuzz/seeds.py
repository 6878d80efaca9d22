"""Small sound files of every kind, for damaging."""

from __future__ import annotations

import functools
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import av.error
import numpy as np
from PIL import Image

from tests.clips import RATE, picture
from tests.conftest import SHARED

SIZE = (64, 48)
_FRAMES = 10
_LARGEST = 110_000  # bytes of a foreign file: larger ones bend no differently and take longer
_MOST_PIXELS = 200_000
_SAMPLES = Path(__file__).parents[2] / "samples"

_VIDEOS = {
    "h264.mp4": ("libx264", "yuv420p", {}),
    "h264.mkv": ("libx264", "yuv420p", {"bf": "2"}),
    "h264.ts": ("libx264", "yuv420p", {"bf": "2"}),
    "h264.avi": ("libx264", "yuv420p", {"bf": "0"}),
    "h264.flv": ("libx264", "yuv420p", {"bf": "0"}),
    "h264.h264": ("libx264", "yuv444p", {}),
    "deep.mp4": ("libx264", "yuv420p10le", {}),
    "hevc.mp4": ("libx265", "yuv420p", {"x265-params": "log-level=none"}),
    "hevc.ts": ("libx265", "yuv420p", {"x265-params": "log-level=none"}),
    "vp8.webm": ("libvpx", "yuv420p", {}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {"deadline": "realtime"}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {}),
    "mpeg2.ts": ("mpeg2video", "yuv420p", {}),
    "mpeg2.mpg": ("mpeg2video", "yuv420p", {}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {}),
    "ffv1.mkv": ("ffv1", "yuv422p", {}),
    "raw.avi": ("rawvideo", "yuyv422", {}),
    "prores.mov": ("prores_ks", "yuv422p10le", {}),
}
_PICTURES = ("a.png", "a.jpg", "a.webp", "a.tif", "a.bmp", "a.gif", "moving.gif", "moving.webp", "several.tif")


@functools.cache
def seeds(large: bool = False) -> dict[str, bytes]:
    """Name → bytes: made here, from samples, and, where it is, from the folder of foreign containers.

    large: those with large pictures too, of which a case takes seconds.
    """
    found = {}
    with TemporaryDirectory() as folder:
        for name, (codec, pixel_format, options) in _VIDEOS.items():
            found[name] = _video(Path(folder) / name, codec, pixel_format, options).read_bytes()
        frames = [Image.fromarray(np.ascontiguousarray(picture(index, *SIZE)[:, :, ::-1])) for index in range(4)]
        for name in _PICTURES:
            more = {} if name.startswith("a.") else {"save_all": True, "append_images": frames[1:]}
            frames[0].save(Path(folder) / name, **more)
            found[name] = (Path(folder) / name).read_bytes()
    for path in [*sorted(_SAMPLES.iterdir()), *sorted((SHARED / "footage" / "containers").glob("*.*"))]:
        small = path.suffix not in (".md", ".py", ".json") and path.stat().st_size <= _LARGEST
        if small and (large or _pixels(path) <= _MOST_PIXELS):
            found[path.name] = path.read_bytes()
    return found


def _pixels(path: Path) -> int:
    try:
        with av.open(str(path)) as container:
            return max((stream.width * stream.height for stream in container.streams.video), default=0)
    except av.error.FFmpegError:
        return 0


def _video(path: Path, codec: str, pixel_format: str, options: dict[str, str]) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=Fraction(RATE))
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixel_format
        stream.codec_context.gop_size = 4
        stream.codec_context.options = dict(options)
        for index in range(_FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(index, *SIZE), "bgr24").reformat(format=pixel_format)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
