/**
 * Whom a participant can choose: the other role, within reach.
 *
 * Mentors present themselves, so mentees read through them. Mentees do not: a mentor finds by name whom the mentor
 * knows of already, and reads nothing else of them.
 */

import { get, listed, showTrouble } from "../base/api.js";
import { fill, h } from "../base/dom.js";
import { topicsOf } from "../base/states.js";
import { fold, plain, t } from "../base/words.js";

/** More names than this are no help in choosing: the search finds the others. */
const SHOWN = 20;
/** A mentor has to know a name, or at least this much of it. */
const LETTERS = 3;

/** `taken` hears of a choice: `want(person)` and, for mentees, `avoid(person)`. */
export function candidates(me, taken) {
  const isMentee = me.role === "mentee";
  let found = null;
  let leftOut = new Set();
  const search = h("input", { id: "candidate-search", type: "search", autocomplete: "off", oninput: draw, "aria-describedby": "candidate-help" });
  // A search is finished by reading, not by saving the form that it stands in.
  search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  const list = h("ul", { class: "plain candidates" });
  const counted = h("p", { class: "help", id: "candidate-help", role: "status" });
  const element = h("details", { ontoggle: (event) => event.target.open && load().catch(showTrouble) }, h("summary", {}, t("Choose people")),
    h("label", { for: "candidate-search" }, isMentee ? t("Search by name or topic") : t("Search by name")), search, counted, list);
  return { element, leaveOut };

  async function load() {
    if (found) return;
    const site = me.remote ? "" : `&site_id=${encodeURIComponent(me.site_id)}`;
    const other = isMentee ? "mentor" : "mentee";
    const everybody = listed(await get(`/programs/${me.program_id}/participants?role=${other}${site}`), "participants");
    found = everybody.filter((each) => each.role === other && each.status !== "withdrawn" && isInReach(each)).sort((a, b) => a.name.localeCompare(b.name));
    draw();
  }

  /** The plan brings together who is at one site, and who can be met over a screen. */
  function isInReach(other) {
    return other.site_id === me.site_id || (me.remote && other.remote);
  }

  function leaveOut(ids) {
    leftOut = new Set(ids);
    draw();
  }

  function draw() {
    if (!found) return;
    const wanted = fold(search.value.trim());
    const hasAsked = isMentee || wanted.length >= LETTERS;
    const fitting = hasAsked ? found.filter((each) => !leftOut.has(each.participant_id) && fold([each.name, ...topics(each).map(plain)].join(" ")).includes(wanted)) : [];
    fill(list, fitting.slice(0, SHOWN).map(row));
    counted.textContent = told(hasAsked, fitting.length);
  }

  function told(hasAsked, count) {
    if (!hasAsked) return t("Type at least {letters} letters of a name that you know.", { letters: LETTERS });
    return count > SHOWN ? t("{shown} of {count} are shown: search for the others.", { shown: SHOWN, count }) : t("{count} found", { count });
  }

  function row(person, index) {
    return h("li", {}, h("div", {}, h("b", {}, person.name), topics(person).length ? h("ul", { class: "plain chips", "aria-label": t("Topics") }, topics(person).map((topic) => h("li", {}, plain(topic)))) : null),
      h("div", { class: "row tight" },
        h("button", { type: "button", "aria-label": t("I would like to meet {name}", person), onclick: () => take(taken.want, person, index) }, t("+ Meet")),
        isMentee ? h("button", { type: "button", "aria-label": t("I would rather not meet {name}", person), onclick: () => take(taken.avoid, person, index) }, t("Avoid")) : null));
  }

  /** The one who is chosen leaves the list; whoever came by keyboard goes on with the next. */
  function take(choose, person, index) {
    choose(person);
    const next = list.children[index] ?? list.lastElementChild;
    (next?.querySelector("button") ?? search).focus();
  }

  function topics(person) {
    return isMentee ? topicsOf(person) : [];
  }
}
