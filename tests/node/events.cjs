// What JavaScript makes of events: {schemas: {type: schema}, events: [event]} comes in; out go the faults that ajv finds
// in their data, and by attribute what the CloudEvents SDK refuses or gives back otherwise than it came.
const fs = require("node:fs");
const { isDeepStrictEqual } = require("node:util");
const Ajv = require("ajv/dist/2020").default;
const addFormats = require("ajv-formats").default;
const { HTTP } = require("cloudevents");

const { schemas, events } = JSON.parse(fs.readFileSync(0, "utf8"));
const ajv = addFormats(new Ajv({ strict: true, allErrors: true, allowUnionTypes: true }));
const checks = Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, ajv.compile(schema)]));
const faults = [];
const changed = {};

for (const event of events) {
  const check = checks[event.type];
  if (!check?.(event.data)) faults.push(`${event.type} ${event.id}: ${check ? ajv.errorsText(check.errors) : "no schema"}`);
  const headers = { "content-type": "application/cloudevents+json; charset=utf-8" };
  try {
    const read = HTTP.toEvent({ headers, body: JSON.stringify(event) });
    read.validate();
    const written = JSON.parse(HTTP.structured(read).body);
    for (const name of new Set([...Object.keys(event), ...Object.keys(written)])) {
      if (!isDeepStrictEqual(event[name], read[name])) changed[`read ${name}`] = [event[name], read[name]];
      if (!isDeepStrictEqual(event[name], written[name])) changed[`written ${name}`] = [event[name], written[name]];
    }
  } catch (error) {
    faults.push(`${event.type} ${event.id}: ${error.message}`);
  }
}
process.stdout.write(JSON.stringify({ checked: events.length, faults, changed }));
