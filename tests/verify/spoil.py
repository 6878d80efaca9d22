"""Outputs spoiled on purpose: rendered like good ones, with one thing wrong. Real codecs, real regions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np

from redact.cover import Cover
from redact.cover.shapes import Grid
from redact.frames import PIXEL_FORMATS, Frame, RedactedFrame
from redact.media.sink import open_sink
from redact.media.source import open_source
from redact.policy import Encoding, Policy
from redact.regions import Region, Settled
from redact.regions_file import RegionsReader

Planes = list[np.ndarray]


@dataclass
class Shot:
    """One frame about to be covered. clear: its planes before. cover: covers it as ``policy`` says."""

    settled: Settled
    clear: Planes
    policy: Policy
    cover: Callable[[Settled], RedactedFrame]

    @property
    def frame(self) -> Frame:
        return self.settled.frame

    def done(self) -> RedactedFrame:
        return self.cover(self.settled)

    def mask_of(self, region: Region) -> np.ndarray:
        """The pixels that cover a region."""
        frame = self.frame
        grid = Grid(frame.width, frame.height, *PIXEL_FORMATS[frame.pixel_format].block)
        area = grid.area_of(region, self.policy)
        mask = np.zeros((grid.rows, grid.columns), bool)
        if area is not None:
            mask[area.top : area.bottom, area.left : area.right] = True if area.mask is None else area.mask
        return mask.repeat(grid.block_y, 0).repeat(grid.block_x, 1)[: frame.height, : frame.width]

    def restore(self, track: int | None, part: Callable[[np.ndarray], np.ndarray], planes: Iterable[int]) -> None:
        """Put the input's samples back where ``part`` of a track's mask is True."""
        for region in self.settled.regions:
            if track is not None and region.track != track:
                continue
            for index in planes:
                plane = self.frame.planes()[index]
                mask = self.mask_of(region)[:: 1 << plane.sub_y, :: 1 << plane.sub_x]
                np.copyto(plane.samples, self.clear[index], where=part(mask))


Change = Callable[[Shot], Iterable[RedactedFrame]]


def render(source: Path, regions: Path, target: Path, change: Change | None = None, **encoding) -> Path:
    """Cover ``source`` as the regions say; ``change`` may do it otherwise, frame by frame."""
    with RegionsReader(regions) as reader:
        header = reader.header
        policy = header.covering(Policy())
        cover = Cover(policy)
        with (
            open_source(source, start=header.start, end=header.end) as frames,
            open_sink(target, frames.info, Encoding(**encoding), source=frames, overwrite=True) as sink,
        ):
            for record, frame in zip(reader, frames, strict=True):
                frame.own()
                clear = [plane.samples.copy() for plane in frame.planes()]
                shot = Shot(Settled(frame, record.regions, record.whole), clear, policy, cover)
                for redacted in (shot.done(),) if change is None else change(shot):
                    sink.write(redacted)
            sink.commit()
    return target


def one_frame_clear(index: int) -> Change:
    return lambda shot: [RedactedFrame(shot.frame) if shot.frame.index == index else shot.done()]


def shifted(track: int, by: float) -> Change:
    def moved(region: Region) -> Region:
        x1, y1, x2, y2 = region.box
        step = by * (x2 - x1)
        return replace(region, box=(x1 + step, y1, x2 + step, y2)) if region.track == track else region

    def change(shot: Shot) -> list[RedactedFrame]:
        return [shot.cover(replace(shot.settled, regions=tuple(map(moved, shot.settled.regions))))]

    return change


def late(track: int, first: int, frames: int) -> Change:
    """The track is covered from its ``frames``-th frame on."""

    def change(shot: Shot) -> list[RedactedFrame]:
        kept = [item for item in shot.settled.regions if item.track != track or shot.frame.index >= first + frames]
        return [shot.cover(replace(shot.settled, regions=tuple(kept)))]

    return change


def weak_blur(track: int, strength: float) -> Change:
    """A gaussian of ``strength`` times the face's side, instead of the cover."""

    def change(shot: Shot) -> list[RedactedFrame]:
        others = tuple(item for item in shot.settled.regions if item.track != track)
        done = shot.cover(replace(shot.settled, regions=others))
        for region in shot.settled.regions:
            if region.track == track:
                for plane, clear in zip(shot.frame.planes(), shot.clear, strict=True):
                    mask = shot.mask_of(region)[:: 1 << plane.sub_y, :: 1 << plane.sub_x]
                    sigma = strength * (region.box[2] - region.box[0]) / (1 << plane.sub_x)
                    np.copyto(plane.samples, cv2.GaussianBlur(clear, (0, 0), sigma), where=mask)
        return [done]

    return change


def part_clear(
    track: int | None, part: Callable[[np.ndarray], np.ndarray], planes: tuple[int, ...] = (0, 1, 2)
) -> Change:
    """A part of a track, or of all, is as it was."""

    def change(shot: Shot) -> list[RedactedFrame]:
        done = shot.done()
        shot.restore(track, part, planes)
        return [done]

    return change


def left_half(mask: np.ndarray) -> np.ndarray:
    columns = np.flatnonzero(mask.any(0))
    half = np.zeros_like(mask)
    if len(columns):
        half[:, columns[0] : columns[len(columns) // 2]] = True
    return half & mask


def last_row(mask: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(mask.any(1))
    row = np.zeros_like(mask)
    if len(rows):
        row[rows[-1]] = mask[rows[-1]]
    return row


def whole(mask: np.ndarray) -> np.ndarray:
    return mask


def repeated(index: int) -> Change:
    """Frame ``index`` shows what the one before it showed."""
    last: list[np.ndarray] = []

    def change(shot: Shot) -> list[RedactedFrame]:
        done = shot.done()
        if shot.frame.index == index:
            for plane, samples in zip(shot.frame.planes(), last, strict=True):
                plane.samples[...] = samples
        last[:] = [plane.samples.copy() for plane in shot.frame.planes()]
        return [done]

    return change


def missing(index: int) -> Change:
    return lambda shot: [] if shot.frame.index == index else [shot.done()]


def lasting(source: Path, target: Path, seconds: float) -> Path:
    """The same pictures, the last of them shown for so long."""
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        video = after.add_stream_from_template(before.streams.video[0])
        packets = [packet for packet in before.demux(video=0) if packet.dts is not None]
        last = max(packets, key=lambda packet: packet.pts)
        last.duration = round(seconds / last.time_base)
        for packet in packets:
            packet.stream = video
            after.mux(packet)
    return target


def remuxed(source: Path, target: Path, *, tags: dict[str, str] | None = None, extra: Path | None = None,
            kind: str = "subtitle") -> Path:  # fmt: skip
    """The same pictures with tags, or with another file's streams of a kind."""
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        other = av.open(str(extra)) if extra is not None else None
        video = after.add_stream_from_template(before.streams.video[0])
        after.metadata.update(tags or {})
        added = (
            after.add_stream_from_template(getattr(other.streams, f"{kind}s" if kind == "subtitle" else kind)[0])
            if other
            else None
        )
        for packet in before.demux(before.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                after.mux(packet)
        if other is not None:
            for packet in other.demux(getattr(other.streams, f"{kind}s" if kind == "subtitle" else kind)[0]):
                if packet.dts is not None:
                    packet.stream = added
                    after.mux(packet)
            other.close()
    return target
