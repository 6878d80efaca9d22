"""Which ONNX Runtime provider stands for which device, and which of them are here."""

from __future__ import annotations

from redact.errors import ConfigError

PROVIDERS: dict[str, str] = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Device → provider, in the order in which ``auto`` prefers them. Azure's is absent: it would send pictures away."""

_PACKAGES = {
    "cuda": "pip install onnxruntime-gpu, in place of onnxruntime",
    "directml": "pip install onnxruntime-directml, in place of onnxruntime (Windows)",
    "coreml": "it is part of onnxruntime on macOS only",
    "openvino": "pip install onnxruntime-openvino, in place of onnxruntime",
    "cpu": "pip install onnxruntime",
}


def device_of(provider: str) -> str:
    """The device that a provider stands for; the provider's own name for one that we never ask for."""
    return next((device for device, name in PROVIDERS.items() if name == provider), provider)


def providers(device: str) -> list[str]:
    """Providers to ask for, best first, the processor last. Raises ConfigError where the device is not here."""
    import onnxruntime

    if device != "auto" and device not in PROVIDERS:
        raise ConfigError(f"device {device!r} is not known", hint=f"one of auto, {', '.join(PROVIDERS)}")
    here = set(onnxruntime.get_available_providers())
    if device == "auto":
        return [name for name in PROVIDERS.values() if name in here]
    if PROVIDERS[device] not in here:
        raise ConfigError(f"device {device} is not available in this installation", hint=_PACKAGES[device])
    return list(dict.fromkeys([PROVIDERS[device], PROVIDERS["cpu"]]))
