#!/usr/bin/env bash
# AsyncAPI's parser says nothing of a payload in a schema format that it does not know, JSON Schema 2020-12 among them.
#
# Guessed: a payload declared as JSON Schema 2020-12 is checked, or the parser says that it cannot.
# Seen, with @asyncapi/parser 3.6.6, in a document of AsyncAPI 3.0.0:
#   - {"type": "strin"} is an error as a plain payload and as "application/schema+json;version=draft-07";
#   - the same as ...;version=draft-2020-12 or draft-2019-09, or with the format misspelt (application/schema+jsom), is fine:
#     no error, no warning, no information. Whatever the schema says, nobody has looked at it;
#   - in a document of 2.6.0 the same misspelt format gets a warning ("No schema parser registered for ...").
# Who declares the dialect that is really meant turns the check off by it, and tools that validate a document in CI
# go by this parser.
# What to do: write payloads in AsyncAPI's own format (a superset of draft 7) where the keywords allow it, or check them by
# a validator of their dialect; and have a test that a spoilt payload is found.
# Exits with 0 while this is so, and with 1 once it is not.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund @asyncapi/parser@3.6.6
cat >ask.cjs <<'JS'
const { Parser } = require("@asyncapi/parser");
const { version } = require("@asyncapi/parser/package.json");
const info = { title: "orders", version: "1.0.0" };
const three = (payload) => ({
  asyncapi: "3.0.0", info,
  channels: { orders: { address: "orders", messages: { placed: { payload } } } },
  operations: { placed: { action: "send", channel: { $ref: "#/channels/orders" } } },
});
const two = (schemaFormat, payload) => ({
  asyncapi: "2.6.0", info, channels: { orders: { subscribe: { message: { schemaFormat, payload } } } },
});
const spoilt = { type: "strin" };
const json = (format) => `application/schema+${format}`;
const cases = {
  "3.0.0, plain": three(spoilt),
  "3.0.0, draft-07": three({ schemaFormat: json("json;version=draft-07"), schema: spoilt }),
  "3.0.0, draft-2019-09": three({ schemaFormat: json("json;version=draft-2019-09"), schema: spoilt }),
  "3.0.0, draft-2020-12": three({ schemaFormat: json("json;version=draft-2020-12"), schema: spoilt }),
  "3.0.0, misspelt": three({ schemaFormat: json("jsom;version=draft-07"), schema: spoilt }),
  "2.6.0, misspelt": two(json("jsom;version=draft-07"), spoilt),
};
(async () => {
  console.log("@asyncapi/parser", version, "on Node.js", process.version);
  const seen = {};
  for (const [name, document] of Object.entries(cases)) {
    const { document: parsed, diagnostics } = await new Parser().parse(JSON.stringify(document));
    const about = diagnostics.filter((each) => /schema parser|payload/i.test(each.message) && each.severity < 2);
    seen[name] = parsed === undefined ? "refused" : about.some((each) => /schema parser/.test(each.message)) ? "warned" : "nothing said";
    console.log(`${name}: ${seen[name]}${about.length ? ` (${about[0].message.slice(0, 90)})` : ""}`);
  }
  const expected = ["refused", "refused", "nothing said", "nothing said", "nothing said", "warned"];
  process.exit(JSON.stringify(Object.values(seen)) === JSON.stringify(expected) ? 0 : 1);
})();
JS
node ask.cjs
