"""What goes into images and definitions."""

import re
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.compose.accounts import ADMINISTRATOR, BROKER_USERS, definitions, hashed
from deploy.compose.secrets import Secrets
from deploy.images.environment import setting, write_settings
from deploy.images.lockfile import blocks, subset
from shared.messaging import topology

LOCK = """\
# made by hand
Some_Thing==1.0 ; python_full_version < '3.12' \\
    --hash=sha256:aa
some.thing==2.0 ; python_full_version >= '3.12' \\
    --hash=sha256:bb
other==3.0 \\
    --hash=sha256:cc
"""


def test_a_distribution_locked_twice_by_marker_is_taken_whole() -> None:
    assert set(blocks(LOCK)) == {"some-thing", "other"}
    assert subset(["SOME.thing"], LOCK).count("--hash") == 2


def test_what_is_not_locked_is_named() -> None:
    with pytest.raises(LookupError, match="absent"):
        subset(["other", "absent"], LOCK)


def test_settings_of_compose_are_changed_and_other_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nHTTP_PORT=9000\nMONGO_IMAGE=old\n", encoding="utf-8")
    write_settings({"MONGO_IMAGE": "new"}, path)
    assert path.read_text(encoding="utf-8") == "# mine\nHTTP_PORT=9000\nMONGO_IMAGE=new\n"
    assert setting("MONGO_IMAGE", "default", path) == "new"
    assert setting("NO_SUCH_SETTING", "default", path) == "default"


def test_secrets_are_made_once_and_what_follows_from_them_agrees(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    secrets.ensure()
    before = {path.name: path.read_bytes() for path in secrets.folder.iterdir() if path.name != "definitions.json"}
    secrets.ensure()
    assert before == {name: (secrets.folder / name).read_bytes() for name in before}
    assert secrets.folder.stat().st_mode & 0o777 == 0o700
    passwords = [before[name] for name in before if name.startswith("password-")]
    assert len(set(passwords)) == len(passwords) >= 12
    assert secrets.password("matching") in secrets.amqp_uri("matching")
    (secrets.folder / "password-broker-matching").unlink()
    secrets.ensure()
    assert (secrets.folder / "amqp-uri-matching").read_bytes() != before["amqp-uri-matching"]


def test_definitions_hold_no_password_and_no_user_without_rights_of_the_topology() -> None:
    document = definitions(lambda account: f"secret of {account}")
    assert "secret of" not in str(document)
    assert {each["name"] for each in document["users"]} == {*BROKER_USERS, ADMINISTRATOR}
    rights = {each["user"]: each for each in document["permissions"]}
    for user in BROKER_USERS:
        assert (rights[user]["configure"], rights[user]["write"], rights[user]["read"]) == topology.permissions(user)
    assert {*BROKER_USERS} == {*topology.SERVICES, "operator", topology.ACCOUNTS_ADMIN}
    assert {each["name"] for each in document["users"] if each["tags"]} == {ADMINISTRATOR, topology.ACCOUNTS_ADMIN}
    assert hashed("same") != hashed("same")


HEALTHY = Path(__file__).resolve().parents[3] / "deploy" / "images" / "healthy.py"


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1), (404, 1)])
def test_a_container_is_as_healthy_as_its_service_says(status: int, expected: int) -> None:
    asked = []

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"database": true}')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        done = _healthy(server.server_port)
        thread.join()
    assert (done.returncode, asked) == (expected, ["/health/ready"])
    assert "database" in done.stdout


def test_a_container_whose_service_does_not_answer_is_not_healthy() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert _healthy(free.getsockname()[1]).returncode == 1


def _healthy(port: int) -> subprocess.CompletedProcess[str]:
    environ = {"HEALTH_PORT": str(port)}
    return subprocess.run([sys.executable, "-S", str(HEALTHY)], env=environ, capture_output=True, text=True, timeout=30)


def test_every_file_of_secrets_that_compose_names_is_made(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    secrets.ensure()
    checkout = Path(__file__).resolve().parents[3]
    for file in (checkout / "docker-compose.yml", checkout / "deploy" / "compose" / "cluster.yml"):
        named = re.findall(r"secrets\}/([\w.-]+)\"", file.read_text(encoding="utf-8"))
        assert named
        assert [name for name in named if not (tmp_path / name).is_file()] == []
