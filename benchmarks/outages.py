"""What goes wrong around a camera: how soon that is on the board, how soon all is well again, and what came out.

Cameras are GStreamer's RTSP server playing beacons that a scripted detector finds; everything that was recorded and
published meanwhile is decoded, and a beacon in any picture is one that was not covered. The worst of
several turns counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redact.live.board import CameraBoard
from tests.live.bad_wire import THERE, bad_wire
from tests.live.rtsp import SERVER, SYSTEM_PYTHON, RtspServer
from tests.live.services import Watched, camera, leaks, videos
from tests.live.sidecars import beacons_clip

TARGETS = {"told": 2.0, "back": 5.0, "clear": 0}
TURNS = 3
PATIENCE = 90.0  # seconds after which a turn has failed
_CALM = 2.0  # seconds of well-being between two turns

Seen = Callable[[CameraBoard], Any]


@dataclass(frozen=True, slots=True)
class Outage:
    """One cause. begin, end: bring it about and take it away; end may be None, where it ends by itself.

    told: what the board then says, or None where the cause is not to be noticed. back: what it says when all is
    well. lasts: seconds between the two, besides the time until it is told.
    """

    name: str
    begin: Callable[[], Any]
    end: Callable[[], Any] | None
    told: Seen | None
    back: Seen
    lasts: float = 1.0


def measure(quick: bool) -> dict[str, Any]:
    """All figures of this benchmark."""
    turns = 1 if quick else TURNS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["REDACT_TEST_MODE"] = str(folder / "mode")
        clip = beacons_clip(folder / "beacons.mp4")
        rows = [*_near(folder, clip, turns)]
        if not quick:
            rows += [*_far(folder, clip)]
    return {"targets": TARGETS, "turns": turns, "rows": rows}


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "| cause | on the board after | all well after its end | pictures that came out | of them clear |",
        "|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        told = "-" if row["told"] is None else f"{row['told']:.1f} s"
        lines.append(f"| {row['name']} | {told} | {row['back']:.1f} s | {row['pictures']} | {row['clear']} |")
    return "\n".join(lines)


def lost(seen: CameraBoard) -> bool:
    """A slate goes out."""
    return seen.status is not None and seen.status.state == "lost"


def covered(seen: CameraBoard) -> bool:
    """Frames go out covered whole."""
    return seen.status is not None and seen.status.state == "covered"


def well(seen: CameraBoard) -> bool:
    """Covered pictures go out to every output."""
    return seen.well


def _near(folder: Path, clip: Path, turns: int) -> Iterator[dict[str, Any]]:
    """Causes on this machine."""
    other = beacons_clip(folder / "other.mp4", 8, size=(480, 272))
    hevc = beacons_clip(folder / "hevc.mp4", 8, codec="libx265")
    published = folder / "published"
    published.mkdir()
    with _disk(folder / "disk") as disk, contextlib.ExitStack() as stack:
        source = RtspServer("camera", clip, "digest", "user", "pass", "/yard")
        recorder = RtspServer("recorder", published, "digest", "user", "pass", "/yard")
        stack.callback(source.close)
        stack.callback(recorder.close)
        yard = camera(
            source.url,
            publish=(recorder.url,),
            record={"path": str(disk), "segment": 2.0, "keep_size": 1_000_000},
            hls={"path": str(folder / "hls")},
        )
        run = stack.enter_context(Watched(folder, {"yard": yard}))
        run.until(well, 60)

        def output(index: int) -> Seen:
            return lambda seen: bool(seen.status.outputs[index].fault)

        def size(width: int) -> Seen:
            return lambda seen: seen.well and seen.status.width == width

        def mode(word: str) -> Callable[[], None]:
            return lambda: run.mode(word)

        def restarted(seen: CameraBoard, since: list[int] = [0]) -> bool:  # noqa: B006 - counts from turn to turn
            if seen.restarts > since[0]:
                since[0] = seen.restarts
                return True
            return False

        ballast = disk / "ballast"
        outages = [
            Outage("the camera reboots", source.kill, source.boot, lost, well, 3.0),
            Outage(
                "it stays connected and sends nothing", _tell(source, "freeze"), _tell(source, "thaw"), lost, well
            ),
            Outage("its clock jumps an hour on", _tell(source, "jump 3600"), None, None, well, 2.0),
            Outage("its clock jumps an hour back", _tell(source, "jump -3600"), None, None, well, 2.0),
            Outage("another resolution", _tell(source, f"switch {other}"), None, None, size(480), 0.0),
            Outage("another codec", _tell(source, f"switch {hevc}"), None, None, size(320), 0.0),
            Outage("the recorder is gone", recorder.kill, recorder.boot, output(0), well, 3.0),
            Outage("the disk is full", lambda: _fill(ballast), ballast.unlink, output(1), well, 2.0),
            Outage("the detector fails", mode("raise"), mode("fine"), covered, well, 2.0),
            Outage("the detector talks nonsense", mode("garbage"), mode("fine"), covered, well, 2.0),
            Outage("the detector hangs", mode("hang"), mode("fine"), covered, well, 1.0),
            Outage("the worker is killed in a look", mode("die"), mode("fine"), restarted, well, 0.0),
        ]
        found = []
        for outage in outages:
            count = 1 if "another" in outage.name else turns
            found.append(_worst(outage, run, count))
        run.mode("fine")
    pictures = [leaks(path) for place in (folder, disk) for path in videos(place) if path.parent != folder]
    total, clear = sum(count for count, _ in pictures), sum(count for _, count in pictures)
    for row in found:
        yield {**row, "pictures": total, "clear": clear}


def _far(folder: Path, clip: Path) -> Iterator[dict[str, Any]]:
    """Causes on the way to a camera."""
    for cut in (1, 10, 60):
        place = folder / f"cut{cut}"
        with _camera_there(clip) as (wire, address):
            yard = camera(address, record={"path": str(place), "segment": 2.0})
            with Watched(folder, {"yard": yard}) as run:
                run.until(well, 60)
                outage = Outage(
                    f"the cable is cut for {cut} s", wire.cut, wire.mend, lost if cut > 2 else None, well, cut
                )
                row = _once(outage, run)
        yield {"name": outage.name, **row, **_out(place)}
    for transport in ("tcp", "udp"):
        place = folder / transport
        with _camera_there(clip) as (wire, address):
            yard = camera(address, record={"path": str(place), "segment": 2.0}, transport=transport)
            with Watched(folder, {"yard": yard}) as run:
                run.until(well, 60)

                def lose(wire: Any = wire) -> None:
                    wire.loss = 0.3

                outage = Outage(f"30 % of packets are lost, {transport}", lose, wire.mend, None, well, 20.0)
                row = _once(outage, run)
        yield {"name": outage.name, **row, **_out(place)}


def _worst(outage: Outage, run: Watched, turns: int) -> dict[str, Any]:
    rows = [_once(outage, run) for _ in range(turns)]
    told = [row["told"] for row in rows if row["told"] is not None]
    return {"name": outage.name, "told": max(told, default=None), "back": max(row["back"] for row in rows)}


def _once(outage: Outage, run: Watched) -> dict[str, Any]:
    time.sleep(_CALM)
    began = time.monotonic()
    outage.begin()
    told = None
    if outage.told is not None:
        run.until(outage.told, PATIENCE)
        told = round(time.monotonic() - began, 2)
    time.sleep(
        max(0.0, outage.lasts - (0.0 if outage.told is None or outage.lasts < 5 else time.monotonic() - began))
    )
    ended = time.monotonic()
    if outage.end is not None:
        outage.end()
    before = run.camera().status
    shown = 0 if before is None else before.frames_out

    def back(seen: CameraBoard) -> bool:
        return bool(outage.back(seen)) and seen.status is not None and seen.status.frames_out > shown

    run.until(back, PATIENCE)
    return {"told": told, "back": round(time.monotonic() - ended, 2)}


def _out(place: Path) -> dict[str, int]:
    counted = [leaks(path) for path in videos(place)]
    return {"pictures": sum(total for total, _ in counted), "clear": sum(clear for _, clear in counted)}


def _tell(server: RtspServer, command: str) -> Callable[[], Any]:
    return lambda: server.tell(command)


def _fill(ballast: Path) -> None:
    """Write until nothing fits any more."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))


@contextlib.contextmanager
def _disk(place: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@contextlib.contextmanager
def _camera_there(clip: Path) -> Iterator[tuple[Any, str]]:
    """(the wire, the address of a camera at its far end)."""
    with bad_wire() as wire:
        command = ["ip", "netns", "exec", wire.space, SYSTEM_PYTHON, str(SERVER), "camera", str(clip)]
        server = subprocess.Popen(
            [*command, "--address", THERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            assert server.stdout is not None
            port = json.loads(server.stdout.readline())["port"]
            yield wire, f"rtsp://{THERE}:{port}/yard"
        finally:
            server.kill()
            server.communicate()
