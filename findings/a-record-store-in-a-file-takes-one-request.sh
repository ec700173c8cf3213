#!/usr/bin/env bash
# Guess: a learning record store whose statements are kept in a file, as ralph offers for trying things out, takes one
# request with statements after the other.
# Seen: the first request that stores statements is answered with 200; every further one with 500, and its statements are
# not stored, because the file exists by then. A sender that is tried on it must not take that for a fault of its own;
# with ralph's MongoDB backend the same requests are all stored.
# Exits with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check ralph-malph[lrs,cli]==5.1.0 fastapi==0.114.2 pydantic==2.14.4 requests==2.32.5
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
export RALPH_APP_DIR=$folder RALPH_AUTH_FILE=$folder/auth.json RALPH_RUNSERVER_BACKEND=fs \
    RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH=$folder/data
cd "$folder"
venv/bin/ralph auth -u key -p secret -s all -A tester https://home.example -w 2>/dev/null
mkdir -p data
venv/bin/python -m uvicorn --app-dir venv/lib/python3*/site-packages ralph.api:app --host 127.0.0.1 --port "$port" >server.log 2>&1 & server=$!
cat >try.py <<'PYTHON'
import base64
import json
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version

URL = f"http://127.0.0.1:{sys.argv[1]}/xAPI/statements"
HEADERS = {
    "Authorization": "Basic " + base64.b64encode(b"key:secret").decode(),
    "Content-Type": "application/json",
    "X-Experience-API-Version": "1.0.3",
}
WHO = {"account": {"homePage": "https://home.example", "name": "one"}}
STATEMENTS = [
    {
        "id": f"6e847844-c6b2-4bd6-8bb7-f8fcae363a2{number}",
        "actor": WHO,
        "verb": {"id": "http://adlnet.gov/expapi/verbs/attended"},
        "object": {"id": f"https://home.example/meetings/{number}"},
    }
    for number in range(2)
]


def send(statement):
    request = urllib.request.Request(URL, json.dumps([statement]).encode(), HEADERS)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


deadline = time.monotonic() + 60
while True:
    try:
        first = send(STATEMENTS[0])
        break
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.2)
second = send(STATEMENTS[1])
with urllib.request.urlopen(urllib.request.Request(URL, headers=HEADERS), timeout=10) as answer:
    stored = len(json.load(answer)["statements"])
print(f"ralph-malph {version('ralph-malph')}, files: first {first}, another {second}; {stored} stored")
as_found = (first, second, stored) == (200, 500, 1)
print("as found" if as_found else "the behaviour has changed")
sys.exit(not as_found)
PYTHON
venv/bin/python try.py "$port" || { grep -a Error server.log | tail -5; exit 1; }
