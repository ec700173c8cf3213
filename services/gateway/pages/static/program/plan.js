/** The plan: how good it is, what has changed, who sits where in which round, and who meets nobody. */

import { get, listed, post, announce, showTrouble } from "../base/api.js";
import { fill, find, h, whileBusy } from "../base/dom.js";
import { isolated } from "../base/direction.js";
import { changes } from "./plan-changes.js";
import { sheets } from "./plan-sheets.js";
import { quality, standing } from "./plan-standing.js";
import { timetables } from "./plan-timetable.js";
import { t } from "../base/words.js";

const ASK_AGAIN = 1000;

export async function plan(place, { id, program, changed }) {
  const people = new Map();
  const name = (who) => people.get(who)?.name ?? who;
  const paper = h("div", { class: "sheets" });
  let meetings = [];
  addEventListener("beforeprint", () => fill(paper, meetings.length ? sheets(meetings, program, people) : null));
  addEventListener("afterprint", () => fill(paper));
  await show();

  async function show() {
    const [found, everybody] = await Promise.all([get(`/programs/${id}/plan`), get(`/programs/${id}/participants`)]);
    for (const person of listed(everybody, "participants")) people.set(person.participant_id, person);
    if (found.state === "planning") setTimeout(() => follow().catch(showTrouble), ASK_AGAIN);
    meetings = found.meetings ?? [];
    fill(place, standing(found), quality(found), h("p", {}, action(found)), changes(found, named, name),
      meetings.length ? timetables(meetings, program, people) : null, paper, unmet(found.unmet ?? []));
  }

  /** While the plan is being made only the bar moves: focus and what is unfolded stay. */
  async function follow() {
    const found = await get(`/programs/${id}/plan`);
    const bar = find("progress", place);
    if (found.state !== "planning" || !bar) {
      changed();
      return show();
    }
    bar.value = found.progress ?? 0;
    setTimeout(() => follow().catch(showTrouble), ASK_AGAIN);
  }

  function action({ state, revision }) {
    if (state === "planning") return h("button", { type: "button", onclick: (event) => stop(event.currentTarget) }, t("Stop planning"));
    return h("button", { type: "button", class: state === "planned" ? "" : "main", onclick: (event) => request(event.currentTarget) }, revision ? t("Plan anew") : t("Make the plan"));
  }

  function request(button) {
    return whileBusy(button, async () => {
      try {
        await post(`/programs/${id}/plan`);
        announce(t("The plan is being made."));
        await show();
      } catch (error) {
        showTrouble(error);
      }
    });
  }

  function stop(button) {
    return whileBusy(button, async () => {
      try {
        await post(`/programs/${id}/plan/cancellation`);
        announce(t("No new plan is made; the one that holds stays."));
      } catch (error) {
        // It was made in the meantime.
        if (error.status !== 409) showTrouble(error);
      }
      await show();
    });
  }

  function unmet(list) {
    if (!list.length) return null;
    return h("section", {}, h("h2", {}, t("Fewer meetings than wished")), h("ul", {}, list.map((each) =>
      h("li", {}, t("{name}: {meetings} meetings – {reason}", { name: name(each.mentee), meetings: each.meetings, reason: named(each.reason) })))));
  }

  /** Planning knows people by their ids only; whoever organizes knows them by name. */
  function named(text) {
    return (text ?? "").replaceAll(/[\w-]+/g, (word) => isolated(name(word)));
  }
}
