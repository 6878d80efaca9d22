"""Draw docs/before-after.png from lobby.mp4: ``python -m samples.before_after [FILE]``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import redact

SAMPLES = Path(__file__).parent
MOMENTS = (3.0, 9.2)  # seconds
SIZE = (480, 270)  # of each picture, pixels
GAP = 6  # pixels


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the before-and-after picture.")
    parser.add_argument("file", nargs="?", type=Path, default=SAMPLES.parent / "docs" / "before-after.png")
    options = parser.parse_args()
    clear = SAMPLES / "lobby.mp4"
    with tempfile.TemporaryDirectory() as folder:
        covered = Path(folder) / "lobby.mp4"
        redact.redact_file(clear, covered)
        columns = [_column(clear), _column(covered)]
    gap = np.full((columns[0].shape[0], GAP, 3), 255, np.uint8)
    picture = Image.fromarray(np.hstack([columns[0], gap, columns[1]]))
    picture.save(options.file, optimize=True)
    print(f"{options.file}: {options.file.stat().st_size / 1000:.0f} kB")


def _column(path: Path) -> NDArray[np.uint8]:
    shots = [_shot(path, moment) for moment in MOMENTS]
    gap = np.full((GAP, SIZE[0], 3), 255, np.uint8)
    return np.vstack([shots[0], gap, *shots[1:]])


def _shot(path: Path, moment: float) -> NDArray[np.uint8]:
    with av.open(str(path)) as container:
        frame = next(frame for frame in container.decode(video=0) if frame.time is not None and frame.time >= moment)
    return np.asarray(frame.to_image().resize(SIZE, Image.Resampling.LANCZOS), dtype=np.uint8)


if __name__ == "__main__":
    main()
