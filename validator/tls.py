"""The TLS of connections to other systems: verified, by the server's name, whatever the environment has."""

import ssl
from pathlib import Path


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return a client's context that trusts the authorities in *ca_file* (PEM); without one the system's.

    Raises OSError, of which ssl.SSLError is one, when the file cannot be read as certificates.
    """
    # Not create_default_context: it would write the session keys to $SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cafile=ca_file)
    return context
