"""TLS trust on the cloud's side: only the handed-over certificate, or the system's authorities.

The cloud is a Java client: it trusts the certificate itself and those that it signed, and checks names only
against the subject alternative names.
"""

import ssl


def trusting(certificate: bytes) -> ssl.SSLContext:
    """Return a context that trusts only *certificate* (DER) and those that it signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    # As in Java, the handed-over certificate itself is trusted, whatever signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


def system_trust() -> ssl.SSLContext:
    """Return a context that trusts the system's authorities."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
