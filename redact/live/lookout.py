"""Looking at a camera's frames in a thread that may hang: frames go on without it, to be covered whole.

Frames come out in the order in which they came, each once: looked at, passed by, or given up on. A frame that was
given up on comes out as a blank one, since the look that hangs may still be reading the picture.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from redact.detect.tiles import Search
from redact.detections import Detections, Detector
from redact.frames import Frame, VideoInfo
from redact.live.backoff import Backoff
from redact.live.doubt import STARTING
from redact.live.feed import Arrived, Feed
from redact.live.keeping_up import KeepingUp
from redact.live.secrets import mask
from redact.live.slate import blank
from redact.looking import Looked, Looking
from redact.policy import Policy, settings

log = logging.getLogger(__name__)

LATE = 0.6  # seconds of one look after which frames go on without it; with the lookahead a second of age
HUNG = 5.0  # seconds of one look after which it is not expected to end
STALL = 1.2  # seconds without a frame after which those that wait for the next one go on; cameras hiccup for one
_BEHIND = 4  # frames that are looked at ahead of who takes them
_NEVER = float("inf")
_TICK = 0.1  # seconds between looks at whether to go on
_LARGEST = int(settings(Policy)["min_face"][0].high or 0)  # the largest smallest face that can be asked for
SILENT = "the detector did not answer in time"


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A frame and what is known of it.

    frame: the arrived one, or a blank one in its place. detections: None where nobody looked, or a look failed.
    failed: why a look that was due failed. whole: why the frame is to be covered whole whatever else is known.
    starts: of the detector, see ``Search``; empty while there is none.
    """

    arrived: Arrived
    frame: Frame
    starts: Mapping[str, float]
    detections: Detections | None = None
    cut: bool = False
    failed: str = ""
    whole: str = ""


