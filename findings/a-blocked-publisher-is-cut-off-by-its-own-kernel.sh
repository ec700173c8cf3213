#!/usr/bin/env bash
# Guess: a publisher that RabbitMQ blocks in a memory alarm just waits in its write until the alarm ends; that is how
# blocking is described, and py-amqp is given no time limit here.
# Seen: as soon as the buffers between the two are full, the client's kernel ends the connection within about two seconds,
# although the broker's machine answers: py-amqp sets TCP_USER_TIMEOUT to 1000 ms, which on Linux counts for a window of
# zero too. The error is named as a time-out of the call, and the transport still says that it is connected. With
# TCP_USER_TIMEOUT at 8 s it takes 8 s.
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
import subprocess
import sys
import time

import amqp

PORT, CTL = sys.argv[1], sys.argv[2]


def publish_until_it_ends(**settings):
    """Seconds until a publisher without a time limit fails in an alarm, what it is told, and what its state is then."""
    connection = amqp.Connection(f"127.0.0.1:{PORT}", "guest", "guest", **settings)
    connection.connect()
    channel = connection.channel()
    began = time.monotonic()
    try:
        while time.monotonic() - began < 60:
            channel.basic_publish(amqp.Message(b"x" * 100_000), routing_key="nowhere")
    except Exception as error:
        return time.monotonic() - began, f"{type(error).__name__}: {error}", connection.transport.connected
    return 60.0, "none", connection.transport.connected


subprocess.run([CTL, "-q", "set_vm_memory_high_watermark", "absolute", "1000"], check=True)
plain = publish_until_it_ends()
longer = publish_until_it_ends(socket_settings={socket.TCP_USER_TIMEOUT: 8000})
for name, (seconds, error, connected) in (("py-amqp's own 1000 ms", plain), ("8000 ms", longer)):
    print(f"TCP_USER_TIMEOUT {name}: {error!r} after {seconds:.1f} s, transport.connected is {connected}")
as_found = 1 <= plain[0] < 5 and plain[2] and "timed out" in plain[1] and 8 <= longer[0] < 16
print("as found" if as_found else "the behaviour has changed")
sys.exit(not as_found)
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$amqp" $server/rabbitmqctl
