"""Draw docs/misses.png: frames of the Intel clips in which the default detector, looking at that frame alone, misses.

REDACT_FOOTAGE=../shared/footage python docs/make_misses.py
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import redact

# clip, frame, and what is left clear there: x1 y1 x2 y2 in pixels
MISSES = (
    ("intel_gif_as_mp4_people-detection.mp4", 8, (1, 55, 48, 151)),
    ("intel_sample_videos_one-by-one-person-detection.mp4", 696, (689, 176, 767, 407)),
    ("intel_sample_videos_one-by-one-person-detection.mp4", 864, (615, 86, 767, 391)),
)
HEIGHT = 270  # pixels of every panel


def main() -> None:
    """Cover each frame as ``redact_image`` does, and frame what it leaves."""
    folder = Path(os.environ.get("REDACT_FOOTAGE", "../shared/footage")) / "video"
    detector = redact.load_detector()
    panels = []
    for name, index, box in MISSES:
        with redact.open_source(folder / name) as source:
            frame = next(frame for frame in source if frame.index == index)
            bgr = np.ascontiguousarray(frame.rgb(frame.width, frame.height)[..., ::-1])
        image = Image.fromarray(np.ascontiguousarray(redact.redact_image(bgr, detector=detector)[..., ::-1]))
        ImageDraw.Draw(image).rectangle(box, outline=(255, 220, 0), width=2)
        panels.append(image.resize((round(image.width * HEIGHT / image.height), HEIGHT)))
    sheet = Image.new(
        "RGB", (sum(panel.width for panel in panels) + 8 * (len(panels) - 1), panels[0].height), "white"
    )
    left = 0
    for panel in panels:
        sheet.paste(panel, (left, 0))
        left += panel.width + 8
    sheet.quantize(128).save(Path(__file__).with_name("misses.png"), optimize=True)


if __name__ == "__main__":
    main()
