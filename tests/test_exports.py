"""The public names are what they say, and cheap."""

import os
import subprocess
import sys

import pytest

import redact


def test_every_public_name_is_there_and_nothing_else():
    for name in redact.__all__:
        assert getattr(redact, name).__module__.startswith("redact")
    assert set(redact.__all__) == set(redact._HOMES)
    assert sorted(redact.__all__) == redact.__all__


def test_import_loads_nothing_heavy():
    code = (
        "import redact, sys;"
        "print([m for m in ('av', 'cv2', 'numpy', 'onnxruntime', 'typer', 'tqdm', 'PIL') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ)
    assert out.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        redact.nothing  # noqa: B018
