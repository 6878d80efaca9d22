"""Draw the sample clips: ``python -m samples.make_samples [FOLDER]``. Needs the ``test`` extra.

The same versions of the packages give the same files, byte for byte.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from samples.acts import LOBBY, MEETING, PORTRAIT, Act, Picture, picture

_PLACE = "+38.8830-077.0163/"  # where both photographs can be seen, not where anybody lives
_RATE = 48_000  # audio samples a second
_BT2020, _HLG, _BT2020_NC, _BT709, _LIMITED = 9, 18, 9, 1, 1  # FFmpeg's numbers


@dataclass(frozen=True, slots=True)
class Clip:
    """One sample. times: of its frames in seconds. size: (width, height) as stored. rotation: degrees to turn it.

    tones: one audio stream for each frequency in hertz. extras: subtitles, chapters and an attachment.
    """

    name: str
    acts: Sequence[Act]
    times: Sequence[Fraction]
    size: tuple[int, int]
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    pixel_format: str = "yuv420p"
    rotation: int = 0
    tones: tuple[int, ...] = ()
    audio_codec: str = "aac"
    extras: bool = False
    metadata: dict[str, str] = field(default_factory=dict)


def steady(seconds: float, rate: int) -> list[Fraction]:
    """Frame times at a constant rate."""
    return [Fraction(index, rate) for index in range(round(seconds * rate))]


def uneven() -> list[Fraction]:
    """Frame times of a phone in bad light: 30 a second, then 15, then nothing for .4 s, then 24."""
    steps = [Fraction(1, 30)] * 20 + [Fraction(1, 15)] * 10 + [Fraction(2, 5)] + [Fraction(1, 24)] * 18
    times = [Fraction(0)]
    for step in steps:
        times.append(times[-1] + step)
    return times


_SMALL = (640, 360)
_PERSONAL = {
    "title": "Lobby, camera 2",
    "comment": "Recorded by a guard",
    "location": _PLACE,
    "creation_time": "2026-01-05T08:30:00Z",
}
_X264 = {"preset": "slow", "crf": "19"}

CLIPS: tuple[Clip, ...] = (
    Clip("lobby.mp4", LOBBY, steady(10, 25), (1280, 720), options=_X264, tones=(440,), metadata=_PERSONAL),
    Clip("rotated.mp4", PORTRAIT, steady(2, 25), _SMALL, options=_X264, rotation=90, tones=(330,)),
    Clip("vfr.mkv", MEETING, uneven(), _SMALL, options=_X264),
    Clip(
        "tenbit.mp4",
        MEETING,
        steady(2, 25),
        _SMALL,
        codec="libx265",
        options={"preset": "medium", "crf": "24", "x265-params": "log-level=error:pools=none"},
        pixel_format="yuv420p10le",
    ),
    Clip(
        "web.webm",
        MEETING,
        steady(2, 25),
        _SMALL,
        codec="libvpx-vp9",
        options={"crf": "32", "b": "0"},
        tones=(550,),
        audio_codec="libopus",
    ),
    Clip("av1.mkv", MEETING, steady(1, 25), _SMALL, codec="libsvtav1", options={"preset": "8", "crf": "35"}),
    Clip(
        "streams.mkv",
        MEETING,
        steady(2, 25),
        _SMALL,
        options=_X264,
        tones=(440, 660),
        extras=True,
        metadata=_PERSONAL,
    ),
)


def write(clip: Clip, folder: Path) -> Path:
    """Draw and encode one clip into ``folder``."""
    path = folder / clip.name
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        container.metadata.update(clip.metadata)
        video = container.add_stream(clip.codec, rate=25, options={"threads": "1", **clip.options})
        assert isinstance(video, av.VideoStream)
        video.width, video.height = clip.size
        video.pix_fmt = clip.pixel_format
        video.codec_context.time_base = video.time_base = Fraction(1, 12_000)
        _tag(video, clip)
        if clip.rotation:
            video.set_display_rotation(-clip.rotation)
        sounds = [_sound(container, clip.audio_codec, tone, clip) for tone in clip.tones]
        subtitles = _extras(container, clip) if clip.extras else None
        container.start_encoding()
        for packets in itertools.chain(_encoded(video, clip), *sounds):
            container.mux(packets)
        if subtitles is not None:
            container.mux(list(_captions(subtitles)))
    return path


def _tag(video: Any, clip: Clip) -> None:
    context = video.codec_context
    high = clip.pixel_format.endswith("10le")  # as phones record it
    context.color_range = _LIMITED
    context.color_primaries = _BT2020 if high else _BT709
    context.color_trc = _HLG if high else _BT709
    context.colorspace = _BT2020_NC if high else _BT709


def _encoded(video: Any, clip: Clip) -> Iterator[Any]:
    for frame in _frames(clip):
        frame.color_range, frame.colorspace = video.codec_context.color_range, video.codec_context.colorspace
        yield video.encode(frame)
    yield video.encode(None)


def _frames(clip: Clip) -> Iterator[av.VideoFrame]:
    high = clip.pixel_format.endswith("10le")
    for index, time in enumerate(clip.times):
        shot = _stored(picture(clip.acts, float(time), index), clip)
        frame = av.VideoFrame.from_ndarray(shot, "bgr24").reformat(
            format=clip.pixel_format, dst_colorspace=_BT2020_NC if high else _BT709, dst_color_range=_LIMITED
        )
        frame.pts, frame.time_base = round(time * 12_000), Fraction(1, 12_000)
        yield frame


def _stored(shot: Picture, clip: Clip) -> Picture:
    """The picture as the file stores it: upright pictures are cropped to the clip's shape, then turned back."""
    width, height = clip.size if clip.rotation % 180 == 0 else clip.size[::-1]
    across = min(round(shot.shape[0] * width / height), shot.shape[1])
    fitted = cv2.resize(shot[:, :across], (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.rot90(fitted, clip.rotation // 90)).astype(np.uint8)


def _sound(container: Any, codec: str, tone: int, clip: Clip) -> Iterable[Any]:
    stream = container.add_stream(codec, rate=_RATE, layout="mono", options={"b": "48000"})
    stream.metadata["title"] = f"Microphone, {tone} Hz"

    def packets() -> Iterator[Any]:
        seconds = float(clip.times[-1]) + 0.04
        wave: NDArray[np.float32] = 0.1 * np.sin(2 * np.pi * tone * np.arange(int(seconds * _RATE)) / _RATE)
        frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = _RATE, 0, Fraction(1, _RATE)
        yield stream.encode(frame)
        yield stream.encode(None)

    return packets()


def _extras(container: Any, clip: Clip) -> Any:
    middle = round(float(clip.times[-1]) * 500)
    container.set_chapters(
        [
            {"id": 1, "start": 0, "end": middle, "time_base": Fraction(1, 1000), "metadata": {"title": "Arrival"}},
            {
                "id": 2,
                "start": middle,
                "end": 2 * middle,
                "time_base": Fraction(1, 1000),
                "metadata": {"title": "Talk"},
            },
        ]
    )
    subtitles = container.add_mux_stream("subrip")
    subtitles.time_base = Fraction(1, 1000)
    container.add_attachment("visitors.txt", "text/plain", b"08:30 E. Collins\n08:31 G. Hopper\n")
    return subtitles


def _captions(stream: Any) -> Iterator[av.Packet]:
    for start, words in ((200, "Good morning, Eileen."), (1200, "Good morning, Grace.")):
        packet = av.Packet(words.encode())
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration = 800
        yield packet


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the sample clips.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--only", help="name of one clip")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for clip in CLIPS:
        if options.only in (None, clip.name):
            path = write(clip, options.folder)
            print(f"{path.name}: {len(clip.times)} frames, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
