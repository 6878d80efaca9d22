"""Durations and sizes as people write them in a configuration: 400ms, 60s, 7d, 200GB."""

from __future__ import annotations

import re

from redact.errors import ConfigError

SECONDS: dict[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
BYTES: dict[str, int] = {
    "B": 1,
    **{f"{sign}B": 1000**power for power, sign in enumerate(("k", "M", "G", "T"), 1)},
    **{f"{sign}iB": 1024**power for power, sign in enumerate(("K", "M", "G", "T"), 1)},
}

_NUMBER = r"(\d{1,12}(?:\.\d{1,9})?) ?"
_SIGNS = {sign.lower(): sign for sign in BYTES}


def seconds(text: str) -> float:
    """'400ms', '60s', '1.5h' or '7d' in seconds. Raises ConfigError."""
    match = re.fullmatch(rf"{_NUMBER}({'|'.join(SECONDS)})", text.strip())
    if match is None:
        raise ConfigError(
            f"{text[:60]!r} is no duration", hint="a number and its unit: 400ms, 60s, 10m, 12h, 7d or 2w"
        )
    return round(float(match[1]) * SECONDS[match[2]], 9)


def bytes_of(text: str) -> int:
    """'200GB', '1.5TB' or '512MiB' in bytes; capitals do not matter. Raises ConfigError."""
    match = re.fullmatch(rf"{_NUMBER}([a-z]+)", text.strip().lower())
    sign = _SIGNS.get(match[2]) if match else None
    if match is None or sign is None:
        raise ConfigError(f"{text[:60]!r} is no size", hint="a number and its unit: 500MB, 200GB, 2TB or 512MiB")
    return round(float(match[1]) * BYTES[sign])


def duration(value: float) -> str:
    """Seconds as ``seconds`` reads them, in the largest unit that keeps the number whole."""
    for unit in ("w", "d", "h", "m", "s"):
        if value >= SECONDS[unit] and value % SECONDS[unit] == 0:
            return f"{value / SECONDS[unit]:.0f}{unit}"
    return f"{value * 1000:g}ms" if value else "0s"


def size(value: int) -> str:
    """Bytes as ``bytes_of`` reads them, in the largest unit that keeps the number whole."""
    for unit, factor in sorted(BYTES.items(), key=lambda item: -item[1]):
        if value >= factor and value % factor == 0:
            return f"{value // factor}{unit}"
    return "0B"
