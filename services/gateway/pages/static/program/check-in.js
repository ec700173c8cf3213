/** The list at the door: find a person, check in, say who has not come. */

import { call, get, listed, post, announce, showTrouble } from "../base/api.js";
import { ask, select } from "../base/ask.js";
import { withYes } from "../base/confirming.js";
import { fill, find, h, tell, whileBusy } from "../base/dom.js";
import { roleText, standing } from "../base/states.js";
import { walkIn } from "./walk-in.js";
import { beside, fold, t } from "../base/words.js";

/** More rows than this make a slow page and no better overview: the search finds the others. */
const SHOWN = 200;

export async function checkIn(place, { id, program }) {
  let [people, codes] = [listed(await get(`/programs/${id}/participants`), "participants"), null];
  const sites = new Map((program.sites ?? []).map((site) => [site.site_id, site.name ?? site.site_id]));
  const list = h("ul", { class: "plain people" });
  const counted = h("p", { class: "quiet", role: "status" });
  const form = h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault(), oninput: draw },
    labelled("search", t("Search by name"), h("input", { id: "search", type: "search", autocomplete: "off" })),
    labelled("site", t("Site"), choices("site", [["", t("All sites")], ...sites])),
    labelled("role", t("Role"), choices("role", [["", t("Everybody")], ["mentor", t("Mentors")], ["mentee", t("Mentees")]])),
    labelled("standing", t("Status"), choices("standing", [["", t("Everybody")], ["expected", t("Expected")], ["here", t("Here")], ["absent", t("Absent")]])));
  fill(place, form, h("div", { class: "row between" }, counted, h("button", { type: "button", onclick: showCodes }, t("Show access codes"))),
    atTheDoor(), list);
  draw();

  /** Before publishing nobody can be checked in, and whoever is registered would have to be found again for it. */
  function atTheDoor() {
    if (["published", "running"].includes(program.state)) return walkIn({ id, program, told });
    return program.state === "draft" ? h("p", { class: "notice" }, t("Checking in begins once the program is published.")) : null;
  }

  function told(person) {
    people = [...people.filter((each) => each.participant_id !== person.participant_id), person];
    draw();
  }

  function draw() {
    const [words, site, role, wish] = ["search", "site", "role", "standing"].map((name) => find(`#${name}`, form).value);
    const wanted = fold(words);
    const found = people.filter((person) => fold(person.name).includes(wanted) && (!site || person.site_id === site)
      && (!role || person.role === role) && (!wish || standing(person)[0] === wish));
    found.sort((a, b) => a.name.localeCompare(b.name));
    tell(counted, t("{here} of {all} here · {found} found", { here: people.filter((person) => standing(person)[0] === "here").length, all: people.length, found: found.length }));
    fill(list, found.slice(0, SHOWN).map(row), found.length > SHOWN ? h("li", { class: "quiet" }, t("And {count} more: search by name.", { count: found.length - SHOWN })) : null);
  }

  function row(person) {
    const [look, text] = standing(person);
    const code = codes?.get(person.participant_id);
    return h("li", { class: "person", "data-id": person.participant_id },
      h("div", { class: "person-name" }, h("b", {}, person.name), h("span", { class: "quiet" }, beside(roleText(person.role), sites.get(person.site_id) ?? person.site_id))),
      code ? h("code", { class: "code" }, code) : null,
      h("span", { class: `badge ${look}` }, text),
      h("div", { class: "row tight" },
        look === "expected" || look === "absent" ? h("button", { type: "button", class: "main big", "aria-label": t("Check in {name}", person), onclick: (event) => arrive(event.currentTarget, person) }, t("Check in")) : null,
        look === "expected" || look === "here" ? h("button", { type: "button", class: "big", "aria-label": t("{name} is absent", person), onclick: (event) => miss(event.currentTarget, person) }, t("Absent")) : null,
        h("button", { type: "button", class: "big more", "aria-label": t("More on {name}", person), onclick: (event) => more(event.currentTarget, person) }, "…")));
  }

  /** What is seldom wanted, and cannot be taken back. */
  async function more(button, person) {
    const choices = [["erase", t("Erase all that is known of {name}", person)]];
    if (person.status !== "withdrawn") choices.unshift(["withdraw", t("{name} withdraws and does not come", person)]);
    const given = await ask(person.name, {
      text: t("Neither can be taken back. The plan is made anew for those who are there."),
      fields: [select("what", t("What has happened?"), choices)],
      yes: t("Do it"),
      grave: true,
    });
    if (given?.what === "withdraw") await change(button, person, () => post(`/participants/${person.participant_id}/withdrawal`), t("{name} has withdrawn.", person));
    if (given?.what === "erase") await erase(button, person);
  }

  function erase(button, person) {
    return whileBusy(button, async () => {
      try {
        await call("DELETE", `/participants/${person.participant_id}`);
        people = people.filter((each) => each.participant_id !== person.participant_id);
        announce(t("All that was known of this person is erased."));
        draw();
      } catch (error) {
        showTrouble(error);
      }
    });
  }

  const arrive = (button, person) => change(button, person, () => withYes((yes) => post(`/participants/${person.participant_id}/check-in`, yes)), t("{name} is here.", person));

  async function miss(button, person) {
    const rounds = Array.from({ length: program.rounds ?? 1 }, (_, index) => [index + 1, t("Round {round}", { round: index + 1 })]);
    const given = await ask(t("{name} is absent", person), {
      text: t("The plan is made anew for those who are there."),
      fields: [select("from_round", t("From which round on?"), rounds)],
      yes: t("Absent"),
      grave: true,
    });
    if (given) await change(button, person, () => withYes((yes) => post(`/participants/${person.participant_id}/absence`, { from_round: Number(given.from_round), ...yes })), t("{name} is marked absent.", person));
  }

  function change(button, person, work, done) {
    return whileBusy(button, async () => {
      try {
        if ((await work()) === null) return;
        const now = await get(`/participants/${person.participant_id}`);
        people = people.map((each) => (each.participant_id === person.participant_id ? { ...each, ...now } : each));
        announce(done);
        draw();
        const search = find("#search", form);
        search.focus();
        search.select();
      } catch (error) {
        showTrouble(error);
      }
    });
  }

  function showCodes(event) {
    const button = event.currentTarget;
    return whileBusy(button, async () => {
      try {
        codes = codes ? null : new Map(listed(await get(`/programs/${id}/access-codes`), "access_codes").map((each) => [each.participant_id, each.access_code]));
        tell(button, codes ? t("Hide access codes") : t("Show access codes"));
        draw();
      } catch (error) {
        showTrouble(error);
      }
    });
  }
}

const labelled = (id, text, control) => h("div", {}, h("label", { for: id }, text), control);
const choices = (id, options) => h("select", { id }, options.map(([value, text]) => h("option", { value }, text)));
