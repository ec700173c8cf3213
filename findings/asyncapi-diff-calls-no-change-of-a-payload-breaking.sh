#!/usr/bin/env bash
# AsyncAPI's diff finds nothing breaking in what a message carries, whatever is taken away from it.
#
# Guessed: a document that no longer has a required field of a payload is "breaking" to @asyncapi/diff, as one without a channel is.
# Seen, with @asyncapi/diff 0.5.0 and documents of AsyncAPI 3.0.0, parsed by @asyncapi/parser 3.6.6:
#   - a required field removed, its type changed, null or another value of an enum allowed, a field no longer required,
#     the exchange of an AMQP binding renamed: all "unclassified", and breaking() is empty;
#   - another wording of a description in the payload is "unclassified" too, so it cannot be told from those;
#   - only channels, operations, addresses, content types and actions are classified.
# A job that fails on breaking() lets the changes through that break consumers most.
# What to do: compare payloads by rules that know who reads and who writes.
# Exits with 0 while this is so, and with 1 once it is not.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund @asyncapi/diff@0.5.0 @asyncapi/parser@3.6.6
cat >ask.cjs <<'JS'
const { diff } = require("@asyncapi/diff");
const { Parser } = require("@asyncapi/parser");
const { version } = require("@asyncapi/diff/package.json");

const order = () => ({
  asyncapi: "3.0.0", info: { title: "orders", version: "1.0.0" },
  channels: {
    orders: {
      address: "orders.placed",
      bindings: { amqp: { is: "routingKey", exchange: { name: "orders", type: "topic", vhost: "/" }, bindingVersion: "0.3.0" } },
      messages: {
        placed: {
          contentType: "application/json",
          payload: {
            type: "object",
            required: ["id", "state", "amount"],
            properties: {
              id: { type: "string" }, state: { type: "string", enum: ["new", "paid"] }, amount: { type: "integer" },
            },
          },
        },
      },
    },
  },
  operations: { placed: { action: "send", channel: { $ref: "#/channels/orders" } } },
});
const payload = (document) => document.channels.orders.messages.placed.payload;
const changes = {
  "a required field removed": (it) => { delete payload(it).properties.amount; payload(it).required.pop(); },
  "a field no longer required": (it) => { payload(it).required.pop(); },
  "another type": (it) => { payload(it).properties.amount.type = "string"; },
  "null allowed": (it) => { payload(it).properties.amount.type = ["integer", "null"]; },
  "a value of an enum added": (it) => { payload(it).properties.state.enum.push("lost"); },
  "the exchange renamed": (it) => { it.channels.orders.bindings.amqp.exchange.name = "other"; },
  "other words": (it) => { payload(it).properties.amount.description = "how much"; },
  "another address": (it) => { it.channels.orders.address = "orders.made"; },
  "another content type": (it) => { it.channels.orders.messages.placed.contentType = "text/plain"; },
};
const parsed = async (document) => (await new Parser().parse(JSON.stringify(document))).document.json();

(async () => {
  console.log("@asyncapi/diff", version, "on Node.js", process.version);
  const breaking = [];
  for (const [name, change] of Object.entries(changes)) {
    const changed = order();
    change(changed);
    const found = diff(await parsed(order()), await parsed(changed));
    console.log(`${name}: breaking ${found.breaking().length}, unclassified ${found.unclassified().length}`);
    if (found.breaking().length) breaking.push(name);
  }
  process.exit(JSON.stringify(breaking) === JSON.stringify(["another address", "another content type"]) ? 0 : 1);
})();
JS
node ask.cjs
