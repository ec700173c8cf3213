#!/usr/bin/env bash
# Guess: a client that closes its connection while RabbitMQ blocks it in an alarm has taken its message back, since the
# broker has neither routed nor confirmed it.
# Seen: the message is routed when the alarm ends, however long ago the client went, if its socket was closed as usual
# (FIN). Nothing is routed if the connection was reset (SO_LINGER of 0 seconds).
# Exits with 1 if that changes.
set -euo pipefail
server=/usr/lib/rabbitmq/bin
pinned=3.10.8-1.1+deb12u1
[ -x $server/rabbitmq-server ] || DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends "rabbitmq-server=$pinned" >/dev/null
folder=$(mktemp -d)
read -r amqp dist epmd < <(python3 -c '
import socket
made = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(each.getsockname()[1] for each in made))')
export HOME=$folder RABBITMQ_NODENAME=finding@localhost RABBITMQ_MNESIA_BASE=$folder/data RABBITMQ_LOG_BASE=$folder/log \
    RABBITMQ_CONFIG_FILE=$folder/rabbitmq.conf RABBITMQ_ADVANCED_CONFIG_FILE=$folder/advanced.config \
    RABBITMQ_CONF_ENV_FILE=$folder/none RABBITMQ_ENABLED_PLUGINS_FILE=$folder/plugins RABBITMQ_PID_FILE=$folder/pid \
    RABBITMQ_DIST_PORT=$dist ERL_EPMD_PORT=$epmd ERL_EPMD_ADDRESS=127.0.0.1 RUNNING_UNDER_SYSTEMD=true \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
echo "[]." >"$folder/plugins"
echo "[]." >"$folder/advanced.config"
printf 'listeners.tcp.default = 127.0.0.1:%s\n' "$amqp" >"$folder/rabbitmq.conf"
erl_epmd=$(ls /usr/lib/erlang/erts-*/bin/epmd /usr/bin/epmd 2>/dev/null | head -1)
"$erl_epmd" >"$folder/epmd.log" 2>&1 & mapper=$!
$server/rabbitmq-server >"$folder/server.log" 2>&1 & broker=$!
trap 'kill $broker 2>/dev/null || true; wait $broker 2>/dev/null || true; kill $mapper 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check amqp==5.4.2 vine==5.1.0
$server/rabbitmqctl -q await_startup --timeout 60
echo "rabbitmq-server $(dpkg-query -W -f='${Version}' rabbitmq-server), py-amqp 5.4.2"
cat >"$folder/try.py" <<'PYTHON'
import socket
import struct
import subprocess
import sys
import time

import amqp

PORT, CTL = sys.argv[1], sys.argv[2]


def ctl(*arguments):
    subprocess.run([CTL, "-q", *arguments], check=True, stdout=subprocess.DEVNULL)


def connect():
    connection = amqp.Connection(f"127.0.0.1:{PORT}", "guest", "guest")
    connection.connect()
    return connection


def count():
    channel = connect().channel()
    found = channel.queue_declare("commands", passive=True).message_count
    channel.queue_purge("commands")
    return found


def abandoned(how):
    """How many of one message are in the queue after an alarm in which its sender went away."""
    ctl("set_vm_memory_high_watermark", "absolute", "1000")
    connection, told = connect(), []
    connection.on_blocked = told.append
    connection.channel().basic_publish(amqp.Message(b"do it"), routing_key="commands")
    while not told:
        connection.drain_events(timeout=10)
    before, raw = count(), connection.transport.sock
    if how == "reset":
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        raw.shutdown(socket.SHUT_RDWR)
    raw.close()
    time.sleep(5)
    ctl("set_vm_memory_high_watermark", "0.4")
    time.sleep(3)
    return before, count()


connect().channel().queue_declare("commands", durable=True, auto_delete=False)
seen = {how: abandoned(how) for how in ("closed", "reset")}
for how, (during, after) in seen.items():
    print(f"connection {how} in the alarm: {during} messages in the queue then, {after} after the alarm, 5 s later")
expected = {"closed": (0, 1), "reset": (0, 0)}
print("as found" if seen == expected else f"the behaviour has changed: {expected} was found")
sys.exit(seen != expected)
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$amqp" $server/rabbitmqctl
