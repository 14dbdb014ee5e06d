"""An authority of the test's own, and certificates it signs: right ones, old ones, for other names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates into files of a folder. ``file`` is its own certificate."""

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = self._sign(name, self._key, timedelta(), addresses=(), is_authority=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, addresses: tuple[str, ...] = (), age: timedelta = timedelta()) -> Path:
        """Make a key and a certificate valid for ten days from a day before ``age`` ago; both in one file, 0600."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = self._sign(name, key, age, addresses=addresses, is_authority=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (file := self._folder / f"{name}.pem").touch(mode=0o600)
        file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
        return file

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        age: timedelta,
        *,
        addresses: tuple[str, ...],
        is_authority: bool,
    ) -> x509.Certificate:
        begins = datetime.now(UTC) - age - timedelta(days=1)
        public = key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + timedelta(days=10))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if is_authority:
            usage = x509.KeyUsage(
                digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
                key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
            )  # fmt: skip
            builder = builder.add_extension(usage, critical=True)
        if addresses:
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(each)) for each in addresses])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())
