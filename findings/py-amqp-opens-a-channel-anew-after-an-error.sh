#!/usr/bin/env bash
# Guess: with py-amqp (so with kombu and Celery) a channel that the broker has closed because of an error, a queue that is not
# there or something not allowed, is gone, as with other clients; who goes on with another channel has one open.
# Seen: py-amqp opens it anew while it raises the error, so who drops it has one channel more with every failure. Where
# the user has a limit (max-channels) the broker closes the connection with 530 after so many; with pika it never comes to that.
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
"$folder/venv/bin/pip" install -qq --disable-pip-version-check pika==1.3.2 amqp==5.4.2 vine==5.1.0
$server/rabbitmqctl -q await_startup --timeout 60
echo "rabbitmq-server $(dpkg-query -W -f='${Version}' rabbitmq-server), pika 1.3.2, py-amqp 5.4.2"
$server/rabbitmqctl -q set_user_limits guest '{"max-channels": 10}'
cat >"$folder/try.py" <<'PYTHON'
import sys
import time

import amqp
import pika

PORT = int(sys.argv[1])


def with_pika(fails):
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", PORT))
    for number in range(30):
        try:
            channel = connection.channel()
            if fails:
                channel.basic_get("no-such-queue")
            channel.close()
        except pika.exceptions.ChannelClosedByBroker:
            pass
        except pika.exceptions.ConnectionClosedByBroker as error:
            return number, error.reply_code
        # It is not that the broker needs a moment.
        time.sleep(0.2)
    return None


def with_py_amqp(fails):
    connection = amqp.Connection(f"127.0.0.1:{PORT}", "guest", "guest")
    connection.connect()
    for number in range(30):
        try:
            channel = connection.channel()
            if fails:
                channel.basic_get("no-such-queue")
            channel.close()
        except amqp.exceptions.NotFound:
            # Nobody has asked for it.
            assert channel.is_open
        except amqp.exceptions.NotAllowed as error:
            return number, error.reply_code
        time.sleep(0.2)
    return None


seen = {}
for client in (with_pika, with_py_amqp):
    for fails in (False, True):
        seen[client.__name__, fails] = found = client(fails)
        what = "channels that end by an error" if fails else "channels that the client closes"
        print(f"{client.__name__}: {what}:", "30 of 30 opened" if found is None else f"{found[1]} after {found[0]}")
        time.sleep(1)
expected = {("with_pika", False): None, ("with_pika", True): None, ("with_py_amqp", False): None}
leaks = seen.pop(("with_py_amqp", True))
sys.exit(seen != expected or leaks is None or leaks[1] != 530)
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$amqp"
