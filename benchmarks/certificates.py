"""Certificates of an authority of our own, for the servers of this machine."""

from __future__ import annotations

import datetime
import ipaddress
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path


def make_certificates(folder: Path) -> None:
    """Write ``ca.pem`` for the client and ``server.pem``: key, certificate and intermediate, all RSA 2048."""
    now = datetime.datetime.now(datetime.timezone.utc)
    issuer: tuple[x509.Name, rsa.RSAPrivateKey] | None = None
    pems = {}
    for name in ("Root", "Intermediate", "localhost"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer_name, issuer_key = issuer or (subject, key)
        addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
            .add_extension(x509.BasicConstraints(ca=name != "localhost", path_length=None), critical=True)
            .add_extension(_key_usage(signs=name != "localhost"), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )
        pems[name] = certificate.public_bytes(serialization.Encoding.PEM)
        issuer = subject, key
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(pems["Root"])
    (folder / "server.pem").write_bytes(private + pems["localhost"] + pems["Intermediate"])


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    """What OpenSSL asks of an authority's certificate; ``signs`` others'."""
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
