"""Writes docs/catalog.md from the catalog of detectors: python docs/make_catalog.py."""

from __future__ import annotations

from pathlib import Path

from redact.detect.catalog import ModelRecord, catalog

HEAD = """# Catalog of detectors

Made from `models/catalog.toml` by `python docs/make_catalog.py`.

`--detector NAME` chooses one, `--detector A+B` joins them: whatever either finds is covered. `redact models list`
says which are here, `redact models fetch NAME` downloads one from its origin and verifies it,
`--detector PATH.onnx` takes a file of one's own. The default is `guard-s`.

**No detector finds everybody.** What each is known to miss stands below; how they compare is in
[models.md](models.md), what that means for whole recordings in [benchmarks.md](benchmarks.md). "Measured" is recall
by height in pixels at the model's input, at the score that starts a track and at the score that prolongs one.
"""


def reference() -> str:
    """The whole page."""
    return HEAD + "".join(map(_card, catalog().values()))


def _card(model: ModelRecord) -> str:
    size = f"{model.input[0]}x{model.input[1]}, fixed" if model.input else "any"
    rows = {
        "finds": ", ".join(model.kinds),
        "misses": model.blind_spots,
        "measured": model.measured,
        "training": model.training,
        "licence": model.licence,
        "origin": "part of this package" if model.shipped else model.origin or "none: it cannot be fetched",
        "input": size,
        "file": f"`{model.file}`, {model.bytes:,} bytes",
        "SHA-256": f"`{model.sha256}`",
    }
    table = "".join(f"| {name} | {value} |\n" for name, value in rows.items() if value)
    return f"\n## {model.name}\n\n| | |\n|---|---|\n{table}"


if __name__ == "__main__":
    Path(__file__).with_name("catalog.md").write_text(reference(), encoding="utf-8")
