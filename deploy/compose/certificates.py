"""``python -m deploy.compose.certificates [FOLDER]``: certificates for trying out TLS, beside the secrets.

An authority of the deployment's own signs one certificate each for broker, database and gateway. They are for trials:
the authority's key lies beside them. An organization has certificates of its own, under the same file names.
"""

import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.compose.secrets import FOLDER, Secrets

#: How long they are valid.
VALID = timedelta(days=90)

#: The names each server is called by, in containers and from the same machine.
NAMES = {
    "broker": ("broker", "broker-1", "broker-2", "broker-3", "localhost"),
    "database": ("database", "database-1", "database-2", "database-3", "localhost"),
    "gateway": ("gateway", "localhost"),
}


def ensure(folder: Path) -> None:
    """Make an authority and the servers' certificates, unless they are there and valid for another week."""
    secrets = Secrets(folder)
    path = folder / "tls-authority.pem"
    if path.exists():
        known = x509.load_pem_x509_certificate(path.read_bytes())
        if known.not_valid_after_utc > datetime.now(UTC) + timedelta(days=7):
            secrets.ensure()
            _write_uris(secrets)
            return
    secrets.ensure()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "speedmentor trial authority")])
    authority = (
        _begin(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secrets.write("tls-authority.pem", authority.public_bytes(serialization.Encoding.PEM))
    secrets.write("tls-authority-key.pem", _private(key))
    for server, names in NAMES.items():
        own = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = [x509.DNSName(each) for each in names]
        alternatives.append(x509.IPAddress(ip_address("127.0.0.1")))
        certificate = (
            _begin(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, server)]), name, own)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(
                # Members of the database are one another's clients too.
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        public = certificate.public_bytes(serialization.Encoding.PEM)
        # In one file, as mongod wants it; the others take it so too.
        secrets.write(f"tls-{server}.pem", public + _private(own))
    _write_uris(secrets)


def _write_uris(secrets: Secrets) -> None:
    for path in secrets.folder.glob("amqp-uri-*"):
        uri = path.read_text(encoding="utf-8").replace("amqp://", "amqps://").replace(":5672/", ":5671/")
        secrets.write(f"tls-{path.name}", uri.encode())
    uri = (secrets.folder / "broker-admin-uri").read_text(encoding="utf-8")
    secrets.write("tls-broker-admin-uri", uri.replace("http://", "https://").replace(":15672", ":15671").encode())
    for path in secrets.folder.glob("mongo-uri-*"):
        uri = path.read_text(encoding="utf-8") + "&tls=true&tlsCAFile=/run/secrets/tls-authority.pem"
        secrets.write(f"tls-{path.name}", uri.encode())


def _begin(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID)
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def main(arguments: list[str]) -> int:
    """Make the certificates."""
    folder = Path(arguments[0]) if arguments else FOLDER
    ensure(folder)
    print(f"certificates for trials are in {folder}; browsers and clients are to trust {folder / 'tls-authority.pem'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
