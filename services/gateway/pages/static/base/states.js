/** What states are called. */

import { plain, t } from "./words.js";

export function stateText(state) {
  return {
    draft: t("Draft"), published: t("Published"), running: t("Under way"), finished: t("Rounds are over"), closed: t("Closed, with a report"),
    cancelled: t("Cancelled"),
  }[state] ?? plain(state);
}

export function roleText(role) {
  return { mentor: t("Mentor"), mentee: t("Mentee") }[role] ?? plain(role);
}

/** `jkt-4` is table 4 to everybody at that site. */
export function tableName({ table, site_id: site }) {
  return site && table.startsWith(`${site}-`) ? table.slice(site.length + 1) : table;
}

/** A participant's standing: the code of its look, and what it is called. */
export function standing(person) {
  if (person.status === "withdrawn") return ["withdrawn", t("Withdrawn")];
  const [kind, round] = String(person.status ?? "").split(":");
  if (kind === "absent") return ["absent", t("Absent from round {round}", { round })];
  return person.checked_in ? ["here", t("Here")] : ["expected", t("Expected")];
}

/** What somebody talks about: mentees' topics are in the order of their wish, mentors' have a level of experience. */
export function topicsOf(person) {
  const topics = person?.topics ?? [];
  return Array.isArray(topics) ? topics : Object.keys(topics);
}
