"""Services as processes: made ready, killed, restarted, stopped, and told apart by name."""

import signal
from collections.abc import Callable, Iterator

import pytest

from deploy.local import Deployment, Infrastructure, LaunchError

pytestmark = pytest.mark.integration


@pytest.fixture
def deployment(infrastructure: Infrastructure) -> Iterator[Deployment]:
    found = Deployment(infrastructure, {"CLOCK_SPEED": "1"})
    yield found
    found.stop_all()


def test_replicas_are_ready_die_alone_and_come_back(
    deployment: Deployment, infrastructure: Infrastructure, eventually: Callable[..., object]
) -> None:
    first, second = deployment.start("session_timer", replicas=2)
    assert (first, second) == ("session_timer-1", "session_timer-2")
    deployment.wait_ready(first, second)
    assert deployment.health(first, "/health/live") == (200, '{"live": true}')
    pids = {name: infrastructure.state.daemons[name].pid for name in (first, second)}

    deployment.kill(first)
    assert not deployment.is_alive(first)
    assert infrastructure.status()[first] == "ended"
    assert deployment.health(second)[0] == 200

    deployment.restart(first)
    assert infrastructure.state.daemons[first].pid != pids[first]
    assert infrastructure.state.daemons[second].pid == pids[second]

    deployment.stop(second)
    log = infrastructure.space.log(second).read_text()
    assert f'"{signal.SIGTERM.name}"' in log
    assert '"stopped"' in log
    # Its name is free for the next one.
    assert deployment.start("session_timer") == [second]


def test_services_on_a_restarted_broker_become_ready_again(
    deployment: Deployment, infrastructure: Infrastructure
) -> None:
    names = deployment.start("session_timer")
    deployment.wait_ready(*names)
    infrastructure.restart_broker()
    deployment.wait_ready(*names)


def test_a_service_that_does_not_start_is_said_with_its_reason(deployment: Deployment) -> None:
    (name,) = deployment.start("session_timer", environ={"CLOCK_SPEED": "-1"})
    with pytest.raises(LaunchError, match="CLOCK_SPEED"):
        deployment.wait_ready(name)


def test_going_down_stops_services_too(infrastructure: Infrastructure, deployment: Deployment) -> None:
    deployment.wait_ready(*deployment.start("session_timer"))
    daemon = infrastructure.state.daemons["session_timer-1"]
    infrastructure.release()
    try:
        assert not daemon.is_alive()
        assert infrastructure.status() == {"rabbitmq": "stopped", "mongod": "stopped"}
    finally:
        infrastructure.up()
