"""How a node at an `https://` or `wss://` address has to prove who it is."""

import ssl


def node_tls(ca: str | None, verify: bool) -> ssl.SSLContext:
    """The TLS settings for a node's connections, HTTP and WebSocket alike.

    `ca`: a file of CA certificates in PEM, None for those of the system. Without `verify` any certificate will do.
    Raises OSError if the file cannot be read.
    """
    context = ssl.create_default_context(cafile=ca)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
