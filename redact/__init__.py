"""redact: finds faces and people in footage and covers them before anything is stored.

The names below are the whole public library; heavy modules load when a name that needs them is first used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime from 1.29 on reports usage to its maker unless this is set before it loads; nothing leaves the machine
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from redact.detect import load_detector
    from redact.detections import Detections, Detector
    from redact.errors import (
        ConfigError,
        DetectorError,
        ModelError,
        RedactError,
        RegionsError,
        SinkError,
        SourceError,
        StreamLost,
    )
    from redact.media.sink import open_sink
    from redact.media.source import open_source
    from redact.picture import redact_image
    from redact.policy import Encoding, Policy
    from redact.recording import redact_file
    from redact.redactor import Redactor
    from redact.report import Result
    from redact.steps import detect_file, render_file
    from redact.tally import Progress
    from redact.verify import Verdict, verify_file

_HOMES = {
    "ConfigError": "errors",
    "Detections": "detections",
    "Detector": "detections",
    "DetectorError": "errors",
    "Encoding": "policy",
    "ModelError": "errors",
    "Policy": "policy",
    "Progress": "tally",
    "RedactError": "errors",
    "Redactor": "redactor",
    "RegionsError": "errors",
    "Result": "report",
    "SinkError": "errors",
    "SourceError": "errors",
    "StreamLost": "errors",
    "Verdict": "verify",
    "detect_file": "steps",
    "load_detector": "detect",
    "open_sink": "media.sink",
    "open_source": "media.source",
    "redact_file": "recording",
    "redact_image": "picture",
    "render_file": "steps",
    "verify_file": "verify",
}

__all__ = [
    "ConfigError",
    "Detections",
    "Detector",
    "DetectorError",
    "Encoding",
    "ModelError",
    "Policy",
    "Progress",
    "RedactError",
    "Redactor",
    "RegionsError",
    "Result",
    "SinkError",
    "SourceError",
    "StreamLost",
    "Verdict",
    "detect_file",
    "load_detector",
    "open_sink",
    "open_source",
    "redact_file",
    "redact_image",
    "render_file",
    "verify_file",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'redact' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"redact.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