class Lookout:
    """Takes frames from ``feed`` and looks. load: gives the detector; may raise. Any thread may read the attributes.

    failure: why frames are not looked at now, secrets masked, or empty. finished: nothing will come any more.
    detections: that may start a track, by kind. looks: completed. seconds: spent on them, on the clock.
    """

    def __init__(self, feed: Feed, load: Callable[[], Detector], policy: Policy) -> None:
        self._feed = feed
        self._load = load
        self._policy = policy
        self._detector: Detector | None = None
        self._inside: deque[Arrived] = deque()
        self._out: deque[Seen] = deque()
        self._condition = threading.Condition()
        self._stop = threading.Event()
        self._busy: float | None = None
        self._lag = 0.0
        self._failures: dict[int, str] = {}
        self._keeping = KeepingUp(policy.lookahead)
        self._looking: Looking | None = None
        self._shape: tuple[int, VideoInfo] | None = None
        self._searches: dict[float, Search] = {}
        self._starts: Mapping[str, float] = {}
        self._thread = threading.Thread(target=self._work, name="redact-look", daemon=True)
        self.failure = STARTING
        self.finished = False
        self.detections: Counter[str] = Counter()
        self.looks = 0
        self.seconds = 0.0

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self, patience: float = 1.0) -> None:
        """Stop looking; the thread is left behind if it does not end in ``patience`` seconds."""
        self._stop.set()
        with self._condition:
            self._condition.notify_all()
        self._thread.join(patience)

    @property
    def level(self) -> int:
        """How many steps detection was cut back."""
        return self._keeping.level

    @property
    def stuck(self) -> float:
        """Seconds that the present look has taken, where that is too long; else 0."""
        since = self._busy
        taken = 0.0 if since is None else time.monotonic() - since
        return taken if taken > LATE else 0.0

    def take(self, timeout: float) -> list[Seen]:
        """What is known of the next frames, oldest first; empty if there are none within ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        with self._condition:
            while not self._out:
                if self.stuck or self._detector is None:
                    given_up = self._given_up()
                    if given_up:
                        return given_up
                left = deadline - time.monotonic()
                if left <= 0 or self.finished:
                    return []
                self._condition.wait(min(left, _TICK))
            seen = list(self._out)
            self._out.clear()
            self._condition.notify_all()
            return seen

    def _given_up(self) -> list[Seen]:
        """Everything that waits for a look that takes too long, or for a detector."""
        reason = SILENT if self._detector is not None else self.failure
        self.failure = reason
        waiting = [*self._inside, *self._feed.take_all()]
        self._inside.clear()
        return [
            Seen(arrived, blanked(arrived.frame), self._starts, failed=reason, whole=reason) for arrived in waiting
        ]

    def _work(self) -> None:
        self._prepare()
        while not self._stop.is_set():
            arrived = self._feed.take(STALL)
            if arrived is None:
                self._flush()
                if self._feed.ended:
                    break
                continue
            if (arrived.connection, arrived.info) != self._shape:
                self._flush()
                self._shape = (arrived.connection, arrived.info)
                self._searches.clear()
                self._looking = Looking(self._search, self._policy)
            with self._condition:
                self._inside.append(arrived)
            self._push(arrived)
        with self._condition:
            self.finished = True
            self._condition.notify_all()

    def _prepare(self) -> None:
        """Load the detector, trying for ever."""
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                self._detector = self._load()
            except Exception as error:  # a detector may be anybody's
                self._failed(error)
                self._stop.wait(backoff.failed())
                continue
            self.failure = ""
            return

    def _push(self, arrived: Arrived) -> None:
        assert self._looking is not None
        self._lag = time.monotonic() - arrived.at
        self._keeping.period = self._feed.period
        # a look at the newest frame tells of those before it, too; a look at each would never catch up
        self._looking.slow(_NEVER if self._feed.behind else self._keeping.step.interval)
        self._put(self._looking.push(arrived.frame, cut=arrived.torn))

    def _flush(self) -> None:
        if self._looking is not None:
            self._lag = 0.0
            self._put(self._looking.flush())

    def _put(self, looked: list[Looked]) -> None:
        """Hand on what was looked at, but for what was given up on meanwhile."""
        with self._condition:
            for item in looked:
                failed = self._failures.pop(item.frame.index, "")
                if not self._inside or self._inside[0].frame is not item.frame:
                    continue
                detections = None if failed else item.detections
                self._out.append(
                    Seen(self._inside.popleft(), item.frame, self._starts, detections, item.cut, failed, item.whole)
                )
            self._condition.notify_all()
            while len(self._out) >= _BEHIND and not self._stop.is_set():
                self._condition.wait(_TICK)

    def _search(self, frame: Frame) -> Detections:
        """One look, watched. What fails is remembered, and the frames it was for are covered whole."""
        scale = self._keeping.step.scale
        self._busy = began = time.monotonic()
        try:
            found = self._searching(scale)(frame)
        except Exception as error:  # a detector may be anybody's; whatever it raises, nothing may be shown
            self._failures[frame.index] = self._failed(error)
            return Detections.none()
        finally:
            self._busy = None
        now = time.monotonic()
        self._keeping.looked(now, now - began, self._lag)
        self._lag = 0.0
        self.failure = ""
        self.looks += 1
        self.seconds += now - began
        for kind, least in self._starts.items():
            self.detections[kind] += len(found[found.scores >= least].only([kind]))
        return found

    def _searching(self, scale: float) -> Search:
        """The search whose smallest face is ``scale`` times as large as the policy's."""
        if scale not in self._searches:
            assert self._detector is not None
            assert self._shape is not None
            info = self._shape[1]
            policy = replace(self._policy, min_face=min(round(self._policy.min_face * scale), _LARGEST))
            self._searches[scale] = search = Search(self._detector, policy, info.width, info.height)
            self._starts = search.starts
        return self._searches[scale]

    def _failed(self, error: Exception) -> str:
        words = mask(str(error)) or type(error).__name__
        if words != self.failure:
            log.error("detection failed: %s", words)
        self.failure = words
        return words


def blanked(frame: Frame) -> Frame:
    """A frame of the same time and shape without a pixel of it."""
    return replace(frame, picture=blank(frame.width, frame.height, frame.pixel_format), damaged=False)
