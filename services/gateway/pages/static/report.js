/** After the rounds: closing the program, its figures, and who stays in touch with whom. */

import { get, listed, post, announce, showTrouble } from "./api.js";
import { ask } from "./ask.js";
import { fill, h, whileBusy } from "./dom.js";
import { language, plain, t } from "./words.js";

export async function report(place, { id }) {
  await show();

  async function show() {
    const [figures, connections, people] = await Promise.all([
      get(`/programs/${id}/report`).catch(none),
      get(`/programs/${id}/connections`).catch(none),
      get(`/programs/${id}/participants`),
    ]);
    const names = new Map(listed(people, "participants").map((person) => [person.participant_id, person.name]));
    const found = listed(connections, "connections");
    const name = (who) => names.get(who) ?? who;
    fill(place,
      h("p", {}, h("button", { type: "button", onclick: (event) => close(event.currentTarget) }, t("Close the program and make the report"))),
      figures ? dl(numbers(figures)) : h("p", { class: "quiet" }, t("There is no report yet.")),
      h("h2", {}, t("Connections")),
      h("p", { class: "quiet" }, t("Both chose to stay in touch: {count}", { count: found.length })),
      found.length ? h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Mentor")), h("th", { scope: "col" }, t("Mentee")))),
        h("tbody", {}, found.map((each) => h("tr", {}, h("td", {}, name(each.mentor_id)), h("td", {}, name(each.mentee_id)))))) : null);
  }

  async function close(button) {
    if (!(await ask(t("Close the program?"), { text: t("The figures are computed from all feedback given so far."), yes: t("Close the program") }))) return;
    await whileBusy(button, async () => {
      try {
        await post(`/programs/${id}/closing`);
        announce(t("The report is made."));
        await show();
      } catch (error) {
        showTrouble(error);
      }
    });
  }
}

/** What is not there yet is no trouble. */
function none(error) {
  if ([404, 409, 503].includes(error.status)) return null;
  throw error;
}

/** All numbers of a report, wherever they are in it. */
function numbers(value, path = []) {
  if (typeof value === "number") return [[path.at(-1), value]];
  if (!value || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => numbers(inner, [...path, key]));
}

function dl(figures) {
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  return h("dl", { class: "figures" }, figures.map(([name, value]) => h("div", {}, h("dt", {}, t(plain(name))), h("dd", {}, number.format(value)))));
}
