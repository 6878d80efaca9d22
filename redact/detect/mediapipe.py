"""MediaPipe's BlazeFace, full range, as an optional detector of faces: the extra ``redact[mediapipe]``.

Only versions before 0.10.30: later ones carry no models and report usage to their maker.
"""

from __future__ import annotations

import re
import threading
from importlib import metadata

import numpy as np
from numpy.typing import NDArray

from redact.detect.traits import Traits
from redact.detections import Detections
from redact.errors import ConfigError, DetectorError

_OLDEST = (0, 10, 14)
_REPORTING = (0, 10, 30)  # first version that reports usage and has no models (google-ai-edge/mediapipe#6291)
_FULL_RANGE = 1  # model_selection: 0 is for faces within two metres, 1 within five
_FLOOR = 0.2


class MediapipeDetector:
    """BlazeFace full range, which sees every picture at 192x192 pixels.

    Raises ConfigError where the package is missing or of a version that is not used on purpose.
    """

    name = "mediapipe"
    kinds: tuple[str, ...] = ("face",)
    # recall by height at its input, python -m benchmarks.detector_sizes: 12 px .26, 16 px .41, 24 px .54, 64 px .57
    traits = Traits({"face": 0.5}, {"face": 0.3}, smallest_face=12, largest_face=190, largest_input=192)
    device = "cpu"

    def __init__(self) -> None:
        _check_version()
        from mediapipe.python.solutions.face_detection import FaceDetection

        self._model = FaceDetection(min_detection_confidence=_FLOOR, model_selection=_FULL_RANGE)
        self._lock = threading.Lock()

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        """Faces in ``rgb``, uint8 (height, width, 3), boxes in its pixels. Raises DetectorError where it fails."""
        height, width = rgb.shape[:2]
        try:
            with self._lock:
                answer = self._model.process(np.ascontiguousarray(rgb))
        except Exception as error:  # the framework raises RuntimeError, ValueError and its own
            raise DetectorError(f"detector mediapipe failed: {str(error).splitlines()[0]}") from error
        rows, scores = [], []
        for face in answer.detections or ():
            box = face.location_data.relative_bounding_box
            rows.append([box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height])
            scores.append(min(face.score[0], 1.0))
        return Detections.of(rows, scores, "face").moved(width, height)


def _check_version() -> None:
    try:
        found = metadata.version("mediapipe")
    except metadata.PackageNotFoundError:
        raise ConfigError(
            "detector mediapipe needs a package that is not installed",
            hint="pip install 'redact[mediapipe]' (Python 3.12 or older)",
        ) from None
    version = tuple(int(part) for part in re.findall(r"\d+", found)[:3])
    if version >= _REPORTING:
        raise ConfigError(
            f"mediapipe {found} is not used: from 0.10.30 on it reports usage to its maker and carries no models",
            hint="pip install 'redact[mediapipe]' (Python 3.12 or older)",
        )
    if version < _OLDEST:
        raise ConfigError(f"mediapipe {found} is too old", hint="pip install 'redact[mediapipe]'")
