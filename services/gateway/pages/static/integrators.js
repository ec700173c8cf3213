import { announce, call, furnish, get, listed, post, showTrouble } from "./base/api.js";
import { ask } from "./base/ask.js";
import { fill, find, h, whileBusy } from "./base/dom.js";
import { placed } from "./base/fields.js";
import { keepFresh } from "./base/fresh.js";
import { dayAndTime, series, t } from "./base/words.js";

let shown = "";
/** Titles of programs by their ids. */
let titles = new Map();

furnish();
programs().then(show).catch((error) => {
  fill(find("#integrators"));
  showTrouble(error);
});
keepFresh(show);
const form = find("#add");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(find("#add button"), add);
});

/** Draws the list where it has changed; who is at a button stays there. */
async function show() {
  const integrators = listed(await get("/integrators"), "integrators");
  const now = JSON.stringify(integrators);
  if (now === shown) return;
  const place = find("#integrators");
  const at = place.contains(document.activeElement) ? document.activeElement : null;
  const [name, control] = [at?.closest("[data-integrator]")?.dataset.integrator, at?.dataset.control];
  fill(place, integrators.length ? integrators.map(card) : h("p", { class: "quiet" }, t("There is no integrator yet.")));
  place.removeAttribute("aria-busy");
  shown = now;
  if (name) find(`[data-integrator="${CSS.escape(name)}"] [data-control="${CSS.escape(control ?? "")}"]`, place)?.focus();
}

/** A box to tick for each program that is published. */
async function programs() {
  const found = listed(await get("/programs"), "programs");
  titles = new Map(found.map(({ program_id: id, title }) => [id, title]));
  find("#of-programs").append(...found.map(({ program_id: id, title }) =>
    h("label", { class: "inline" }, h("input", { type: "checkbox", name: "programs", value: id }), ` ${title}`)));
  find("#of-programs").hidden = !found.length;
}

function card(integrator) {
  const title = `integrator-${integrator.name}`;
  const of = integrator.programs ? series(integrator.programs.map((id) => titles.get(id) ?? id)) : t("all programs");
  return h("section", { class: "card", "data-integrator": integrator.name, "aria-labelledby": title },
    h("h2", { id: title }, integrator.name),
    integrator.settled === false ? h("p", { class: "notice" }, t("The broker does not have this account yet; it is tried again by itself.")) : null,
    h("dl", { class: "facts" },
      fact(t("Hears"), h("code", {}, (integrator.types ?? []).join(", ")), " ", t("of {programs}", { programs: of })),
      fact(t("Queue"), h("code", {}, integrator.queue ?? "")),
      fact(t("Dead letters"), h("code", {}, integrator.dead_letters ?? "")),
      integrator.stream ? fact(t("Stream"), h("code", {}, integrator.stream)) : null,
      (integrator.users ?? []).map((user) => fact(t("User at the broker"), h("code", {}, user.user),
        user.until ? ` ${t("until {when}", { when: dayAndTime(user.until) })}` : null))),
    h("div", { class: "row" },
      button("rotate", t("New secrets"), integrator, () => rotate(integrator)),
      button("remove", t("Remove"), integrator, () => remove(integrator))));
}

function fact(name, ...what) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, what));
}

function button(control, text, integrator, work) {
  return h("button", { type: "button", "data-control": control, "aria-describedby": `integrator-${integrator.name}`, onclick: (event) => whileBusy(event.currentTarget, () => work().catch(showTrouble)) }, text);
}

async function add() {
  const given = new FormData(form);
  const types = given.get("types").split(",").map((each) => each.trim()).filter(Boolean);
  const chosen = given.getAll("programs");
  try {
    const made = await post("/integrators", { name: given.get("name").trim(), types, programs: chosen.length ? chosen : null, stream: given.has("stream") });
    placed(form, []);
    form.reset();
    clear();
    await show();
    announce(t("{name} is added, and hears what happens from now on.", made));
    tellSecrets(made);
  } catch (error) {
    clear();
    // A pattern is named by its place among them; here they share one field.
    const faults = (error.faults ?? []).map((fault) => ({ ...fault, field: String(fault.field ?? "").replace(/^\/types.*/, "/types") }));
    if (!placed(form, faults)) showTrouble(error);
  }
}

/** What was said at fields before is not true any more. */
function clear() {
  for (const place of form.querySelectorAll("[data-fault]")) {
    fill(place);
    form.elements[place.dataset.fault].removeAttribute("aria-invalid");
  }
}

/** The only time that they are shown. */
function tellSecrets({ name, secrets }) {
  fill(find("#secret"), h("div", { class: "notice good" },
    h("p", {}, t("The secrets of {name}. They are shown this once: keep them now, nobody can show them again.", { name })),
    secret(t("Broker"), secrets.amqp_uri), secret(t("API key"), secrets.api_key)));
  find("#secret").focus();
}

function secret(label, value) {
  const id = `secret-${value.length}-${label.length}`;
  return h("p", {}, h("label", { for: id }, label),
    h("input", { id, readonly: true, value, spellcheck: "false", onfocus: (event) => event.currentTarget.select() }));
}

async function rotate(integrator) {
  const hours = h("select", { id: "ask-hours", name: "keep_hours" },
    [["0", t("at once")], ["1", t("after an hour")], ["24", t("after a day")], ["168", t("after a week")]]
      .map(([value, text]) => h("option", { value }, text)));
  const chosen = await ask(t("New secrets for {name}", integrator), {
    text: t("When the old ones end, connections with them are cut."),
    fields: [h("p", {}, h("label", { for: "ask-hours" }, t("The old ones end")), hours)],
    yes: t("New secrets"),
  });
  if (!chosen) return;
  const made = await post(`/integrators/${integrator.name}/secrets`, { keep_hours: Number(chosen.keep_hours) });
  await show();
  tellSecrets(made);
}

async function remove(integrator) {
  const text = t("Its connections end at once, and what waits in its queues is gone for good.");
  if (!(await ask(t("Remove {name}", integrator), { text, yes: t("Remove"), grave: true }))) return;
  await call("DELETE", `/integrators/${integrator.name}`);
  await show();
  announce(t("{name} is removed.", integrator));
}
