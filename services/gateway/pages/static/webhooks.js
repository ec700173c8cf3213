import { announce, call, furnish, get, listed, post, showTrouble } from "./base/api.js";
import { ask } from "./base/ask.js";
import { fill, find, h, whileBusy } from "./base/dom.js";
import { keepFresh } from "./base/fresh.js";
import { dayAndTime, t } from "./base/words.js";

let shown = "";
/** Webhooks whose events are shown. */
const open = new Set();

furnish();
Promise.all([show(), integrators()]).catch((error) => {
  fill(find("#webhooks"));
  showTrouble(error);
});
keepFresh(show);
find("#add").addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(find("#add button"), add);
});

/** Draws the list where it has changed; who is at a button stays there. */
async function show() {
  const webhooks = listed(await get("/webhooks"), "webhooks");
  const full = await Promise.all(webhooks.map((each) => (open.has(each.webhook_id) ? get(`/webhooks/${each.webhook_id}`) : each)));
  const now = JSON.stringify(full);
  if (now === shown) return;
  const place = find("#webhooks");
  const at = place.contains(document.activeElement) ? document.activeElement : null;
  const [card_, control] = [at?.closest("[data-webhook]")?.dataset.webhook, at?.dataset.control];
  fill(place, full.length ? full.map(card) : h("p", { class: "quiet" }, t("There is no webhook yet.")));
  shown = now;
  if (card_) find(`[data-webhook="${CSS.escape(card_)}"] [data-control="${CSS.escape(control ?? "")}"]`, place)?.focus();
}

async function integrators() {
  const found = listed(await get("/integrators"), "integrators");
  fill(find("#integrator"), found.map(({ name }) => h("option", { value: name }, name)));
}

function card(webhook) {
  const title = `webhook-${webhook.webhook_id}`;
  return h("section", { class: "card", "data-webhook": webhook.webhook_id, "aria-labelledby": title },
    h("h2", { id: title }, webhook.url, " ", h("span", { class: `badge ${webhook.state === "active" ? "running" : "cancelled"}` }, webhook.state === "active" ? t("Active") : t("Disabled"))),
    h("p", { class: "quiet" }, [webhook.integrator, (webhook.types ?? []).join(", "), t("{delivered} delivered, {pending} pending, {given_up} given up", webhook)].filter(Boolean).join(" · ")),
    notice(webhook), tested(webhook),
    h("div", { class: "row" },
      button("test", t("Send a test event"), webhook, () => test(webhook)),
      webhook.given_up ? button("redeliver", t("Send again what was given up"), webhook, () => redeliver(webhook, { given_up_since: webhook.created_at })) : null,
      webhook.state === "active"
        ? button("disable", t("Disable"), webhook, () => disable(webhook))
        : button("enable", t("Enable"), webhook, () => enable(webhook)),
      button("rotate", t("New secret"), webhook, () => rotate(webhook)),
      button("remove", t("Remove"), webhook, () => remove(webhook))),
    events(webhook));
}

function button(control, text, webhook, work) {
  return h("button", { type: "button", "data-control": control, "aria-describedby": `webhook-${webhook.webhook_id}`, onclick: (event) => whileBusy(event.currentTarget, () => work().catch(showTrouble)) }, text);
}

/** What an organizer has to know: that it is disabled and why, that it fails, that something is missing. */
function notice(webhook) {
  const said = [
    webhook.state === "disabled" && t("Nothing is sent since {when}: {why}", { when: dayAndTime(webhook.since), why: reason(webhook.reason) }),
    webhook.state === "active" && webhook.failing_since && t("Nothing has succeeded since {when}. It is tried again for three days.", { when: dayAndTime(webhook.failing_since) }),
    webhook.state === "active" && webhook.failing_since && webhook.failed && outcome(webhook.failed),
    webhook.gap && t("Some events were not kept any more and have not been sent."),
    webhook.old_secret_until && t("The secret before signs too until {when}.", { when: dayAndTime(webhook.old_secret_until) }),
  ].filter(Boolean);
  if (!said.length) return null;
  const isBad = webhook.state === "disabled" || webhook.failing_since || webhook.gap;
  return h("div", { class: isBad ? "notice bad" : "notice" }, said.map((text) => h("p", {}, text)));
}

function reason(code) {
  return {
    gone: t("the receiver has answered that it is gone (410)."),
    failing: t("nothing has succeeded for three days."),
    "given-up": t("too many events were given up."),
    "by-hand": t("it was disabled by an organizer."),
    "no-integrator": t("its integrator is no more."),
  }[code] ?? code;
}

