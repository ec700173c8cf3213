"""A service as a process: how it starts, ends, answers, and what it tells about itself."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Any

import pika
import pytest

from deploy.local import Infrastructure
from shared.ids import new_id
from shared.messaging.topology import LOG_INS, subscription
from shared.security.principal import ORGANIZER, Principal
from shared.security.tokens import sign
from tests.integration.backbone.stage import PARTICIPANTS, ROOT, RpcCaller, Stage, mentee

pytestmark = pytest.mark.integration
Eventually = Callable[..., Any]


def test_a_missing_setting_ends_the_process_with_status_2_and_its_name(stage: Stage) -> None:
    environ = {key: value for key, value in stage.environment("echo").items() if key != "MONGO_URI"}
    environ["HEALTH_PORT"] = "many"
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.integration.backbone.replica", "echo"],
        env={"PATH": "/usr/bin", **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 2
    assert "MONGO_URI: not set" in result.stderr
    assert "HEALTH_PORT: 'many' is not valid" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_idle_replica_ends_at_once_with_status_0(stage: Stage) -> None:
    replica = stage.start()
    assert replica.stop() == 0
    # It has waited for nothing that was still in hand.
    assert [line["message"] for line in replica.logs()][-1] == "stopped"
    assert not [line for line in replica.logs() if line["message"] == "stopping-unfinished"]


def test_what_is_in_hand_at_the_signal_is_finished_and_the_rest_left_to_others(
    stage: Stage, eventually: Eventually
) -> None:
    replica = stage.start()
    gated = mentee("gated")
    stage.publish([gated])
    gate = stage.database()["gate"]
    eventually(lambda: gate.find_one({"_id": "reached"}))
    later = [mentee() for _ in range(3)]
    stage.publish(later)
    replica.process.terminate()
    eventually(lambda: [line for line in replica.logs() if line["message"] == "stopping"])
    gate.insert_one({"_id": "open"})
    assert replica.process.wait(30) == 0
    assert [each["event"] for each in stage.effects()] == [gated.id]
    eventually(lambda: stage.waiting(PARTICIPANTS.queue) == 3)
    stage.start()
    assert {each["event"] for each in stage.wait_for_effects(4)} == {gated.id, *(event.id for event in later)}


def test_what_cannot_be_finished_in_time_goes_back_to_the_queue(stage: Stage, eventually: Eventually) -> None:
    replica = stage.start()
    gated = mentee("gated")
    stage.publish([gated])
    gate = stage.database()["gate"]
    eventually(lambda: gate.find_one({"_id": "reached"}))
    assert replica.stop() == 0
    eventually(lambda: stage.waiting(PARTICIPANTS.queue) == 1)
    assert stage.effects() == []
    gate.insert_one({"_id": "open"})
    stage.start()
    assert [each["event"] for each in stage.wait_for_effects(1)] == [gated.id]


def test_a_signal_while_the_database_is_not_there_yet_ends_the_process(stage: Stage, eventually: Eventually) -> None:
    replica = stage.launch(MONGO_URI="mongodb://127.0.0.1:1/nowhere")
    eventually(lambda: replica.health("live")[0] == 200, 30)
    status, body = replica.health()
    assert status == 503
    assert json.loads(body)["database"] is False
    assert replica.stop() == 0


def test_health_and_metrics(stage: Stage, eventually: Eventually) -> None:
    replica = stage.start()
    assert json.loads(replica.health("live")[1]) == {"live": True}
    ready = json.loads(replica.health()[1])
    queues = {f"queue {each.queue}": True for each in (PARTICIPANTS, subscription("matching", LOG_INS))}
    assert ready == {"broker": True, "database": True, "relay": True, **queues}
    stage.publish([mentee() for _ in range(7)])
    stage.wait_for_effects(7)
    eventually(lambda: replica.metric("speedmentor_events_handled_total", queue=PARTICIPANTS.queue) == 7)
    eventually(lambda: replica.metric("speedmentor_outbox_published_total") == 7)
    eventually(lambda: replica.metric("speedmentor_outbox_pending") == 0)
    eventually(lambda: replica.metric("speedmentor_batch_seconds_count", queue=PARTICIPANTS.queue) >= 1)


def test_logs_are_json_lines_with_the_id_of_the_request(stage: Stage, rpc: RpcCaller) -> None:
    replica = stage.start()
    correlation = str(uuid.uuid4())
    event = mentee()
    stage.publish([event])
    stage.wait_for_effects(1)
    trace = {"correlationid": correlation, "traceparent": f"00-{'ab' * 16}-00f067aa0ba902b7-01"}
    rpc.call("echo", trace, text="Sari Wijaya")
    assert rpc.call("fail", trace, how="break")["fault"]["code"] == "fault"
    lines = replica.logs()
    assert all({"service", "level", "timestamp", "message"} <= line.keys() for line in lines)
    by_message = {line["message"]: line for line in lines}
    assert by_message["echoed"]["correlationid"] == correlation
    assert by_message["call-failed"]["correlationid"] == correlation
    assert "in fail" in by_message["call-failed"]["traceback"]
    assert by_message["heard"]["correlationid"] == event.correlationid
    # Neither arguments nor the texts of exceptions: they may hold names and addresses.
    everything = replica.log_file.read_text()
    assert "Sari" not in everything
    assert "break@example.org" not in everything


def test_faults_of_the_domain_travel_as_data(stage: Stage, rpc: RpcCaller) -> None:
    stage.start()
    fault = rpc.call("fail", how="conflict")["fault"]
    assert fault["code"] == "conflict"
    assert fault["detail"] == {"msgid": "there is a {what} already", "params": {"what": "meeting"}}


def test_the_caller_is_who_the_token_says(stage: Stage, rpc: RpcCaller, infrastructure: Infrastructure) -> None:
    stage.start()
    key = infrastructure.secrets.token_private_key.read_bytes()
    token = sign(Principal("ana", ORGANIZER, "acme"), key)
    assert rpc.call("whoami", {"token": token}) == {"ok": {"subject": "ana"}}
    changed = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    assert rpc.call("whoami", {"token": changed})["fault"]["code"] == "unauthenticated"
    assert rpc.call("whoami")["fault"]["code"] == "unauthenticated"


def test_a_command_repeated_with_its_key_has_one_effect(stage: Stage, rpc: RpcCaller) -> None:
    stage.start()
    key = new_id()
    sent = [rpc.send("count", key=key) for _ in range(8)]
    assert [rpc.wait(call) for call in sent] == [{"ok": 1}] * 8
    assert rpc.call("count", key=new_id()) == {"ok": 2}


def test_requests_that_are_none_stop_nobody(stage: Stage, rpc: RpcCaller, amqp_uri: Callable[..., str]) -> None:
    replica = stage.start()
    connection = pika.BlockingConnection(pika.URLParameters(amqp_uri()))
    channel = connection.channel()
    as_json = {"content_type": "application/json", "content_encoding": "utf-8"}
    for body, properties in [
        (b"garbage", {}),
        (b"garbage", as_json),
        (b"[]", as_json),
        (b'{"args": [], "kwargs": {"text": "no place to answer"}}', as_json),
        (b'{"args": [], "kwargs": {"unknown": 1}}', as_json),
    ]:
        channel.basic_publish("nameko-rpc", "matching.echo", body, pika.BasicProperties(**properties))
        channel.basic_publish("nameko-rpc", "matching.no_such_method", body, pika.BasicProperties(**properties))
    connection.close()
    assert rpc.call("echo", text="still here")["ok"]["text"] == "still here"
    assert replica.is_ready()
    assert stage.waiting("rpc-matching") == 0
