"""Finding faces, people and plates in pictures. Loading a detector is here; looking through frames is ``tiles``."""

from __future__ import annotations

from pathlib import Path

from redact.detect import catalog
from redact.detections import Detector
from redact.errors import ModelError
from redact.policy import Policy

DEFAULT = Policy().detector
"""Name of the detector that is used where none is named."""


def load_detector(name: str = DEFAULT, *, device: str = "auto", threads: int | None = None) -> Detector:
    """The detector of that name, ready to use.

    name: a name from the catalog, ``mediapipe``, a path to an ONNX file, or several of these joined by ``+``, which
    find together whatever one of them finds. device: ``auto`` or one of ``devices.PROVIDERS``. threads: processor
    threads for one picture; the default is half of the machine's, the others decode and encode.
    Raises ModelError for weights that are absent, damaged or of an unknown kind, ConfigError for a name that nothing
    has and for a device or a package that is not installed.
    """
    names = [name] if Path(name).is_file() else name.split("+")
    detectors = [_one(part.strip(), device, threads) for part in names]
    if len(detectors) == 1:
        return detectors[0]
    from redact.detect.union import Union

    return Union(detectors)


def _one(name: str, device: str, threads: int | None) -> Detector:
    if name == "mediapipe":
        from redact.detect.mediapipe import MediapipeDetector

        return MediapipeDetector()
    from redact.detect.onnx import OnnxDetector

    path = Path(name)
    if name not in catalog.catalog() and (path.suffix.lower() == ".onnx" or path.is_file()):
        return OnnxDetector(_file(path), path.name, device=device, threads=threads)
    known = catalog.record(name)
    return OnnxDetector(
        catalog.read(name),
        name,
        family=known.family,
        kinds=known.kinds,
        traits=known.traits,
        device=device,
        threads=threads,
    )


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}", hint="check the path") from error
