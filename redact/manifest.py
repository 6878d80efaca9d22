"""A signed C2PA manifest in an output: it was opened, and edited in these regions. Needs the extra ``c2pa``.

The original is named as its parent by digest alone: the library never gets to see it, so it can embed no thumbnail,
no metadata and no earlier manifest of it. Nothing is asked of any server, so the signature bears no outside time.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redact.cover.shapes import spread
from redact.digests import FileDigest, tool
from redact.errors import ConfigError, SinkError
from redact.outfile import OutFile
from redact.policy import digest, plain
from redact.regions import Region
from redact.report import Result
from redact.tally import Stretch, Whole
from redact.verify.seals import PARAMETER

FORMATS: dict[str, str] = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".gif": "image/gif",
}
"""Suffix → media type of what can carry a manifest."""
ROLE = "c2pa.redacted"
"""Regions bear it in a parameter of their action. The libraries of 2026 cannot read a role in ``changes``, and refuse
the whole file for one (c2pa-rs 0.78 to 0.91: "invalid type: string, expected enum Role"): there it is left out."""
_HUMAN = "http://cv.iptc.org/newscodes/imageregiontype/human"
_SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype"
_GAP = 0.5  # seconds between frames covered whole that count as one stretch
_SETTINGS: dict[str, Any] = {
    "version": 1,
    "core": {"allowed_network_hosts": []},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": False, "verify_after_sign": True},
    "builder": {"thumbnail": {"enabled": False}},
}
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


class Sealer:
    """Signs manifests into outputs. certificates: PEM chain, the signer's first. key: its private key, PEM.

    Signs a picture of its own at once, so that a pair that cannot sign is known before the work. Raises ConfigError.
    """

    def __init__(self, certificates: str | os.PathLike[str], key: str | os.PathLike[str]) -> None:
        try:
            import c2pa
        except ImportError:
            raise ConfigError("manifests need the extra c2pa", hint='pip install "redact[c2pa]"') from None
        self._c2pa = c2pa
        chain, secret = _read(certificates), _read(key)
        self._algorithm = _algorithm(certificates, chain, key, secret)
        self._chain, self._secret = chain, secret
        from PIL import Image

        blank = io.BytesIO()
        Image.new("L", (8, 8)).save(blank, "JPEG")
        blank.seek(0)
        try:
            made = {"action": "c2pa.created", "digitalSourceType": f"{_SOURCES}/algorithmicMedia"}
            self._sign(_manifest([], [made]), "image/jpeg", blank, io.BytesIO())
        except c2pa.C2paError as error:
            raise ConfigError(
                f"{certificates}: cannot sign a manifest ({_one_line(error)})",
                hint="C2PA asks for an end-entity certificate with digital signature and e-mail protection, "
                "and its chain up to, without, the root",
            ) from None

    def check(self, output: str | os.PathLike[str]) -> None:
        """Raises ConfigError where an output of that name can carry no manifest."""
        suffix = Path(output).suffix.lower()
        if suffix not in FORMATS:
            raise ConfigError(
                f"{output}: {suffix or 'a file without a suffix'} cannot carry a C2PA manifest",
                hint=f"name it {', '.join(FORMATS)}",
            )

    def seal(self, result: Result) -> None:
        """Put the manifest of a run into its output. Raises SinkError, ConfigError; then there is no output."""
        path = Path(result.output)
        try:
            self.check(path)
            with OutFile(path, overwrite=True, inputs=[result.input]) as out, path.open("rb") as source:
                try:
                    with out.explained():
                        self._sign(definition(result), FORMATS[path.suffix.lower()], source, out.file)
                except self._c2pa.C2paError as error:
                    raise SinkError(
                        f"{path}: cannot take a manifest ({_one_line(error)})", hint="leave out --c2pa"
                    ) from error
                out.commit()
        except BaseException:
            path.unlink(missing_ok=True)  # what was to be signed and is not must not be taken for it
            raise

    def _sign(self, manifest: dict[str, Any], format: str, source: Any, target: Any) -> None:
        c2pa = self._c2pa
        info = c2pa.C2paSignerInfo(self._algorithm, self._chain, self._secret, None)  # None: no server of times
        with (
            c2pa.Context.from_dict(_SETTINGS) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(manifest, context=context) as builder,
        ):
            builder.sign(signer, format, source, target)


def definition(result: Result) -> dict[str, Any]:
    """What the manifest of a run says. Raises SinkError where the input is gone."""
    try:
        original = FileDigest.of(result.input)
    except OSError as error:
        raise SinkError(
            f"{result.input}: is gone before it could be named ({error.strerror})", hint="run it again"
        ) from error
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    regions = list(_regions(result))
    policy = result.policy
    opened = {"action": "c2pa.opened", "when": now, "parameters": {"ingredientIds": ["original"]}}
    edited = {
        "action": "c2pa.edited",
        "when": now,
        "softwareAgent": _generator(),
        "changes": regions,
        "parameters": {
            "description": f"covered: {', '.join(policy.find) or 'polygons'}; style: {policy.style}",
            "redact.policy_sha256": digest(plain(policy)),
            PARAMETER: [{**region, "role": ROLE} for region in regions],
        },
    }
    parent = {
        "title": "original",  # not its name, which may tell of people
        "label": "original",
        "relationship": "parentOf",
        "format": FORMATS.get(Path(result.input).suffix.lower(), "application/octet-stream"),
        "instance_id": _named_by(original.sha256),
    }
    return _manifest([parent], [opened, edited])


def _manifest(ingredients: list[dict[str, Any]], actions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "claim_generator_info": [_generator()],
        "ingredients": ingredients,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def _regions(result: Result) -> Iterator[dict[str, Any]]:
    """Regions of interest: where and when each track was covered, what always was, and when everything was."""
    width, height = result.video.width, result.video.height
    moves = result.duration > 0
    for stretch in result.stretches:
        time = _time(stretch.first, stretch.last) if moves else []
        region = {"region": [_rectangle(_covered(stretch, result)), *time], "identifier": f"track-{stretch.track}"}
        kind = {} if stretch.kind == "plate" else {"type": _HUMAN}
        yield {**region, **kind, "name": stretch.kind}
    for polygon in result.policy.always:
        corners = [{"x": x * width, "y": y * height} for x, y in polygon]
        shape = {
            "type": "spatial",
            "shape": {"type": "polygon", "unit": "pixel", "origin": corners[0], "vertices": corners},
        }
        yield {"region": [shape], "name": "always covered"}
    whole = [_rectangle((0.0, 0.0, float(width), float(height)))]
    for first, last in _together(result.moments, result.duration, sum(result.whole.values())):
        yield {"region": [*whole, *(_time(first, last) if moves else [])], "name": "covered whole"}


def _covered(stretch: Stretch, result: Result) -> tuple[float, float, float, float]:
    """A box around all that was covered of a track."""
    half = (stretch.width / 2, stretch.height / 2)
    largest = Region(stretch.kind, stretch.track, (-half[0], -half[1], *half), 1.0, "seen")
    _, _, right, down = spread(largest, result.policy)
    x1, y1, x2, y2 = stretch.centres
    width, height = float(result.video.width), float(result.video.height)
    return (max(x1 - right, 0.0), max(y1 - down, 0.0), min(x2 + right, width), min(y2 + down, height))


def _together(moments: Iterable[Whole], duration: float, count: int) -> Iterator[tuple[float, float]]:
    """Frames covered whole as stretches; where not all are known by time, the last goes on to the end."""
    moments = list(moments)
    spans: list[list[float]] = []
    for moment in moments:
        if spans and moment.time - spans[-1][1] <= _GAP:
            spans[-1][1] = moment.time
        else:
            spans.append([moment.time, moment.time])
    if spans and count > len(moments):
        spans[-1][1] = max(duration, spans[-1][1])
    yield from ((first, last) for first, last in spans)


def _rectangle(box: tuple[float, float, float, float]) -> dict[str, Any]:
    x1, y1, x2, y2 = (round(edge, 1) for edge in box)
    origin = {"x": x1, "y": y1}
    shape = {
        "type": "rectangle",
        "unit": "pixel",
        "origin": origin,
        "width": round(x2 - x1, 1),
        "height": round(y2 - y1, 1),
    }
    return {"type": "spatial", "shape": shape}


def _time(first: float, last: float) -> list[dict[str, Any]]:
    return [{"type": "temporal", "time": {"type": "npt", "start": f"{first:.3f}", "end": f"{last:.3f}"}}]


def _named_by(sha256: str) -> str:
    """A name for a file from its digest (RFC 6920), which whoever has the file can compute."""
    return f"ni:///sha-256;{base64.urlsafe_b64encode(bytes.fromhex(sha256)).rstrip(b'=').decode()}"


def _generator() -> dict[str, str]:
    name, _, version = tool().partition(" ")
    return {"name": name, "version": version} if version else {"name": name}


def _algorithm(certificates: object, chain: bytes, path: object, secret: bytes) -> bytes:
    """The signature algorithm that a key is for. Raises ConfigError where key and certificate do not go together."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
    except ValueError:
        raise ConfigError(f"{certificates}: holds no certificates", hint="a PEM chain, the signer's first") from None
    try:
        key = load_pem_private_key(secret, None)
    except TypeError:
        raise ConfigError(
            f"{path}: is protected by a password", hint=f"openssl pkey -in {path} -out PLAIN.pem, for you alone"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{path}: is no private key", hint="the key of the first certificate, as PEM") from None
    if key.public_key() != leaf.public_key():
        raise ConfigError(
            f"{path}: is not the key of the first certificate", hint="put the signer's first in the chain"
        )
    if not leaf.not_valid_before_utc <= datetime.now(UTC) <= leaf.not_valid_after_utc:
        raise ConfigError(f"{certificates}: is not valid today", hint="ask for a new certificate")
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name].encode()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return b"ps256"
    raise ConfigError(f"{path}: C2PA signs with no such key", hint="P-256, P-384, P-521, Ed25519 or RSA")


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1_000_000)
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}", hint="check the path") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
