"""A covered frame as a small JPEG, for the status page."""

from __future__ import annotations

import io

from PIL import Image

from redact.frames import RedactedFrame
from redact.live.status import Preview

WIDTH = 480  # pixels: a card on a phone
QUALITY = 70


def preview(redacted: RedactedFrame, taken: float) -> Preview:
    """A covered frame, made small. taken: when it arrived, on the epoch. Raises TypeError for any other."""
    if not isinstance(redacted, RedactedFrame):
        raise TypeError(f"a preview is made of a RedactedFrame only, not {type(redacted).__name__}")
    frame = redacted.frame
    width = min(WIDTH, frame.width)
    height = max(1, round(frame.height * width / frame.width))
    jpeg = io.BytesIO()
    Image.fromarray(frame.rgb(width, height)).save(jpeg, "JPEG", quality=QUALITY)
    return Preview(jpeg.getvalue(), taken)
