"""The C2PA manifest, as the library that everybody reads them with sees it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

import redact
from redact.cover import Cover
from redact.errors import ConfigError, SinkError
from redact.frames import Frame
from redact.manifest import PARAMETER, ROLE, Sealer
from redact.regions import Region, Settled
from tests.clips import Scripted, decode, make_clip
from tests.record.keys import certify, sign_as_camera
from tests.test_cli import failed_cleanly
from tests.test_cli import redact as command

c2pa = pytest.importorskip("c2pa")
ROOT = Path(__file__).parents[2]
FACE = (0.4, 0.4, 0.6, 0.7)
CORNER = ((0.75, 0.0), (1.0, 0.0), (1.0, 0.25))
SECRET = "Anna Example"


def read(path: Path, office) -> dict:
    settings = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
        "trust": {"user_anchors": office[2].read_text()},
    }
    with c2pa.Context.from_dict(settings) as context, c2pa.Reader(str(path), context=context) as reader:
        return json.loads(reader.json())


def covered(path: Path, out: Path) -> redact.Result:
    policy = redact.Policy(always=(CORNER,), every=1)
    detector = Scripted(lambda index: [FACE] if index < 30 else [])
    return redact.redact_file(path, out, policy=policy, detector=detector)


def painted(result: redact.Result) -> np.ndarray:
    """What ``cover`` covers of the face in the first frame, (height, width)."""
    frame = Frame(np.zeros((240, 320, 3), np.uint8), 0, 0, Fraction(1))
    box = (FACE[0] * 320, FACE[1] * 240, FACE[2] * 320, FACE[3] * 240)
    policy = replace(result.policy, always=())
    return Cover(policy).mask(Settled(frame, (Region("face", 1, box, 0.9, "seen"),)))


def originals(folder: Path) -> dict[str, Path]:
    """A recording and a picture with a name, a thumbnail and a place in them."""
    clip = make_clip(folder / "anna.mp4", 60, codec="libx264")
    exif = Image.Exif()
    exif[0x013B] = SECRET
    Image.effect_noise((320, 240), 80).convert("RGB").save(folder / "anna.jpg", exif=exif)
    return {".mp4": clip, ".jpg": folder / "anna.jpg"}


@pytest.mark.parametrize("suffix", [".mp4", ".jpg"])
def test_it_says_opened_and_edited_and_where(tmp_path, office, sealer, suffix):
    original = originals(tmp_path)[suffix]
    out = tmp_path / f"o{suffix}"
    result = covered(original, out)
    pixels = decode(out)
    sealer.seal(result)
    store = read(out, office)
    assert store["validation_state"] == "Trusted"
    codes = [item["code"] for item in store["validation_results"]["activeManifest"]["success"]]
    assert {"claimSignature.validated", "signingCredential.trusted"} <= set(codes)
    assert f"assertion.{'bmff' if suffix == '.mp4' else 'data'}Hash.match" in codes
    (manifest,) = store["manifests"].values()
    (actions,) = [item for item in manifest["assertions"] if item["label"] == "c2pa.actions.v2"]
    opened, edited = actions["data"]["actions"]
    assert (opened["action"], edited["action"]) == ("c2pa.opened", "c2pa.edited")
    assert opened["parameters"]["ingredients"][0]["url"].endswith("c2pa.ingredient.v3")
    regions = edited["parameters"][PARAMETER]
    assert {region["role"] for region in regions} == {ROLE} == {"c2pa.redacted"}
    assert len(regions) == len(edited["changes"]) == len(result.stretches) + 1
    mask = Image.fromarray(painted(result)).getbbox()
    shape = regions[0]["region"][0]["shape"]
    assert shape["unit"] == "pixel"
    for axis, side in (("x", 320), ("y", 240)):  # around the face, and grown
        low = shape["origin"][axis]
        high = low + shape["width" if axis == "x" else "height"]
        assert low < FACE["xy".index(axis)] * side
        assert high > FACE[2 + "xy".index(axis)] * side
        assert low <= mask["xy".index(axis)] + 2  # whatever was covered lies within, but for whole blocks
        assert high >= mask[2 + "xy".index(axis)] - 2
    assert regions[-1]["region"][0]["shape"]["type"] == "polygon"
    if suffix == ".mp4":
        times = [region["region"][1]["time"] for region in regions[:-1]]
        assert times[0] == {"type": "npt", "start": "0.000", "end": "2.000"}
        assert float(times[-1]["end"]) == pytest.approx(2.2, abs=0.05)  # seen until 1.16, held for a second
    else:
        assert len(regions[0]["region"]) == 1
    assert all((before == after).all() for before, after in zip(pixels, decode(out), strict=True))


@pytest.mark.parametrize("suffix", [".mp4", ".jpg"])
def test_nothing_of_the_original_gets_in(tmp_path, office, sealer, suffix):
    original = originals(tmp_path)[suffix]
    out = tmp_path / f"o{suffix}"
    sealer.seal(covered(original, out))
    store = read(out, office)
    (manifest,) = store["manifests"].values()
    (parent,) = manifest["ingredients"]
    assert (parent["title"], parent["relationship"]) == ("original", "parentOf")
    assert "thumbnail" not in parent
    assert "thumbnail" not in manifest
    assert "thumbnail" not in json.dumps(store)
    data = out.read_bytes()
    assert data.count(b"\xff\xd8\xff") == (1 if suffix == ".jpg" else 0)  # no picture within
    assert b"c2pa.thumbnail" not in data
    for word in (SECRET, "anna", str(tmp_path)):
        assert word.encode() not in data
    named = parent["instance_id"].removeprefix("ni:///sha-256;")
    import base64

    digest = base64.urlsafe_b64decode(named + "=").hex()
    assert digest == hashlib.sha256(original.read_bytes()).hexdigest()


def test_an_earlier_manifest_with_its_thumbnail_does_not_get_in(tmp_path, office, sealer):
    """What a camera signs can carry a picture of everybody: it ends here."""
    plain, signed, out = tmp_path / "a.jpg", tmp_path / "signed.jpg", tmp_path / "o.jpg"
    Image.effect_noise((320, 240), 80).convert("RGB").save(plain)
    thumbnail = sign_as_camera(plain, signed, office, "image/jpeg")
    assert b"c2pa.thumbnail" in signed.read_bytes()
    sealer.seal(covered(signed, out))
    assert len(read(out, office)["manifests"]) == 1
    assert b"c2pa.thumbnail" not in out.read_bytes()
    assert thumbnail[100:400] not in out.read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".jpg"])
def test_a_changed_byte_is_seen(tmp_path, office, sealer, suffix):
    out = tmp_path / f"o{suffix}"
    sealer.seal(covered(originals(tmp_path)[suffix], out))
    data = bytearray(out.read_bytes())
    place = len(data) * 3 // 4 if suffix == ".jpg" else data.index(b"mdat") + 600
    data[place] ^= 1
    out.write_bytes(data)
    store = read(out, office)
    assert store["validation_state"] == "Invalid"
    assert any("mismatch" in item["code"] for item in store["validation_results"]["activeManifest"]["failure"])


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".gif", ".mov"])
def test_other_formats_carry_it_too(tmp_path, office, sealer, suffix):
    files = originals(tmp_path)
    out = tmp_path / f"o{suffix}"
    sealer.seal(covered(files[".mp4" if suffix == ".mov" else ".jpg"], out))
    assert read(out, office)["validation_state"] == "Trusted"


def test_frames_covered_whole_are_regions(tmp_path):
    from redact.manifest import definition
    from redact.tally import Whole

    result = covered(originals(tmp_path)[".mp4"], tmp_path / "o.mp4")
    moments = tuple(Whole(index, index / 25, "damaged") for index in (3, 4, 5, 40))
    result = redact.Result(
        **{name: getattr(result, name) for name in result.__dataclass_fields__}
        | {"moments": moments, "whole": {"damaged": 4}}
    )
    edited = definition(result)["assertions"][0]["data"]["actions"][1]
    whole = [region for region in edited["changes"] if region["name"] == "covered whole"]
    assert [region["region"][1]["time"]["start"] for region in whole] == ["0.120", "1.600"]
    assert whole[0]["region"][0]["shape"]["width"] == 320


def test_no_connection_is_opened(tmp_path, office):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    clip = make_clip(tmp_path / "clip.mp4", 5, codec="libx264")
    command = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(tmp_path / "calls"), sys.executable]
    command += ["-m", "redact", "file", str(clip), "-o", str(tmp_path / "o.mp4")]
    command += ["--c2pa", str(office[0]), "--c2pa-key", str(office[1])]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, capture_output=True, text=True, env=env, timeout=250)
    assert run.returncode == 0, run.stderr
    calls = [line for line in (tmp_path / "calls").read_text().splitlines() if re.search(r"connect\(|sendto\(", line)]
    assert [line for line in calls if not re.search(r'127\.0\.0\.1|"::1"|AF_UNIX', line)] == []
    assert read(tmp_path / "o.mp4", office)["validation_state"] == "Trusted"


def test_certificates_and_keys_that_cannot_sign(tmp_path, office):
    chain, key, root = office
    (tmp_path / "text").write_text("no key")
    (tmp_path / "old").mkdir()
    old = certify(tmp_path / "old", days=-3)
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    how = serialization.BestAvailableEncryption(b"secret")
    locked.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
    wrong = [
        (chain, tmp_path / "text", "no private key"), (tmp_path / "text", key, "no certificates"),
        (chain, locked, "password"), (root, key, "not the key"), (chain, tmp_path / "no", "no such file"),
        (old[0], old[1], "not valid today"),
    ]  # fmt: skip
    for certificates, secret, said in wrong:
        with pytest.raises(ConfigError, match=said) as raised:
            Sealer(certificates, secret)
        assert raised.value.hint
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()], ids=["P-384", "P-521"])
def test_other_curves_sign(tmp_path, curve):
    office = certify(tmp_path, curve=curve)
    out = tmp_path / "o.jpg"
    Sealer(office[0], office[1]).seal(covered(originals(tmp_path)[".jpg"], out))
    assert read(out, office)["validation_state"] == "Trusted"


def test_what_cannot_be_signed_leaves_no_output(tmp_path, sealer, monkeypatch):
    out = tmp_path / "o.jpg"
    result = covered(originals(tmp_path)[".jpg"], out)
    out.write_bytes(b"no picture")
    with pytest.raises(SinkError, match="cannot take a manifest") as raised:
        sealer.seal(result)
    assert raised.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["anna.jpg", "anna.mp4"]


def test_by_command(tmp_path, office):
    clip = make_clip(tmp_path / "clip.mp4", 5, codec="libx264")
    chain, key, _ = office
    failed_cleanly(command("file", clip, "-o", tmp_path / "o.mp4", "--c2pa", chain), 2)
    failed_cleanly(command("file", clip, "-o", tmp_path / "o.mkv", "--c2pa", chain, "--c2pa-key", key), 2)
    run = command(
        "file", clip, "-o", tmp_path / "o.mp4", "--c2pa", chain, "--c2pa-key", key, "--report", tmp_path / "r.json"
    )
    assert run.returncode == 0, run.stderr
    digest = json.loads((tmp_path / "r.json").read_text())["runs"][0]["output"]["sha256"]
    assert (
        digest == hashlib.sha256((tmp_path / "o.mp4").read_bytes()).hexdigest()
    )  # of what is there, manifest and all
    assert read(tmp_path / "o.mp4", office)["validation_state"] == "Trusted"
    hiding = "import sys; sys.modules['c2pa'] = None\nfrom redact.cli import main\nsys.argv[0] = 'redact'\nmain()"
    arguments = ["file", clip, "-o", tmp_path / "p.mp4", "--c2pa", chain, "--c2pa-key", key]
    run = subprocess.run(
        [sys.executable, "-c", hiding, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    failed_cleanly(run, 2)
    assert 'pip install "redact[c2pa]"' in run.stderr
