// Keep every event in a file, one a line, with amqplib and the CloudEvents SDK.
//
//   SPEEDMENTOR_AMQP_URI=amqps://… SPEEDMENTOR_QUEUE=integrator.NAME node consumer.cjs events.jsonl
//
// Listens until it is stopped (`--idle 10`: until nothing has come for ten seconds), and declares nothing: the queue is there.
//
// - The SDK has no binding for AMQP 0-9-1. Its HTTP.toEvent reads structured mode all the same, by the content type. Keep to
//   that mode: in binary mode attributes are headers, and `ordinal` is text.
// - The effect and the memory of having had the event are one: here one line in the file, in your system one transaction. An
//   event is acknowledged after that. A crash in between has it come again, and it is passed over.
// - What cannot be dealt with now is given back: the broker counts, and after 20 deliveries puts it into the queue
//   `integrator.NAME.dead`. What can never be dealt with goes there at once.
// - A lost connection is made again by amqplib (`recovery`), and `setup` consumes anew.
const fs = require("node:fs");
const { parseArgs } = require("node:util");
const amqplib = require("amqplib");
const { HTTP } = require("cloudevents");

// Events in hand at once: a lost connection counts as a delivery for all of them.
const PREFETCH = 50;

// The file. It remembers what is in it by source and id; for millions of events let a database do that.
class Kept {
  constructor(path) {
    this.file = fs.openSync(path, "a+");
    const text = fs.readFileSync(this.file);
    // Half a line is left by a crash: the event was not acknowledged and comes again.
    const whole = text.lastIndexOf("\n") + 1;
    fs.ftruncateSync(this.file, whole);
    const lines = text.subarray(0, whole).toString().split("\n").filter(Boolean);
    this.had = new Set(lines.map((line) => Kept.key(JSON.parse(line))));
  }

  static key({ source, id }) {
    return JSON.stringify([source, id]);
  }

  keep(event) {
    if (this.had.has(Kept.key(event))) return;
    fs.writeSync(this.file, HTTP.structured(event).body + "\n");
    fs.fsyncSync(this.file);
    this.had.add(Kept.key(event));
  }
}

// What your system does with an event. Whatever it throws, the event comes again.
function handle({ time, type, subject, ordinal }) {
  if (!time || !subject || !Number.isInteger(ordinal)) throw new Error("time, subject and ordinal belong to an event");
  console.log(`${time} ${type} of ${subject}, number ${ordinal}`);
}

function read(message) {
  const event = HTTP.toEvent({
    headers: { "content-type": message.properties.contentType },
    body: message.content.toString(),
  });
  event.validate();
  return event;
}

async function main() {
  const { values, positionals } = parseArgs({ options: { idle: { type: "string" } }, allowPositionals: true });
  const kept = new Kept(positionals[0]);
  let heard = Date.now();

  function take(channel, message) {
    if (message === null) {
      // RabbitMQ has cancelled us: the queue is gone, or its node is going. Whoever started us may do so again.
      console.error("cancelled by the broker");
      process.exit(1);
    }
    heard = Date.now();
    let event;
    try {
      event = read(message);
    } catch (error) {
      console.error(`no event, to the dead letters: ${error.message}`);
      return channel.reject(message, false);
    }
    try {
      handle(event);
      kept.keep(event);
      channel.ack(message);
    } catch (error) {
      console.error(`${event.source} ${event.id} could not be handled; it comes again: ${error.message}`);
      channel.nack(message, false, true);
    }
  }

  async function setup(connection) {
    const channel = await connection.createChannel();
    channel.on("error", (error) => console.error(error.message));
    await channel.prefetch(PREFETCH);
    await channel.consume(process.env.SPEEDMENTOR_QUEUE, (message) => take(channel, message));
  }

  const recovery = { setup, maxDelay: 5000 };
  const connection = await amqplib.connect(process.env.SPEEDMENTOR_AMQP_URI, { recovery });
  connection.on("error", (error) => console.error(error.message));
  connection.on("disconnect", (error) => console.error(`lost the broker: ${error?.message}`));
  const end = () => connection.close().finally(() => process.exit(0));
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  if (values.idle) setInterval(() => Date.now() - heard > 1000 * Number(values.idle) && end(), 100);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
