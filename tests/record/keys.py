"""Keys and certificates as an office would have them, made fresh for a test, and what a camera signs with them."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
PEM = serialization.Encoding.PEM
DAY = datetime.timedelta(days=1)


def certify(folder: Path, *, days: int = 365, curve: ec.EllipticCurve | None = None) -> tuple[Path, Path, Path]:
    """(chain, key, root) of a signer whom a root of its own vouches for."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(curve or ec.SECP256R1())
    root_name, name = _name("Test root"), _name("Test signer")
    root = (
        _builder(root_name, root_name, root_key, 400)
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(_usage(signs_certificates=True), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _builder(name, root_name, key, days)
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(_usage(signs_certificates=False), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(root_key, hashes.SHA256())
    )
    paths = folder / "chain.pem", folder / "signer.pem", folder / "root.pem"
    paths[0].write_bytes(leaf.public_bytes(PEM))
    secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths[1].write_bytes(secret)
    paths[2].write_bytes(root.public_bytes(PEM))
    return paths


def _name(words: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Records Office"),
            x509.NameAttribute(NameOID.COMMON_NAME, words),
        ]
    )


def _builder(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + min(days, 0) * DAY - DAY)
        .not_valid_after(now + days * DAY)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def sign_as_camera(plain: Path, signed: Path, office: tuple[Path, Path, Path], format: str) -> bytes:
    """Put a manifest into a copy as a camera does: with a picture of all that it saw, which is given back."""
    import c2pa

    definition = {
        "claim_generator_info": [{"name": "camera"}],
        "thumbnail": {"format": "image/jpeg", "identifier": "thumb.jpg"},
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": CAPTURE}]},
            }
        ],
    }
    thumbnail = io.BytesIO()
    Image.effect_noise((64, 48), 80).save(thumbnail, "JPEG")
    info = c2pa.C2paSignerInfo(b"es256", office[0].read_bytes(), office[1].read_bytes(), None)
    with c2pa.Builder(definition, context=c2pa.Context.from_dict({"verify": {"verify_trust": False}})) as builder:
        builder.add_resource("thumb.jpg", io.BytesIO(thumbnail.getvalue()))
        with plain.open("rb") as source, signed.open("w+b") as target:
            builder.sign(c2pa.Signer.from_info(info), format, source, target)
    return thumbnail.getvalue()
