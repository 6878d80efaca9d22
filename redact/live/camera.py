"""One camera, from its frames to its outputs: looked at, settled by deadline, covered, encoded once, handed on.

A frame goes out ``lookahead`` after it came, plus the work. Whatever is not known of it by then is not waited for:
then it goes out covered whole, and says why.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from redact.cover import Cover
from redact.detections import Detector
from redact.errors import DetectorError
from redact.frames import Frame, RedactedFrame, VideoInfo
from redact.live.config import Camera
from redact.live.doubt import BEHIND, STARTING, Doubt
from redact.live.feed import Feed, Opener, size_of
from redact.live.lookout import HUNG, SILENT, Lookout, Seen, blanked
from redact.live.outputs import Outputs, named
from redact.live.preview import preview
from redact.live.secrets import mask
from redact.live.slate import Slates
from redact.live.status import SCHEDULED, Preview, State, Status
from redact.live.stream_time import StreamTime
from redact.looking import DAMAGED
from redact.media.live_encoder import LiveEncoder
from redact.media.packets import TIME_BASE
from redact.regions import Settled
from redact.timeline import Timeline

log = logging.getLogger(__name__)

TOLD_EVERY = 0.5  # seconds between two statuses
PREVIEW_EVERY = 1.0  # seconds
SLATE_EVERY = 0.5  # seconds: keeps players and recorders connected for next to nothing
LOADING = 3.0  # seconds that reading waits for a detector to be loaded, which takes half of one here
LOST = 1.5  # seconds without a frame after which a slate goes out; slow cameras get three of their frames' time
_STEADY = 0.5  # seconds without a clear frame after which a camera is called covered
_OVERFLOW = "more frames than memory allows wait for their lookahead"
_ENDED = "the file has ended"
_COUNTED = {STARTING, BEHIND, SILENT, DAMAGED, SCHEDULED, _OVERFLOW}
FAILED = "detection failed"
"""What frames are counted under that are covered for any other reason: what an error says may be new every time."""
_LOOKAHEAD_BYTES = 160 << 20  # of frames that wait for their lookahead: two seconds at 1080p and 25 a second
_TICK = 0.1  # seconds
_CLOSING = 4.0  # seconds that sinks have to write what waits and close
_UNKNOWN = VideoInfo(1280, 720, "yuv420p", TIME_BASE)  # of a camera that has never been reached


@dataclass(slots=True, eq=False)
class _Stream:
    """What belongs to one connection with one detector: boxes and times of another mean nothing here."""

    key: tuple[int, VideoInfo, Mapping[str, float]]
    timeline: Timeline
    doubt: Doubt
    cover: Cover


class Sidecar:
    """Runs one camera. open: reaches it. load: gives the detector. tell: takes what is to be told of it."""

    def __init__(
        self,
        camera: Camera,
        outputs: Outputs,
        tell: Callable[[Status | Preview], None],
        *,
        open: Opener,
        load: Callable[[], Detector],
        file: bool = False,
    ) -> None:
        self._camera = camera
        self._outputs = outputs
        self._tell = tell
        self._began = time.monotonic()
        self._feed = Feed(open, StreamTime(self._began), camera.policy.lookahead, file=file, loop=camera.loop)
        self._lookout = Lookout(self._feed, load, camera.policy)
        self._stream: _Stream | None = None
        self._encoder: LiveEncoder | None = None
        self._slates: Slates | None = None
        self._info: VideoInfo | None = None
        self._taken: dict[int, tuple[float, float]] = {}
        self._blank: Frame | None = None
        self._whole: Counter[str] = Counter()
        self._out = self._shown_slates = 0
        self._seconds = {"cover": 0.0, "encode": 0.0}
        self._newest: float | None = None  # when the newest frame that went out arrived, epoch
        self._clear = float("-inf")  # when the last frame that was not covered whole went out
        self._astray = 0.0
        self._reason = STARTING
        self._stopped = ""
        self._lost = ""
        self._fault = ""
        self._fault_at: float | None = None
        self._faults: dict[str, str] = {}
        self._source_faults = 0
        self._told_at = self._previewed = self._slated = float("-inf")
        self._told_state = ("", "")
        self._arrivals: deque[tuple[float, int]] = deque(maxlen=7)

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set or a file without a loop has ended. Raises DetectorError where one hangs for good."""
        self._lookout.start()
        try:
            while not stop.is_set() and not self._lookout.finished:
                self._begin_to_read()
                for seen in self._lookout.take(_TICK):
                    self._take(seen)
                self._tick()
            for seen in self._lookout.take(0):
                self._take(seen)
            self._flush()
        finally:
            self._feed.close()
            self._lookout.close()
            self._outputs.close(_CLOSING)
            self._tell(replace(self._status(), state="stopped", reason=_ENDED if self._feed.ended else "stopped"))

    def _begin_to_read(self) -> None:
        """Read once there is a detector, so that nothing is covered whole for want of one; but wait for none."""
        waited = time.monotonic() - self._began
        if self._feed.started is None and (self._lookout.failure != STARTING or waited > LOADING):
            self._feed.start()

    def _take(self, seen: Seen) -> None:
        """The next frame: remember what is known of it, and send on those that are settled by it."""
        stream = self._stream_of(seen)
        frame, whole = seen.frame, seen.whole
        if seen.failed:
            stream.doubt.failed(frame.time, seen.failed)
            if self._camera.on_detector_error == "stop" and seen.failed != STARTING:
                self._stopped = self._stopped or f"stopped, because detection failed: {seen.failed}"
        elif seen.detections is not None:
            stream.doubt.looked(frame.time)
        if stream.timeline.waiting * size_of(frame) > _LOOKAHEAD_BYTES:
            frame, whole = self._emptied(frame), _OVERFLOW
        self._taken[frame.index] = seen.arrived.taken, seen.arrived.at
        torn = seen.arrived.torn
        for settled in stream.timeline.push(frame, seen.detections, cut=seen.cut, torn=torn, whole=whole):
            self._send(settled, stream)

    def _emptied(self, frame: Frame) -> Frame:
        """The frame without its picture: all such share one, or nothing would be gained."""
        if self._blank is None or not _same_shape(self._blank, frame):
            self._blank = blanked(frame)
        return replace(frame, picture=self._blank.picture, damaged=False)

    def _stream_of(self, seen: Seen) -> _Stream:
        key = (seen.arrived.connection, seen.arrived.info, seen.starts)
        if self._stream is None or self._stream.key != key:
            self._flush()
            if self._stream is None or self._lost:
                info = key[1]
                log.info("reached: %s %dx%d", info.codec, info.width, info.height)
            policy = self._camera.policy
            self._stream = _Stream(
                key, Timeline(policy, seen.starts), Doubt(policy.lookahead, policy.hold), Cover(policy)
            )
            self._shape(seen.arrived.info)
        return self._stream

    def _shape(self, info: VideoInfo) -> None:
        """Encode pictures of this shape from now on; sinks are opened anew where it is another than before."""
        if self._info is not None and _alike(self._info, info):
            return
        self._info = info
        if self._encoder is not None:
            self._encoder.close()
        self._encoder = LiveEncoder(info, crf=self._camera.crf, preset=self._camera.preset)
        self._slates = Slates(info)
        self._outputs.begin(self._encoder.stream)

    def _flush(self) -> None:
        """Send every frame that waits for its lookahead: nothing that bears on it will come."""
        if self._stream is not None:
            for settled in self._stream.timeline.flush():
                self._send(settled, self._stream)

    def _drain(self) -> None:
        """The same while frames stay away: whoever was seen before is still held when they come again."""
        if self._stream is not None:
            for settled in self._stream.timeline.drain():
                self._send(settled, self._stream)

    def _send(self, settled: Settled, stream: _Stream) -> None:
        """Cover a settled frame and hand it to the outputs."""
        frame = settled.frame
        taken, at = self._taken.pop(frame.index)
        doubt = stream.doubt.about(frame.time)  # asked of every frame: what it remembers goes with the asking
        whole = settled.whole or doubt or (SCHEDULED if self._everything(taken) else "")
        if self._blank is not None and frame.picture is self._blank.picture:
            settled = replace(settled, frame=blanked(frame))
        if self._stopped:
            return
        spent = time.thread_time()
        redacted = stream.cover(replace(settled, whole=whole))
        self._seconds["cover"] += time.thread_time() - spent
        self._encode(redacted, taken)
        self._out += 1
        self._newest = taken
        now = time.monotonic()
        self._astray = self._began + frame.time - at
        if whole:
            self._whole[whole if whole in _COUNTED else FAILED] += 1
        else:
            self._clear = now
        self._reason = whole
        if now - self._previewed >= PREVIEW_EVERY:
            self._previewed = now
            self._tell(preview(redacted, taken))

    def _encode(self, redacted: RedactedFrame, taken: float) -> None:
        assert self._encoder is not None
        if self._outputs.hungry:
            self._encoder.want_key_frame()
        spent = time.thread_time()
        packets = self._encoder.encode(redacted, taken)
        self._seconds["encode"] += time.thread_time() - spent
        self._outputs.put(packets)

    def _everything(self, taken: float) -> bool:
        """Whether the schedule covered everything when the frame came, or does now."""
        schedule = self._camera.schedule
        return schedule is not None and any(
            schedule.everything(datetime.fromtimestamp(moment, UTC)) for moment in (taken, time.time())
        )

    def _tick(self) -> None:
        now = time.monotonic()
        if self._lookout.stuck > HUNG and not self._stopped:
            raise DetectorError(f"the detector has not answered for {HUNG:g} s", hint="it is started anew")
        self._lost = self._why_lost(now)
        if self._lost or self._stopped:
            if self._lost:
                self._drain()
            self._slate(now)
        state = self._state()
        if now - self._told_at >= TOLD_EVERY or state != self._told_state:
            self._told_at, self._told_state = now, state
            self._tell(self._status())

    def _why_lost(self, now: float) -> str:
        """Why there are no frames, or empty while they come."""
        last = self._feed.started if self._feed.arrived is None else self._feed.arrived
        gone = now - (last or now)
        if gone < max(LOST, 3 * self._feed.period) or self._feed.ended:
            return ""
        return self._feed.fault or ("no frame yet" if self._feed.arrived is None else "no frame comes in time")

    def _slate(self, now: float) -> None:
        """Say in the picture why there is none."""
        if now - self._slated < SLATE_EVERY:
            return
        self._slated = now
        if self._info is None:
            self._shape(_UNKNOWN)
        assert self._slates is not None
        words = f"no picture: {self._stopped or self._lost}"
        pts = round((now - self._began) / TIME_BASE)
        redacted = self._slates(mask(words), 0, pts, TIME_BASE)
        taken = time.time()
        self._encode(redacted, taken)
        self._shown_slates += 1
        if now - self._previewed >= PREVIEW_EVERY:
            self._previewed = now
            self._tell(preview(redacted, taken))

    def _state(self) -> tuple[State, str]:
        if self._stopped:
            return "stopped", self._stopped
        if self._lost:
            return "lost", self._lost
        if not self._out:
            return "starting", "waiting for the first frame"
        if self._reason and time.monotonic() - self._clear > _STEADY:
            return "covered", self._reason
        return "live", ""

    def _status(self) -> Status:
        state, reason = self._state()
        now = time.monotonic()
        self._note_faults()
        self._arrivals.append((now, self._feed.frames))
        (first, before), (last, after) = self._arrivals[0], self._arrivals[-1]
        info = self._stream.key[1] if self._stream is not None else None
        return Status(
            state=state,
            reason=mask(reason),
            width=info.width if info else 0,
            height=info.height if info else 0,
            frames_in=self._feed.frames,
            frames_out=self._out,
            dropped=self._feed.dropped,
            slates=self._shown_slates,
            whole=dict(self._whole),
            detections=dict(self._lookout.detections),
            seconds={"decode": self._feed.seconds, "detect": self._lookout.seconds, **self._seconds},
            age=None if self._newest is None else max(0.0, time.time() - self._newest),
            rate=(after - before) / (last - first) if last > first else 0.0,
            level=self._lookout.level,
            looks=self._lookout.looks,
            unread=0.0 if self._feed.ended else now - self._feed.sign,
            stored=self._outputs.stored,
            connects=self._feed.connects,
            astray=self._astray,
            fault=self._fault,
            fault_at=self._fault_at,
            outputs=self._outputs.status,
        )

    def _note_faults(self) -> None:
        """Keep the newest fault of source, detector and outputs."""
        current = {output.name: output.fault and named(output.name, output.fault) for output in self._outputs.status}
        current["detector"] = "" if self._lookout.failure == STARTING else self._lookout.failure
        for where, fault in current.items():
            if fault and fault != self._faults.get(where):
                self._note_fault(fault)
            self._faults[where] = fault
        fault, count = self._feed.failed
        if count != self._source_faults:
            self._source_faults = count
            self._note_fault(fault)
            log.warning("%s", fault)

    def _note_fault(self, fault: str) -> None:
        self._fault, self._fault_at = mask(fault), time.time()


def _same_shape(one: Frame, other: Frame) -> bool:
    return (one.width, one.height, one.pixel_format) == (other.width, other.height, other.pixel_format)


def _alike(one: VideoInfo, other: VideoInfo) -> bool:
    """Whether one encoder does for both."""
    return replace(one, frame_rate=None, codec="") == replace(other, frame_rate=None, codec="")
