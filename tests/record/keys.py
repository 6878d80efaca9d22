"""Keys and certificates as an office would have them, made fresh for a test."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

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
