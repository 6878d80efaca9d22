"""Sound that goes along: copied where the output container carries its codec, re-encoded where not."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from redact.media.clock import RESTART
from redact.media.source import Source
from redact.media.streams import open_input

log = logging.getLogger(__name__)

_PCM = ("pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_f32le", "pcm_f32be")
_CARRIES = {
    "mp4": ("aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"),
    "mov": ("aac", "mp3", "ac3", "eac3", "alac", *_PCM),
    "webm": ("opus", "vorbis"),
    "avi": ("mp3", "mp2", "ac3", "pcm_s16le"),
    "mpegts": ("aac", "mp2", "mp3", "ac3", "eac3"),
    "flv": ("aac", "mp3"),
}
"""Containers and the sound that players accept in them; those that are not here are asked."""
_ENCODERS = {"mp4": "aac", "mov": "aac", "matroska": "libopus", "webm": "libopus", "nut": "libopus"}
_OVERLAP = Fraction(1, 1000)  # seconds that rounded times may run into each other
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
_BITS_PER_CHANNEL = 96_000  # generous, as a voice must not suffer from having been kept


class Sound:
    """The kept audio streams of a source, read from its file a second time, in step with the video.

    Must be made before the output's header is written. ``until`` then hands over everything up to a time.
    """

    def __init__(self, source: Source, output: OutputContainer) -> None:
        self._output = output
        self._span = source.span
        self._input = open_input(source.path)
        self._tracks: dict[int, _Copy | _Encode] = {}
        for stream in self._input.streams:
            if stream.index in source.audio_streams and isinstance(stream, AudioStream):
                self._tracks[stream.index] = _track(stream, output)
            else:
                stream.discard = av.stream.Discard.all
        # only MP4's edit lists can hold what begins before the video; others would move the video instead
        self._cut = self._span.cut or output.format.name not in ("mp4", "mov")
        if self._span.cut and self._span.shift > 1:
            self._input.seek(int((self._span.shift - 1) * av.time_base))
        self._packets = self._read()
        self._waiting: tuple[Fraction, Packet[AudioStream]] | None = None

    def until(self, time: Fraction | None) -> None:
        """Write what begins before ``time``, seconds of the output; None for all that is left."""
        while self._waiting is None or time is None or self._waiting[0] < time:
            if self._waiting is not None:
                begin, packet = self._waiting
                packet.pts = packet.dts = round(begin / packet.time_base)
                self._output.mux(self._tracks[packet.stream_index].feed(packet))
            self._waiting = next(self._packets, None)
            if self._waiting is None:
                break

    def finish(self) -> None:
        """Write the rest, and what encoders hold back."""
        self.until(None)
        for track in self._tracks.values():
            self._output.mux(track.finish())

    def close(self) -> None:
        """Close the second reader."""
        self._input.close()

    def _read(self) -> Iterator[tuple[Fraction, Packet[AudioStream]]]:
        """(output time in seconds, packet) of every packet within the span; times of each stream increase."""
        shifts = dict.fromkeys(self._tracks, self._span.shift)
        ends: dict[int, Fraction] = {}
        streams = tuple(stream for stream in self._input.streams.audio if stream.index in self._tracks)
        try:
            for packet in self._input.demux(streams):
                stamp = packet.pts if packet.pts is not None else packet.dts
                if stamp is None or not packet.size:
                    continue
                index, time = packet.stream_index, stamp * packet.time_base
                if index not in shifts:
                    continue
                time -= shifts[index]
                last = ends.get(index, time)
                if last - time > RESTART:  # the recorder started anew, as Clock says
                    shifts[index] -= last - time
                    time = last
                if self._span.end is not None and time >= self._span.end:
                    del shifts[index]
                    if not shifts:
                        return
                elif time >= last - _OVERLAP and (time >= 0 or not self._cut):
                    ends[index] = time + (packet.duration or 0) * packet.time_base
                    yield time, packet
        except av.error.FFmpegError as error:
            log.warning("sound ends early: %s", error)


class _Copy:
    def __init__(self, stream: AudioStream) -> None:
        self._stream = stream

    def feed(self, packet: Packet[AudioStream]) -> list[Packet[AudioStream]]:
        packet.stream = self._stream
        return [packet]

    def finish(self) -> list[Packet[AudioStream]]:
        return []


class _Encode:
    def __init__(self, source: AudioStream, target: AudioStream) -> None:
        self._source = source
        self._target = target
        self._resampler: AudioResampler | None = None

    def feed(self, packet: Packet[AudioStream]) -> list[Packet[AudioStream]]:
        try:
            frames = self._source.codec_context.decode(packet)
        except av.error.FFmpegError as error:
            log.debug("sound packet lost: %s", error)
            return []
        encoded = []
        for frame in frames:
            encoded += self._encode(frame)
        return encoded

    def finish(self) -> list[Packet[AudioStream]]:
        encoded = self._encode(None) if self._resampler else []
        return encoded + list(self._target.encode(None))

    def _encode(self, frame: AudioFrame | None) -> list[Packet[AudioStream]]:
        if self._resampler is None:
            context = self._target.codec_context
            self._resampler = AudioResampler(
                context.format, context.layout, context.sample_rate, context.frame_size or 1024
            )
        return [packet for part in self._resampler.resample(frame) for packet in self._target.encode(part)]


def _track(stream: AudioStream, output: OutputContainer) -> _Copy | _Encode:
    codec = stream.codec_context.codec.canonical_name
    if codec in _CARRIES.get(output.format.name, (codec,)):
        with contextlib.suppress(ValueError):  # the container does not carry this codec after all
            return _Copy(output.add_stream_from_template(stream, opaque=True))
    name = _ENCODERS.get(output.format.name, "aac")
    rate = 48_000 if name == "libopus" else min(stream.rate, 48_000)
    target = output.add_stream(name, rate=rate)
    assert isinstance(target, AudioStream)
    target.codec_context.layout = _LAYOUTS.get(stream.channels, "stereo")
    target.codec_context.bit_rate = _BITS_PER_CHANNEL * target.codec_context.channels
    target.codec_context.open()
    return _Encode(stream, target)
