/** Who sits where in which round, site by site, and why the two of a meeting meet. */

import { h } from "../base/dom.js";
import { tableName, topicsOf } from "../base/states.js";
import { plain, t } from "../base/words.js";

/** `people` knows the participants by id. */
export function timetables(meetings, program, people) {
  const name = (who) => people.get(who)?.name ?? who;
  return [
    h("p", { class: "help unprinted" }, t("Open a name to see why the two meet.")),
    sites(meetings, program).map(([site, here]) => h("section", { class: "unprinted" }, h("h2", {}, site), timetable(here))),
  ];

  /** A row a table, a column a round. Where one mentor keeps the table, the mentor heads the row. */
  function timetable(all) {
    const rounds = Array.from({ length: program.rounds ?? Math.max(...all.map((meeting) => meeting.round)) }, (_, index) => index + 1);
    const body = tables(all).map(({ meetings: here, host }) =>
      h("tr", {}, h("th", { scope: "row" }, h("span", { class: "table-name" }, tableName(here[0])), host ? h("bdi", {}, name(host)) : null),
        rounds.map((round) => h("td", {}, here.filter((meeting) => meeting.round === round)
          .map((meeting) => cell(meeting, [host ? null : [h("bdi", {}, name(meeting.mentor_id)), " – "], h("bdi", {}, name(meeting.mentee_id))]))))));
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Timetable") }, h("table", { class: "timetable" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Table")), rounds.map((round) => h("th", { scope: "col" }, t("Round {round}", { round }))))),
      h("tbody", {}, body)));
  }

  /** A plan has thousands of meetings, and few are asked about: why is written when it is unfolded. */
  function cell(meeting, text) {
    const told = h("div", {});
    return h("details", { class: "why", ontoggle: (event) => event.target.open && told.replaceChildren(...why(meeting)) }, h("summary", {}, text), told);
  }

  function why({ mentor_id: mentor, mentee_id: mentee, score, because }) {
    const texts = {
      topics: t("Topics"), motive: t("Welcomes what the mentee comes for"), storytelling: t("Tells well"), wants: t("Wishes of the two"), given: t("Given beforehand"),
    };
    const parts = Object.entries(because ?? {}).filter(([, points]) => points > 0).sort(([, a], [, b]) => b - a);
    const shared = common(people.get(mentee), people.get(mentor));
    return [
      h("p", {}, h("b", {}, t("Value {score}", { score }))),
      h("dl", {}, parts.map(([part, points]) => h("div", {}, h("dt", {}, texts[part] ?? plain(part), part === "topics" && shared.length ? h("small", {}, shared.map(plain).join(", ")) : null), h("dd", {}, String(points))))),
      parts.length ? null : h("p", { class: "quiet" }, t("Nothing speaks for it but that both had time.")),
    ].filter(Boolean);
  }
}

/** Meetings by site, the sites in their order: `[name, meetings]`. */
export function sites(meetings, program) {
  const names = new Map((program.sites ?? []).map((site) => [site.site_id, site.name ?? site.site_id]));
  return [...group(meetings, (meeting) => meeting.site_id ?? "")].sort().map(([site, here]) => [names.get(site) ?? (site || t("Over a screen")), here]);
}

/** Meetings by table, the tables in their order; `host` is the id of the mentor who sits there all through, if one does. */
export function tables(meetings) {
  return [...group(meetings, (meeting) => meeting.table)]
    .sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }))
    .map(([, here]) => ({ meetings: here, host: new Set(here.map((meeting) => meeting.mentor_id)).size === 1 ? here[0].mentor_id : null }));
}

/** What one asks about and the other knows, the most wanted first. */
function common(mentee, mentor) {
  const known = new Set(topicsOf(mentor));
  return topicsOf(mentee).filter((topic) => known.has(topic));
}

function group(items, key) {
  const groups = new Map();
  for (const item of items) {
    if (!groups.has(key(item))) groups.set(key(item), []);
    groups.get(key(item)).push(item);
  }
  return groups;
}
