/** Somebody at the door who is on no list: registered and checked in at once, and never registered twice. */

import { announce, get, listed, newKey, post, showTrouble } from "../base/api.js";
import { withYes } from "../base/confirming.js";
import { h, whileBusy } from "../base/dom.js";
import { plain, t } from "../base/words.js";

const LEVELS = [1, 2, 3, 4, 5];

/**
 * @param {object} parts
 * @param {string} parts.id the program's
 * @param {object} parts.program
 * @param {(person: object) => void} parts.told hears of who is new, and of every change of that one
 */
export function walkIn({ id, program, told }) {
  /** What was sent last and under which key: sent again, because no answer came, it is still one registration. */
  let sent = { what: null, key: null };
  const place = h("div", { class: "fields" });
  const form = h("form", { onsubmit: submit },
    h("div", { class: "filters" },
      field("role", t("Role"), select("role", [["mentee", t("Mentee")], ["mentor", t("Mentor")]])),
      field("name", t("Name"), h("input", { id: "walk-in-name", name: "name", required: true, maxlength: 200, autocomplete: "off" })),
      field("site", t("Site"), select("site", (program.sites ?? []).map((site) => [site.site_id, site.name ?? site.site_id]))),
      field("languages", t("Languages, as codes: id, en"), h("input", { id: "walk-in-languages", name: "languages", required: true, value: document.documentElement.lang }))),
    place,
    h("button", { class: "main" }, t("Register and check in")));
  const role = form.elements.role;
  role.addEventListener("change", draw);
  draw();
  const arriving = h("div", { hidden: true });
  return h("details", { class: "card walk-in" }, h("summary", {}, t("Somebody is on no list")), form, arriving);

  function draw() {
    place.replaceChildren(...(role.value === "mentee" ? asked() : offered()));
  }

  function asked() {
    const motives = [["career", t("Career")], ["network", t("Network")], ["problem", t("A problem to solve")], ["perspective", t("A new perspective")]];
    return [field("motive", t("What for?"), select("motive", motives)), topics(t("Topics"), (topic) => {
      const box = h("input", { type: "checkbox", name: `topic ${topic}` });
      return h("label", { class: "inline" }, box, ` ${plain(topic)}`);
    })];
  }

  function offered() {
    return [topics(t("Experience, from 1 (some) to 5 (deep)"), (topic) => h("label", { class: "inline" }, `${plain(topic)} `,
      h("select", { name: `topic ${topic}`, class: "level" }, h("option", { value: "" }, "–"), LEVELS.map((level) => h("option", { value: String(level) }, String(level))))))];
  }

  /** One control a topic; a program without a list of topics takes any. */
  function topics(legend, control) {
    const known = program.topics ?? [];
    const any = role.value === "mentee" ? t("Topics, as codes: funding, hiring") : t("Topics and experience: funding:3, hiring:5");
    return known.length ? h("fieldset", {}, h("legend", {}, legend), h("div", { class: "row" }, known.map(control)))
      : field("topics", any, h("input", { id: "walk-in-topics", name: "topics", required: true }));
  }

  function submit(event) {
    event.preventDefault();
    return whileBusy(event.submitter, async () => {
      try {
        const made = await withYes((yes) => register(role.value, { ...person(role.value), ...yes }));
        if (made === null) return;
        sent = { what: null, key: null };
        told(made);
        form.reset();
        draw();
        await arrive(made);
      } catch (error) {
        showTrouble(error);
      }
    });
  }

  function register(as, body) {
    const what = JSON.stringify([as, body]);
    if (sent.what !== what) sent = { what, key: newKey() };
    return post(`/programs/${id}/${as}s`, body, sent.key);
  }

  /** Registered for good; whatever hinders the check-in, only that is tried again. */
  async function arrive(made) {
    try {
      const here = await withYes((yes) => post(`/participants/${made.participant_id}/check-in`, yes));
      if (here === null) return wait(made);
      told(here);
    } catch (error) {
      wait(made);
      throw error;
    }
    show(form, form.elements.name);
    announce(t("{name} is registered and here. Access code: {code}", { name: made.name, code: await codeOf(made) }));
  }

  function wait(made) {
    const again = h("button", { type: "button", class: "main", onclick: (event) => whileBusy(event.currentTarget, () => arrive(made).catch(showTrouble)) }, t("Check in {name}", made));
    arriving.replaceChildren(
      h("p", {}, t("{name} is registered and on the list, but not checked in yet.", made)),
      h("div", { class: "row" }, again, h("button", { type: "button", onclick: () => show(form, form.elements.name) }, t("Register somebody else"))));
    show(arriving, again);
  }

  function show(part, focused) {
    [form.hidden, arriving.hidden] = [part !== form, part !== arriving];
    focused.focus();
  }

  async function codeOf(made) {
    const codes = listed(await get(`/programs/${id}/access-codes`).catch(() => []), "access_codes");
    return codes.find((each) => each.participant_id === made.participant_id)?.access_code ?? "–";
  }

  function person(as) {
    const given = new FormData(form);
    const said = { name: given.get("name"), site_id: given.get("site"), languages: words(given.get("languages")) };
    const chosen = [...given].filter(([name, value]) => name.startsWith("topic ") && value).map(([name, value]) => [name.slice(6), value]);
    const written = words(given.get("topics") ?? "").map((word) => word.split(":"));
    const levels = [...chosen, ...written].map(([topic, level]) => [topic, Number(level ?? 3)]);
    if (as === "mentor") return { ...said, topics: Object.fromEntries(levels) };
    return { ...said, motive: given.get("motive"), topics: levels.map(([topic]) => topic) };
  }

  function field(name, text, control) {
    control.id = `walk-in-${name}`;
    return h("div", {}, h("label", { for: control.id }, text), control);
  }

  function select(name, options) {
    return h("select", { name }, options.map(([value, text]) => h("option", { value }, text)));
  }
}

/** What stands between commas, semicolons or spaces. */
function words(text) {
  return text.split(/[\s,;]+/).filter(Boolean);
}
