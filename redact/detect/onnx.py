"""Detectors that are ONNX files, run by ONNX Runtime on this machine."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from redact.detect import devices
from redact.detect.families import FAMILIES, Array, Family, Port
from redact.detect.traits import Traits
from redact.detections import Detections
from redact.errors import ConfigError, DetectorError, ModelError

if TYPE_CHECKING:
    import onnxruntime

_log = logging.getLogger(__name__)
_FATAL = 4  # ONNX Runtime's log level: what goes wrong arrives as an exception, in one line, and not on stderr
_CANVASES = 4  # sizes of picture that one plan of looks and tiles alternates between


class OnnxDetector:
    """A detector in an ONNX file of a family that ``families`` knows.

    One call at a time runs; others wait. traits: what the catalog says of these weights, or the family's.
    device: where it really runs, which ONNX Runtime may choose otherwise than asked. digest: SHA-256 of the file.
    Raises ModelError for bytes that are no such model, ConfigError for a device that is not here.
    """

    def __init__(
        self,
        model: bytes,
        name: str,
        *,
        family: str | None = None,
        kinds: tuple[str, ...] | None = None,
        traits: Traits | None = None,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._session = _session(model, name, device, threads)
        self._inputs = [_port(item) for item in self._session.get_inputs()]
        outputs = [_port(item) for item in self._session.get_outputs()]
        self._outputs = [port.name for port in outputs]
        self._family = _recognise(name, family, self._inputs, outputs)
        self._fixed = self._family.sides(self._inputs[0])
        self._canvases: dict[tuple[int, int], Array] = {}
        self._lock = threading.Lock()
        self.name = name
        self.kinds = kinds or self._family.kinds
        self.traits = traits or self._family.traits
        if self._fixed is not None and self.traits.largest_input > min(self._fixed):
            self.traits = replace(self.traits, largest_input=min(self._fixed))
        self._floor = min(self.traits.extend.values())
        self.digest = hashlib.sha256(model).hexdigest()
        self.device = devices.device_of(self._session.get_providers()[0])

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        """Detections in ``rgb``, uint8 (height, width, 3): boxes in its pixels, one a thing.

        Scores go down to the lowest that may extend a track. A picture larger than a fixed input is shrunk to fit.
        Raises DetectorError where the model fails.
        """
        with self._lock:
            return self._detect(rgb)

    def lower(self, floor: float) -> None:
        """Have ``detect`` answer scores down to ``floor`` too, where a policy wants less than the catalog's."""
        self._floor = min(self._floor, floor)

    def _detect(self, rgb: NDArray[np.uint8]) -> Detections:
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
            raise DetectorError(f"a picture is uint8 (height, width, 3), not {rgb.dtype} {rgb.shape}")
        height, width = rgb.shape[:2]
        if not width or not height:
            return Detections.none()
        seen = self._fit(rgb)
        canvas = self._prepared(seen)
        wide, tall = self._family.size(canvas)
        try:
            arrays = self._session.run(self._outputs, {self._inputs[0].name: canvas})
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            raise DetectorError(f"detector {self.name} failed: {_first_line(error)}") from error
        outputs = dict(zip(self._outputs, arrays, strict=True))
        try:
            found = self._family.decode(outputs, wide, tall, self._floor)
        except (IndexError, ValueError, KeyError) as error:
            raise DetectorError(f"detector {self.name} answered arrays of unexpected shapes") from error
        found = found.only(self.kinds).merged(self._family.overlap)
        if seen is not rgb:
            found = found.moved(width / seen.shape[1], height / seen.shape[0])
        return found

    def _fit(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``rgb`` itself, or shrunk so that it lies within a fixed input."""
        height, width = rgb.shape[:2]
        if self._fixed is None or (width <= self._fixed[0] and height <= self._fixed[1]):
            return rgb
        import cv2

        scale = min(self._fixed[0] / width, self._fixed[1] / height)
        size = (max(1, int(width * scale)), max(1, int(height * scale)))
        return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def _prepared(self, rgb: NDArray[np.uint8]) -> Array:
        """The input tensor with ``rgb`` in it; padding is drawn once for each size of picture, then kept."""
        height, width = rgb.shape[:2]
        canvas = self._canvases.pop((width, height), None)
        if canvas is None:
            multiple = self._family.multiple
            wide, tall = self._fixed or (-(-width // multiple) * multiple, -(-height // multiple) * multiple)
            canvas = self._family.canvas(wide, tall)
            if len(self._canvases) == _CANVASES:
                del self._canvases[next(iter(self._canvases))]
        self._canvases[width, height] = canvas
        self._family.fill(canvas, rgb)
        return canvas


def _session(model: bytes, name: str, device: str, threads: int | None) -> onnxruntime.InferenceSession:
    wanted = devices.providers(device)
    if not model:
        raise ModelError(f"{name} is empty", hint="fetch or copy it again")
    if model.lstrip()[:1] == b"<":
        raise ModelError(f"{name} is a web page, not a model", hint="download the file itself, not the page about it")
    if model.startswith(b"version https://git-lfs"):
        raise ModelError(f"{name} is a Git LFS pointer, not a model", hint="download the file that it points to")
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # official Windows builds would report to their maker
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads or max(1, (os.cpu_count() or 1) // 2)
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # with it a 1472x832 pass holds 136 MB here, without it 81, and no faster
    # idle threads that spin would take the cores that decode and encode
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(model, options, providers=wanted)
    except Exception as error:  # ONNX Runtime's exceptions share no base of their own
        raise ModelError(
            f"{name} cannot be loaded as an ONNX model: {_first_line(error)}",
            hint="the file may be damaged, incomplete or of another format",
        ) from error
    taken = session.get_providers()[0]
    if taken != wanted[0]:
        if device != "auto":
            raise ConfigError(
                f"device {device} did not start; ONNX Runtime fell back to {devices.device_of(taken)}",
                hint="check its driver and libraries, or use --device cpu",
            )
        _log.warning("%s did not start; %s runs on %s", wanted[0], name, devices.device_of(taken))
    return session


def _port(item: Any) -> Port:
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in item.shape)
    return Port(item.name, item.type, shape)


def _recognise(name: str, family: str | None, inputs: list[Port], outputs: list[Port]) -> Family:
    known = [FAMILIES[family]] if family is not None else list(FAMILIES.values())
    for candidate in known:
        if candidate.knows(inputs, outputs):
            return candidate
    ports = ", ".join(port.name for port in outputs[:4])
    raise ModelError(
        f"{name} is an ONNX model, but not a detector of a known family (its outputs: {ports})",
        hint=f"known families: {', '.join(FAMILIES)}",
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
