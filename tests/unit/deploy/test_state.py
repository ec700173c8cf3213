"""What is kept between commands."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.infrastructure import Infrastructure
from deploy.local.machine.daemon import Daemon
from deploy.local.secrets import Secrets
from deploy.local.state import State, write_secret

names = st.text(min_size=1, max_size=12)
states = st.builds(
    State,
    ports=st.dictionaries(names, st.integers(1, 65535), max_size=4),
    daemons=st.dictionaries(names, st.builds(Daemon, st.integers(2**30, 2**31), names), max_size=4),
    amqp_uri=st.none() | names,
    mongo_uri=st.none() | names,
    kept=st.booleans(),
)


@given(state=states)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, state: State) -> None:
    path = tmp_path_factory.mktemp("run") / "state.json"
    state.write(path)
    assert State.read(path) == state


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", "null", '{"daemons": {"x": {"pid": 1}}}', '{"daemons": {}, "other": 1}']
)
def test_a_torn_or_foreign_file_says_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    assert State.read(path) == State()


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    old_mask = os.umask(0)
    try:
        write_secret(path, "x")
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["key"]


def test_a_dead_process_does_not_count_as_running() -> None:
    gone = Daemon(2**30, "never")
    state = State(daemons={"epmd": gone, "rabbitmq": gone, "mongod": gone})
    assert not state.is_up
    assert State(amqp_uri="amqp://given", mongo_uri="mongodb://given").is_up


def test_secrets_stay_the_same(tmp_path: Path) -> None:
    first, again = Secrets(tmp_path), Secrets(tmp_path)
    first.ensure()
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    password = first.password("matching")
    again.ensure()
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert again.password("matching") == password != again.password("feedback")


def test_a_service_is_told_its_own_secrets_and_no_others(tmp_path: Path) -> None:
    launcher = Infrastructure(tmp_path)
    launcher.state.ports.update(amqp=1, management=3, mongod=2)
    told = {
        name: launcher.environment(name) for name in ("gateway", "registration", "matching", "integrations", "operator")
    }
    assert "MONGO_URI" not in told["gateway"]
    assert [name for name, each in told.items() if "TOKEN_PRIVATE_KEY_FILE" in each] == ["gateway"]
    assert [name for name, each in told.items() if "ORGANIZER_PASSWORD_FILE" in each] == ["gateway"]
    assert [name for name, each in told.items() if "ACCESS_CODE_KEY_FILE" in each] == ["registration"]
    assert [name for name, each in told.items() if "WEBHOOK_KEY_FILE" in each] == ["integrations"]
    assert told["matching"]["MONGO_URI"].startswith("mongodb://matching:")
    assert len({each["AMQP_URI"] for each in told.values()}) == 5
