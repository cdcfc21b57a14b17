"""Whom the cloud's side trusts: exactly the certificate that was handed over, or the system's authorities.

The cloud is a Java client: trusted is the certificate itself or what it signed, and names are checked against
the subject alternative names only.
"""

import ssl


def trusting(certificate: bytes) -> ssl.SSLContext:
    """Return how to connect when nothing is trusted but *certificate* (DER) and what it signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    # As in Java, a certificate that was handed over is trusted itself, whoever signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


def system_trust() -> ssl.SSLContext:
    """Return how to connect when the system's own authorities are trusted."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
