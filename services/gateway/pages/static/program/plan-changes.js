/** What the newest revision of a plan has changed, in words. */

import { h } from "../base/dom.js";
import { t } from "../base/words.js";

/** More changes than this are folded up, so that the timetable is not pushed off the screen. */
const UNFOLDED = 6;

/**
 * @param {object} plan as the API gives it
 * @param {(text: string) => string} named puts names in the place of ids
 * @param {(id: string) => string} name
 */
export function changes({ changes: found = [], revision }, named, name) {
  if (!found.length) return null;
  const groups = [["released", t("No longer held")], ["added", t("New")], ["moved", t("In another round")]];
  return h("details", { class: "card changes", open: found.length <= UNFOLDED },
    h("summary", {}, h("h2", {}, t("What changed with revision {revision}", { revision })), " ", h("span", { class: "badge" }, String(found.length))),
    groups.map(([kind, head]) => group(head, found.filter((change) => change.kind === kind))));

  function group(head, its) {
    if (!its.length) return null;
    return h("section", {}, h("h3", {}, head), h("ul", {}, its.toSorted((a, b) => a.round - b.round).map((change) =>
      h("li", {}, h("span", { class: "quiet" }, t("Round {round}", change), " · "), h("b", {}, t("{mentee} with {mentor}", { mentee: name(change.mentee), mentor: name(change.mentor) })), " – ", named(change.why)))));
  }
}
