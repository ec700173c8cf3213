#!/usr/bin/env bash
# Guess: a learning record store acts on a voiding statement as xAPI 1.0.3 asks (part two, 2.3.2 and part three, 2.1.3):
# the statement that it names is not among the answers any more, and is found only as `voidedStatementId`.
# Seen: ralph stores the voiding statement like any other. The one that it names comes back as before, in the list and
# by `statementId`; asked for a `voidedStatementId`, it answers with the whole list. So who is to be forgotten in such a
# store has to be deleted in it: voiding does not do it.
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
SAID = "6e847844-c6b2-4bd6-8bb7-f8fcae363a29"
VOIDING = "37b16eb2-53b1-4eab-b26c-895ea8f82c96"
STATEMENTS = [
    {
        "id": SAID,
        "actor": WHO,
        "verb": {"id": "http://adlnet.gov/expapi/verbs/attended"},
        "object": {"id": "https://home.example/meetings/1"},
    },
    {
        "id": VOIDING,
        "actor": WHO,
        "verb": {"id": "http://adlnet.gov/expapi/verbs/voided"},
        "object": {"objectType": "StatementRef", "id": SAID},
    },
]


def call(query="", body=None):
    request = urllib.request.Request(URL + query, body and json.dumps(body).encode(), HEADERS)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


deadline = time.monotonic() + 60
while True:
    try:
        call(body=STATEMENTS)
        break
    except urllib.error.HTTPError as error:
        sys.exit(f"the behaviour has changed: {error.code} {error.read()!r}")
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.2)
listed = sorted(each["id"] for each in call()["statements"])
by_id = call(f"?statementId={SAID}")
voided = call(f"?voidedStatementId={SAID}")
print(f"ralph-malph {version('ralph-malph')}: listed {listed}")
print("by statementId:", [each["id"] for each in by_id.get("statements", [by_id])])
print("by voidedStatementId:", sorted(each["id"] for each in voided.get("statements", [voided])))
as_found = (
    listed == sorted([SAID, VOIDING])
    and [each["id"] for each in by_id.get("statements", [by_id])] == [SAID]
    and len(voided.get("statements", [])) == 2
)
print("as found" if as_found else "the behaviour has changed")
sys.exit(not as_found)
PYTHON
venv/bin/python try.py "$port" || { grep -a Error server.log | tail -5; exit 1; }
