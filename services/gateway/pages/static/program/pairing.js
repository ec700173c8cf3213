/** The final pairs: forming them from the rankings, both ways side by side, and who goes on with whom. */

import { announce, get, post, showTrouble } from "../base/api.js";
import { ask, select } from "../base/ask.js";
import { fill, h } from "../base/dom.js";
import { wholeNumber } from "../base/fields.js";
import { series, t } from "../base/words.js";

const ASK_AGAIN = 1000;
/** What holds until an organizer says otherwise: three names, as lists mostly have, and one mentee for a mentor. */
const USUAL = { method: "stable", top: 3, capacity: 1 };

/** Draws into `place`; `name` gives the name of an id. */
export async function pairing(place, id, name) {
  await show();

  async function show() {
    const found = await get(`/programs/${id}/pairing`);
    if (found.state === "pairing") setTimeout(() => show().catch(showTrouble), ASK_AGAIN);
    fill(place,
      h("h2", {}, t("Going on together")),
      h("p", { class: "quiet" }, t("Rankings given so far: {mentors} by mentors, {mentees} by mentees.", { mentors: found.rankings.mentor, mentees: found.rankings.mentee })),
      found.state === "pairing" ? h("p", { class: "notice", role: "status" }, t("The pairs are being formed …")) : form(found),
      found.state === "failed" ? h("p", { class: "notice bad", role: "alert" }, found.failure ?? t("The pairs could not be formed. Try again; if it fails again, look into the log of the matching service.")) : null,
      found.terms ? h("p", { class: "quiet" }, t("Formed with: the first {top} of a list are top choices; a mentor who says no number has {capacity} places.", found.terms)) : null,
      found.counts ? sideBySide(found) : null,
      found.pairs.length ? table(found.pairs) : null,
      found.left_over ? left(found.left_over) : null);
  }

  function form(found) {
    const text = found.terms ? t("Form the pairs anew") : t("Form the pairs");
    return h("p", {}, h("button", { type: "button", onclick: () => request(found.terms).catch(showTrouble) }, text));
  }

  async function request(before) {
    const given = await ask(t("Form the pairs?"), {
      text: before ? t("Pairs that were announced may change.") : t("Everybody is paired who has met somebody; who is chosen by nobody is placed by fit, while mentors have places."),
      fields: terms({ ...USUAL, ...before }),
      yes: t("Form the pairs"),
      work: ({ method, top, capacity }) => post(`/programs/${id}/pairing`, { method, top: Number(top), capacity: Number(capacity) }),
    });
    if (!given) return;
    announce(t("The pairs are being formed."));
    await show();
  }

  function terms({ method, top, capacity }) {
    return [
      select("method", t("Which pairs are announced"), [["stable", methodText("stable")], ["most-mutual", methodText("most-mutual")]], method),
      h("p", { class: "help" }, t("Stable: no two who are apart would both rather have each other. Most mutual: as many as possible are each other's top choice.")),
      wholeNumber("top", t("How many names make a top choice"), { low: 1, high: 100, value: top, help: t("Whoever is among the first so many of a list is a top choice.") }),
      wholeNumber("capacity", t("Places of a mentor who says no number"), { low: 0, high: 20, value: capacity, help: t("With how many mentees such a mentor goes on; 0 is with nobody.") }),
    ];
  }

  function sideBySide({ counts, terms }) {
    const kinds = ["mutual", "one-sided", "ranked", "assigned"];
    const rows = [["stable", counts.stable], ["most-mutual", counts.most_mutual]];
    return h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Pairs by whose choice they are")), kinds.map((kind) => h("th", { scope: "col" }, kindText(kind))))),
      h("tbody", {}, rows.map(([method, by]) => h("tr", {}, h("th", { scope: "row" }, methodText(method), " ", method === terms.method ? h("span", { class: "badge published" }, t("announced")) : null), kinds.map((kind) => h("td", {}, String(by[kind]))))))));
  }

  function table(pairs) {
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Going on together") }, h("table", {},
      h("thead", {}, h("tr", {}, [t("Mentor"), t("Mentee"), t("Whose choice")].map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, pairs.map((pair) => h("tr", {}, h("td", {}, name(pair.mentor_id)), h("td", {}, name(pair.mentee_id)), h("td", {}, kindText(pair.kind)))))));
  }

  function left({ mentees, mentors }) {
    if (!mentees.length && !mentors.length) return null;
    return h("p", { class: "quiet" },
      mentees.length ? t("Mentees for whom no mentor had a place: {names}.", { names: series(mentees.map(name)) }) : "", " ",
      mentors.length ? t("Mentors who go on with nobody: {names}.", { names: series(mentors.map(name)) }) : "");
  }
}

function methodText(method) {
  return method === "stable" ? t("Stable") : t("Most mutual choices");
}

function kindText(kind) {
  return { mutual: t("Both chose each other"), "one-sided": t("One chose the other"), ranked: t("Named further down"), assigned: t("Placed by fit") }[kind];
}
