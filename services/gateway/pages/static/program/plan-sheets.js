/** Who sits where in which round, on paper: nothing scrolls there, so some rounds beside each other at a time. */

import { h } from "../base/dom.js";
import { tableName } from "../base/states.js";
import { t } from "../base/words.js";
import { sites, tables } from "./plan-timetable.js";

/** How wide the narrowest paper (A4, upright) is without margins, a letter in print, and what is around a name, mm. */
const PAPER = 190;
const LETTER = 2.2;
const PADDING = 4;
/** So many rounds beside each other at least, where names are broken to fit, and at most. */
const [LEAST, MOST] = [4, 12];

/** @returns {HTMLElement[]} for `timetables` of the same meetings */
export function sheets(meetings, program, people) {
  const name = (who) => people.get(who)?.name ?? who;
  return sites(meetings, program).map(([site, here]) => h("section", {}, spans(here, program).map((rounds) => sheet(site, here, rounds))));

  function spans(here) {
    const rounds = Math.max(program.rounds ?? 1, ...here.map((meeting) => meeting.round));
    const longest = Math.max(...here.flatMap((meeting) => [name(meeting.mentor_id).length, name(meeting.mentee_id).length]));
    const length = Math.max(LEAST, Math.min(MOST, Math.floor(PAPER / (longest * LETTER + PADDING)) - 1));
    const count = Math.ceil(rounds / length);
    const edge = (number) => Math.floor((rounds * number) / count);
    return Array.from({ length: count }, (_, number) => Array.from({ length: edge(number + 1) - edge(number) }, (_, place) => edge(number) + place + 1));
  }

  function sheet(site, here, rounds) {
    return h("table", { class: "sheet" },
      h("thead", {}, h("tr", {}, h("th", { colspan: rounds.length + 1 }, h("bdi", {}, site))),
        h("tr", {}, h("th", { scope: "col" }, t("Table")), rounds.map((round) => h("th", { scope: "col" }, t("Round {round}", { round }))))),
      h("tbody", {}, tables(here).map(({ meetings: its, host }) => h("tr", {},
        h("th", { scope: "row" }, tableName(its[0]), host ? [" ", h("bdi", {}, name(host))] : null),
        rounds.map((round) => h("td", {}, its.filter((meeting) => meeting.round === round).map((meeting) =>
          h("p", {}, host ? null : [h("bdi", {}, name(meeting.mentor_id)), " – "], h("bdi", {}, name(meeting.mentee_id))))))))));
  }
}
