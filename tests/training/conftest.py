"""Drawn pictures with known boxes: what training needs, without any person in it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: the extra redact[training]")

SIDE = 128


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with eight pictures of bright discs ("faces") on bars ("persons")."""
    root = tmp_path_factory.mktemp("data")
    (root / "images").mkdir()
    rng = np.random.default_rng(3)
    labels = {}
    for number in range(8):
        picture = rng.integers(0, 90, (SIDE, SIDE, 3)).astype(np.uint8)
        x, y, r = (int(v) for v in (rng.integers(30, 98), rng.integers(20, 50), rng.integers(8, 16)))
        cv2.rectangle(picture, (x - r, y), (x + r, y + 4 * r), (40, 160, 40), -1)
        cv2.circle(picture, (x, y), r, (180, 200, 250), -1)
        name = f"drawn_{number}.png"
        cv2.imwrite(str(root / "images" / name), picture)
        face, person = [x - r, y - r, x + r, y + r], [x - r, y - r, x + r, min(y + 4 * r, SIDE)]
        labels[name] = {"set": "drawn", "width": SIDE, "height": SIDE, "labels": {"face": [face], "person": [person]}}
    (root / "labels.json").write_text(json.dumps(labels))
    return root
