// What AsyncAPI's own parser says of the document on standard input: whether it is one, and every diagnostic.
const fs = require("node:fs");
const { Parser } = require("@asyncapi/parser");

async function main() {
  const { document, diagnostics } = await new Parser().parse(fs.readFileSync(0, "utf8"));
  const said = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join("/") }));
  const channels = document?.allChannels().all() ?? [];
  const addresses = channels.map((channel) => [channel.address(), channel.messages().all().map((each) => each.name())]);
  process.stdout.write(JSON.stringify({ parsed: document !== undefined, said, addresses }));
}

main();