/** What came of a request, for people. */
function outcome({ status, failure, at }) {
  const what = failure
    ? {
      timeout: t("no answer in time"), name: t("the name cannot be resolved"), address: t("the address is in the own network"),
      connection: t("no connection"), tls: t("the certificate is not accepted"), answer: t("no answer of HTTP"),
    }[failure] ?? t("it could not be sent")
    : t("answer {status}", { status });
  return t("Last failure {when}: {what}.", { when: dayAndTime(at), what });
}

function tested({ test: last }) {
  if (!last) return null;
  const isGood = last.status >= 200 && last.status < 300;
  return h("p", {}, isGood ? t("The last test event arrived, {when}.", { when: dayAndTime(last.at) }) : `${t("The last test event did not arrive.")} ${outcome(last)}`);
}

/** What became of single events, once somebody wants to see it. */
function events(webhook) {
  const heads = [t("Event"), t("State"), t("Attempts"), t("Next attempt"), ""];
  return h("details", { open: open.has(webhook.webhook_id), ontoggle: (event) => toggled(event.currentTarget, webhook) },
    h("summary", { "data-control": "events" }, t("Events")),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Events") }, h("table", {},
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, (webhook.deliveries ?? []).map((each) => h("tr", {},
        h("td", {}, each.type, h("br"), h("code", {}, each.event_id)),
        h("td", {}, { retrying: t("Fails, is tried again"), "given-up": t("Given up"), delivered: t("Delivered") }[each.state] ?? each.state),
        h("td", { class: "number" }, String(each.attempts)),
        h("td", {}, each.next_at ? dayAndTime(each.next_at) : ""),
        h("td", {}, webhook.state === "active" ? button(`again-${each.event_id}`, t("Send again"), webhook, () => redeliver(webhook, { event_id: each.event_id })) : null)))))));
}

function toggled(details, { webhook_id: id }) {
  if (details.open === open.has(id)) return;
  if (details.open) open.add(id);
  else open.delete(id);
  show().catch(showTrouble);
}

async function add() {
  const { integrator, url, types } = Object.fromEntries(new FormData(find("#add")));
  const patterns = types.split(",").map((each) => each.trim()).filter(Boolean);
  try {
    const made = await post("/webhooks", patterns.length ? { integrator, url, types: patterns } : { integrator, url });
    find("#add").reset();
    announce(t("The webhook is added. Events from now on are sent there."));
    tellSecret(made);
    await show();
  } catch (error) {
    showTrouble(error);
  }
}

/** The only time that it is shown. */
function tellSecret({ url, secret }) {
  const field = h("input", { readonly: true, value: secret, "aria-label": t("Secret"), spellcheck: "false", onfocus: (event) => event.currentTarget.select() });
  fill(find("#secret"), h("div", { class: "notice good" },
    h("p", {}, t("The secret for {url}. It is shown this once: give it to whoever checks the signatures there.", { url })), field));
  find("#secret").focus();
}

async function test(webhook) {
  await post(`/webhooks/${webhook.webhook_id}/tests`);
  announce(t("A test event is on its way; what came of it is shown here in a moment."));
  await show();
}

async function redeliver(webhook, which) {
  const { events: count } = await post(`/webhooks/${webhook.webhook_id}/redeliveries`, which);
  announce(t("Sent again: {count}.", { count }));
  await show();
}

async function disable(webhook) {
  await post(`/webhooks/${webhook.webhook_id}/deactivation`);
  announce(t("Nothing is sent to {url} until it is enabled; what happens meanwhile waits.", webhook));
  await show();
}

async function enable(webhook) {
  const chosen = await ask(t("Send to {url} again", webhook), {
    fields: [choice("false", t("What it has not had, in order"), true), choice("true", t("Only what happens from now on"), false)],
    yes: t("Enable"),
  });
  if (!chosen) return;
  await post(`/webhooks/${webhook.webhook_id}/activation`, { from_now: chosen.from_now === "true" });
  announce(t("Events are sent to {url} again.", webhook));
  await show();
}

function choice(value, text, checked) {
  return h("label", { class: "inline" }, h("input", { type: "radio", name: "from_now", value, checked }), ` ${text}`);
}

async function rotate(webhook) {
  if (!(await ask(t("A new secret for {url}", webhook), { text: t("For a day the secret before signs too, so that the receiver can take the new one without a pause."), yes: t("New secret") }))) return;
  const made = await post(`/webhooks/${webhook.webhook_id}/secrets`);
  tellSecret(made);
  await show();
}

async function remove(webhook) {
  if (!(await ask(t("Remove the webhook {url}", webhook), { text: t("What has not been sent yet is not sent any more."), yes: t("Remove"), grave: true }))) return;
  await call("DELETE", `/webhooks/${webhook.webhook_id}`);
  announce(t("The webhook is removed."));
  await show();
}
