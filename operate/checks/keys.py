"""Keys and certificate: whether they can be read, belong together, and are still good."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from chassis.identity import Verifier, public_key
from operate.findings import Finding, State, fine, unset
from operate.rotate_keys import ISSUERS
from operate.settings import DoctorSettings

SUBJECT = "trusted keys"
RENEW_BEFORE = timedelta(days=14)
MAKE_THEM = "python -m deploy.credentials makes what is missing, and the set of the public keys anew"


def check_keys(settings: DoctorSettings) -> Iterator[Finding]:
    """Yield what is found of the keys with which processes trust each other."""
    if not settings.identity_trusted_keys:
        yield unset(SUBJECT, "IDENTITY_TRUSTED_KEYS", "set IDENTITY_TRUSTED_KEYS")
        return
    try:
        Verifier(settings.identity_trusted_keys)
        trusted: list[dict[str, Any]] = json.loads(settings.identity_trusted_keys.read_text())["keys"]
    except (OSError, ValueError) as error:
        yield Finding(SUBJECT, State.WRONG, str(error), MAKE_THEM)
        return
    yield fine(SUBJECT, f"{len(trusted)} are trusted: {', '.join(key['kid'] for key in trusted)}")
    for issuer in ISSUERS:
        yield _check_signing_key(issuer, settings.get(f"{issuer}_signing_key"), trusted)


def _check_signing_key(issuer: str, pem: str, trusted: list[dict[str, Any]]) -> Finding:
    subject, variable = f"signing key {issuer}", f"{issuer.upper()}_SIGNING_KEY"
    if not pem:
        return unset(subject, variable)
    try:
        public = public_key(issuer, pem)
    except ValueError as error:
        return Finding(subject, State.WRONG, f"it can't be read: {error}", MAKE_THEM)
    if any(key["kid"] == public["kid"] and key.get("x") == public["x"] for key in trusted):
        return fine(subject, f"{public['kid']} is trusted")
    return Finding(
        subject,
        State.WRONG,
        f"{public['kid']} is not trusted: services refuse what {issuer} says",
        MAKE_THEM,
    )


def check_certificate(file: Path | None) -> Finding:
    """Return how long the certificate of the proxy is good for."""
    subject = "certificate"
    if file is None:
        return unset(subject, "TLS_CERTIFICATE", "set TLS_CERTIFICATE to the proxy's file")
    try:
        # Those of who signed it may follow.
        certificate = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, ValueError, IndexError) as error:
        return Finding(subject, State.WRONG, f"{file} can't be read: {error}", "put the certificate there, as PEM")
    end = certificate.not_valid_after_utc
    left, named = end - datetime.now(UTC), f"{end:%Y-%m-%d}"
    renew = "renew it, and restart the proxy"
    if left <= timedelta(0):
        return Finding(subject, State.WRONG, f"it was good until {named}", renew)
    if certificate.issuer == certificate.subject:
        said = f"it is self-signed, good until {named}: browsers warn of it"
        return Finding(subject, State.WARNING, said, "put one of a certificate authority there, and restart the proxy")
    if left < RENEW_BEFORE:
        return Finding(subject, State.WARNING, f"it is good until {named}", renew)
    return fine(subject, f"it is good until {named}")
