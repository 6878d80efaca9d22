"""Signatures: they belong to what was signed and to who signed it, and every wrong key is said in one line."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from redact.errors import ConfigError, SinkError
from redact.ledger import Ledger
from redact.ledger_check import check_ledger
from redact.signature import Signer, Verifier, canonical, make_pair
from tests.clips import make_clip
from tests.test_cli import failed_cleanly
from tests.test_cli import redact as command

ROOT = Path(__file__).parents[2]
PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8


def test_a_pair_is_made_for_its_owner_alone(tmp_path):
    run = command("ledger", "key", tmp_path / "office.pem")
    assert run.returncode == 0, run.stderr
    assert stat.S_IMODE((tmp_path / "office.pem").stat().st_mode) == 0o600
    assert "PRIVATE" not in (tmp_path / "office.pub.pem").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["office.pem", "office.pub.pem"]
    before = (tmp_path / "office.pem").read_bytes()
    failed_cleanly(command("ledger", "key", tmp_path / "office.pem"), 1)
    assert (tmp_path / "office.pem").read_bytes() == before


def test_half_a_pair_is_not_left(tmp_path):
    (tmp_path / "a.pub.pem").write_text("precious")
    with pytest.raises(SinkError, match="exists already"):
        make_pair(tmp_path / "a.pem")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pub.pem"]


def test_it_belongs_to_every_word_of_the_document(tmp_path):
    verifier = Verifier(make_pair(tmp_path / "a.pem"))
    signed = Signer(tmp_path / "a.pem").sign({"b": 1, "a": ["ä", None, 0.1]})
    assert verifier.fault(signed) == ""
    assert verifier.fault(json.loads(json.dumps(signed, indent=3))) == ""  # however it is laid out
    assert "does not belong" in verifier.fault(signed | {"b": 2})
    assert "does not belong" in verifier.fault(signed | {"c": 1})
    assert "does not belong" in verifier.fault(signed | {"signature": signed["signature"] | {"value": "00" * 64}})
    assert "does not belong" in verifier.fault(signed | {"signature": signed["signature"] | {"value": "zz"}})
    assert "another key" in Verifier(make_pair(tmp_path / "b.pem")).fault(signed)
    assert verifier.fault({"b": 1}) == "is not signed"
    assert "unknown kind" in verifier.fault({"signature": "yes"})


def test_openssl_says_so_too(tmp_path):
    public = make_pair(tmp_path / "a.pem")
    signed = Signer(tmp_path / "a.pem").sign({"b": 1, "a": "x"})
    (tmp_path / "said").write_bytes(canonical({"a": "x", "b": 1}))
    (tmp_path / "value").write_bytes(bytes.fromhex(signed["signature"]["value"]))
    run = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", tmp_path / "said",
         "-sigfile", tmp_path / "value"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


def test_a_chain_made_anew_is_seen_by_its_signatures(tmp_path):
    verifier = Verifier(make_pair(tmp_path / "a.pem"))
    signer = Signer(tmp_path / "a.pem")
    for name, key in (("true", signer), ("bare", None)):
        ledger = Ledger(tmp_path / name, signer=key)
        for index in range(3):
            ledger.append({"outcome": "done", "index": index})
    assert check_ledger(tmp_path / "true", verifier=verifier).findings == ()
    assert check_ledger(tmp_path / "bare").findings == ()  # a chain that fits, of somebody without the key
    (finding,) = check_ledger(tmp_path / "bare", verifier=verifier).findings
    assert (finding.fault, finding.line) == ("signature", 1)
    make_pair(tmp_path / "b.pem")
    Ledger(tmp_path / "true", signer=Signer(tmp_path / "b.pem")).append({"outcome": "done"})
    (finding,) = check_ledger(tmp_path / "true", verifier=verifier).findings
    assert finding.line == 4
    assert "another key" in finding.detail


def private(path: Path, key, password: bytes | None = None) -> Path:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    path.write_bytes(key.private_bytes(PEM, PKCS8, how))
    return path


def test_what_is_no_key_to_sign_with(tmp_path):
    public = make_pair(tmp_path / "a.pem")
    (tmp_path / "text").write_text("no key")
    locked = private(tmp_path / "locked.pem", ed25519.Ed25519PrivateKey.generate(), b"secret")
    other = private(tmp_path / "other.pem", ec.generate_private_key(ec.SECP256R1()))
    wrong = {locked: "password", other: "not an Ed25519", public: "public key", tmp_path / "text": "no private key"}
    wrong |= {tmp_path / "nowhere": "no such file", tmp_path: "is a directory"}
    for path, said in wrong.items():
        with pytest.raises(ConfigError, match=said) as raised:
            Signer(path)
        assert raised.value.hint
        assert "\n" not in str(raised.value)
    for path in (tmp_path / "text", tmp_path / "a.pem", other, tmp_path / "nowhere"):
        with pytest.raises(ConfigError) as raised:
            Verifier(path)
        assert raised.value.hint


def test_without_the_extra(tmp_path):
    make_pair(tmp_path / "a.pem")
    hiding = "import sys; sys.modules['cryptography'] = None\n"
    for call in (
        f"Signer({str(tmp_path / 'a.pem')!r})",
        f"Verifier({str(tmp_path / 'a.pub.pem')!r})",
        f"make_pair({str(tmp_path / 'n.pem')!r})",
    ):
        code = f"{hiding}from redact.signature import *\nfrom redact.errors import ConfigError\ntry:\n    {call}\n"
        code += "except ConfigError as error:\n    print(error.hint)"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
        assert run.stdout.strip() == 'pip install "redact[sign]"', run.stderr


def test_by_command(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 5, codec="libx264")
    public = make_pair(tmp_path / "a.pem")
    out, ledger, report = tmp_path / "o.mp4", tmp_path / "l.jsonl", tmp_path / "r.json"
    failed_cleanly(command("file", clip, "-o", out, "--sign", tmp_path / "a.pem"), 2)  # there is nothing to sign
    run = command("file", clip, "-o", out, "--sign", tmp_path / "a.pem", "--ledger", ledger, "--report", report)
    assert run.returncode == 0, run.stderr
    run = command("ledger", "check", ledger, "--report", report, "--key", public)
    assert run.returncode == 0, run.stdout
    report.write_text(report.read_text().replace('"warnings": []', '"warnings": ["none"]'))
    run = command("ledger", "check", ledger, "--report", report, "--key", public)
    assert run.returncode == 3
    assert "the report has a signature that does not belong to it" in run.stdout
    failed_cleanly(command("ledger", "check", ledger, "--key", tmp_path / "a.pem"), 2)
