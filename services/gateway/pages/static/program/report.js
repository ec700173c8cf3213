/** After the rounds: closing the program, its figures, and who stays in touch with whom. */

import { get, listed, post, announce, showTrouble } from "../base/api.js";
import { ask } from "../base/ask.js";
import { fill, h, whileBusy } from "../base/dom.js";
import { pairing } from "./pairing.js";
import { language, plain, t } from "../base/words.js";

const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
/** Answered by yes (1) or no (0). */
const YES_NO = new Set(["stay_in_touch", "connections"]);

export async function report(place, { id, program, changed }) {
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
    const together = h("section", {});
    fill(place,
      figures ? null : h("p", {}, h("button", { type: "button", onclick: (event) => close(event.currentTarget) }, t("Close the program and make the report"))),
      figures ? tables(figures, program.sites ?? []) : h("p", { class: "quiet" }, t("There is no report yet.")),
      h("h2", {}, t("Connections")),
      h("p", { class: "quiet" }, t("Both chose to stay in touch: {count}", { count: found.length })),
      found.length ? h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Mentor")), h("th", { scope: "col" }, t("Mentee")))),
        h("tbody", {}, found.map((each) => h("tr", {}, h("td", {}, name(each.mentor_id)), h("td", {}, name(each.mentee_id))))))) : null,
      together);
    await pairing(together, id, name);
  }

  async function close(button) {
    if (!(await ask(t("Close the program?"), { text: t("The report is made once, from all feedback given so far; after that no more is taken."), yes: t("Close the program") }))) return;
    await whileBusy(button, async () => {
      try {
        await post(`/programs/${id}/closing`);
        announce(t("The report is made."));
        changed();
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

/** A row a question, a column each for all, the two sides and the sites; few answers are not shown to anybody. */
function tables(made, sites) {
  const names = {
    time_well_spent: t("Time well spent (1–7)"), would_recommend: t("Would recommend (0–10)"), story: t("Story told clearly (1–5)"),
    prepared: t("Mentee prepared (1–5)"), stay_in_touch: t("Want to stay in touch"), connections: t("Became connections"),
  };
  const columns = [[t("All"), (question) => question.all], [t("Mentors"), (question) => question.by_role.mentor], [t("Mentees"), (question) => question.by_role.mentee],
    ...sites.map((site) => [site.name ?? site.site_id, (question) => question.by_site[site.site_id]])];
  const rows = Object.entries(made.questions).filter(([, question]) => question.all.answers !== 0);
  return [
    h("dl", { class: "figures" }, [[t("Meetings held"), made.held], [t("Answers"), made.answers]].map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, number.format(value))))),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Report") }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Question")), columns.map(([head]) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map(([name, question]) => h("tr", {}, h("th", { scope: "row" }, names[name] ?? plain(name)), columns.map(([, pick]) => figure(pick(question), YES_NO.has(name)))))))),
    h("p", { class: "help" }, t("“–”: no answers, or fewer than {k}, which are shown to nobody.", made)),
  ];
}

function figure(found, share) {
  if (!found?.answers) return h("td", {}, "–");
  return h("td", {}, share ? percent.format(found.mean) : number.format(found.mean), h("small", {}, t("{answers} answers", found)));
}
