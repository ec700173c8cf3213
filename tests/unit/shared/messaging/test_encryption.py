"""Who answers an encrypted connection must have a certificate of its own name."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.compose.certificates import ensure
from shared.messaging.connection import LOST, connect, encryption


class Server(threading.Thread):
    """Takes TLS connections with the trial certificate of a broker, and hangs up once each is encrypted."""

    def __init__(self, certificate: Path) -> None:
        super().__init__(daemon=True)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        # All loopback addresses: the certificate is for one of them.
        self._socket = socket.create_server(("0.0.0.0", 0))  # noqa: S104
        self.port = self._socket.getsockname()[1]
        self.encrypted = 0

    def run(self) -> None:
        while True:
            try:
                with self._context.wrap_socket(self._socket.accept()[0], server_side=True):
                    self.encrypted += 1
            except ssl.SSLError:
                continue
            except OSError:
                return

    def close(self) -> None:
        """Take no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join(5)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    ensure(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "tls-authority.pem"))
    made = Server(tmp_path / "tls-broker.pem")
    made.start()
    yield made
    made.close()


def test_a_certificate_for_another_host_is_refused(server: Server) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.2"):
        connect(f"amqps://a:b@127.0.0.2:{server.port}/v", "test")
    assert server.encrypted == 0


def test_a_certificate_for_the_host_is_taken(server: Server) -> None:
    with pytest.raises(LOST) as lost:
        connect(f"amqps://a:b@127.0.0.1:{server.port}/v", "test")
    assert not isinstance(lost.value, ssl.SSLCertVerificationError)
    assert server.encrypted > 0


def test_without_tls_there_is_nothing_to_check() -> None:
    assert encryption("amqp://a:b@broker:5672/v") is None
