"""What is wrong with an input, and which pictures it may show in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import av

_MOST_HELD = 16  # pictures; no codec lets more than these be shown before one that they were made from


@dataclass(slots=True)
class Damage:
    """What was wrong with an input so far.

    lost_packets: gave no picture. damaged_frames: delivered, but marked. repaired_times: stamps missing, repeated
    or backwards. read_errors: places where the container itself could not be read.
    """

    lost_packets: int = 0
    damaged_frames: int = 0
    repaired_times: int = 0
    read_errors: int = 0


class Suspicion:
    """Tells pictures that can be trusted from those that may show damage, as decoders flag only its first place.

    From a damaged picture or a lost packet on, everything is suspect until a sound key frame. So is what is shown
    before a damaged picture but was decoded after it: pictures wait until those they may be made from have passed.
    """

    def __init__(self) -> None:
        self._suspect = False
        self._decoding: deque[int] = deque(maxlen=4 * _MOST_HELD)  # stamps in decoding order, not yet shown
        self._held: list[tuple[av.VideoFrame, bool]] = []

    def sent(self, pts: int | None) -> None:
        """A packet with this time stamp went into the decoder."""
        if pts is not None:
            self._decoding.append(pts)

    def lost(self) -> None:
        """A packet gave no picture."""
        self._suspect = True
        self._held = [(picture, True) for picture, _ in self._held]

    def passed(self, picture: av.VideoFrame) -> list[tuple[av.VideoFrame, bool]]:
        """(picture, damaged) of all that can be judged now that ``picture`` came out of the decoder."""
        if picture.is_corrupt:
            self.lost()
        elif picture.key_frame:
            self._suspect = False
        self._held.append((picture, self._suspect))
        return [] if self._awaited(picture.pts) and len(self._held) < _MOST_HELD else self.rest()

    def rest(self) -> list[tuple[av.VideoFrame, bool]]:
        """(picture, damaged) of all that still waits."""
        held, self._held = self._held, []
        return held

    def _awaited(self, pts: int | None) -> bool:
        """Whether a picture that was decoded before the one of this stamp is still to be shown after it."""
        if pts is None:
            return False
        awaited = False
        for earlier in self._decoding:
            if earlier == pts:
                break
            awaited = awaited or earlier > pts
        still = [stamp for stamp in self._decoding if stamp > pts]
        self._decoding.clear()
        self._decoding.extend(still)
        return awaited
