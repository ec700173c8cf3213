"""Given the stack of docker-compose.yml, up and healthy: what it shows to the outside, and what a container may do."""

import json
import subprocess

import pytest
from amqp import Connection
from amqp.exceptions import AccessRefused
from stack import SERVICES, Stack, docker


def test_only_the_gateway_is_published(stack: Stack) -> None:
    # Without the ports that the tests look in by.
    plain = Stack(stack.name, stack.files[:1], stack.secrets, stack.environ, stack.clock)
    published = plain.compose("config", "--format", "json").stdout
    services = json.loads(published)["services"]
    assert [name for name, each in services.items() if each.get("ports")] == ["gateway"]
    assert {each["host_ip"] for each in services["gateway"]["ports"]} == {"127.0.0.1"}


def test_no_container_runs_as_root_or_may_write_to_its_image_or_win_rights(stack: Stack) -> None:
    names = stack.all_containers()
    kinds = {stack.inspect(name)["Config"]["Labels"]["com.docker.compose.service"] for name in names}
    assert kinds == {*SERVICES, "broker", "database"}
    for name in names:
        found = stack.inspect(name)
        assert found["Config"]["User"].partition(":")[0] not in ("", "0", "root"), name
        assert found["HostConfig"]["ReadonlyRootfs"], name
        assert found["HostConfig"]["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in found["HostConfig"]["SecurityOpt"], name
        assert found["HostConfig"]["Memory"] > 0, name
        assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped", name
        assert found["HostConfig"]["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}, name
        writing = subprocess.run(["docker", "exec", name, "sh", "-c", "echo x > /opt/x"], capture_output=True)
        assert writing.returncode != 0, f"{name} can write outside its volumes"


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_has_its_own_service_only_and_nothing_to_build_with(stack: Stack, service: str) -> None:
    (name,) = stack.containers(service)[:1]
    own = docker("exec", name, "sh", "-c", "ls /opt/speedmentor/app/services").split()
    assert [each for each in own if not each.startswith("__")] == [service]
    for tool in ("gcc", "cc", "make", "git", "curl", "wget"):
        found = subprocess.run(["docker", "exec", name, "sh", "-c", f"command -v {tool}"], capture_output=True)
        assert found.returncode != 0, f"{tool} is in the image of {service}"


def test_no_password_is_in_a_containers_environment_or_image(stack: Stack) -> None:
    known = [path.read_text("utf-8").strip() for path in stack.secrets.folder.glob("password-*")]
    known.append(stack.secrets.organizer_password)
    assert len(known) > 10
    for name in stack.all_containers():
        told = docker("inspect", name)
        assert not [each for each in known if each in told], f"a secret is in what the engine tells of {name}"


def test_the_command_check_runs_in_a_container_of_its_own(stack: Stack) -> None:
    done = stack.compose("run", "--rm", "--no-deps", "speedmentor", "check")
    assert "all queues are empty" in done.stdout


def test_no_wrong_password_and_no_user_of_the_brokers_own_is_let_in(stack: Stack) -> None:
    host = f"127.0.0.1:{stack.environ['OBSERVED_BROKER_PORT']}"
    for user, password in (("guest", "guest"), ("matching", "wrong")):
        with pytest.raises(AccessRefused):
            Connection(host, user, password, virtual_host=stack.vhost).connect()
