"""``python -m deploy.compose.tls_door``: takes TLS connections and hands what is in them to the gateway.

For trials of the whole stack under TLS; in front of a real one stands the organization's own proxy. Settings:
``TLS_CERTIFICATE_FILE`` (certificate and key in one file), ``DOOR_PORT`` (8443), ``GATEWAY`` (``gateway:8000``).
"""

import asyncio
import contextlib
import os
import ssl
import sys

#: Seconds a client may take to agree on TLS, and the gateway to accept.
PATIENCE = 10

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


async def serve(certificate: str, port: int, gateway: str) -> None:
    """Serve until cancelled."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate)
    host, _, number = gateway.rpartition(":")

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            try:
                inside: Streams = await asyncio.wait_for(asyncio.open_connection(host, int(number)), PATIENCE)
            except BaseException:
                writer.close()
                raise
            # Whichever side ends first ends the other.
            await asyncio.gather(_copy(reader, inside[1]), _copy(inside[0], writer), return_exceptions=True)

    # In a container: what is published of it, and where, Compose says.
    server = await asyncio.start_server(take, "", port, ssl=context, ssl_handshake_timeout=PATIENCE)
    async with server:
        await server.serve_forever()


def main() -> int:
    """Serve with the settings of the environment."""
    certificate = os.environ["TLS_CERTIFICATE_FILE"]
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(
            serve(certificate, int(os.environ.get("DOOR_PORT", "8443")), os.environ.get("GATEWAY", "gateway:8000"))
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
