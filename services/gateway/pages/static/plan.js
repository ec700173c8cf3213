/** The plan: how good it is, and who sits where in which round. */

import { get, listed, post, announce, showTrouble } from "./api.js";
import { fill, h, whileBusy } from "./dom.js";
import { tableName } from "./states.js";
import { t } from "./words.js";

const ASK_AGAIN = 1000;

export async function plan(place, { id, program }) {
  const people = new Map();
  await show();

  async function show() {
    const [found, everybody] = await Promise.all([get(`/programs/${id}/plan`), get(`/programs/${id}/participants`)]);
    for (const person of listed(everybody, "participants")) people.set(person.participant_id, person.name);
    const again = h("button", { type: "button", class: found.state === "planned" ? "" : "main", onclick: (event) => request(event.currentTarget) }, found.state === "planned" ? t("Plan anew") : t("Make the plan"));
    if (found.state === "planning") setTimeout(() => show().catch(showTrouble), ASK_AGAIN);
    fill(place, verdict(found), h("p", {}, found.state === "planning" ? h("button", { type: "button", onclick: (event) => stop(event.currentTarget) }, t("Stop planning")) : again), (found.meetings ?? []).length ? sites(found.meetings) : null, unmet(found.unmet ?? []));
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

  function verdict({ state, progress, revision, quality }) {
    if (state === "planning") return h("div", { class: "notice", role: "status" }, t("The plan is being made …"), " ", h("progress", { value: progress ?? 0, max: 1, "aria-label": t("How much of the plan is made") }));
    if (state === "failed") return h("p", { class: "notice bad", role: "alert" }, t("The plan could not be made. Try again; if it fails again, look into the log of the matching service."));
    if (!quality) return h("p", { class: "quiet" }, t("There is no plan yet."));
    const figures = [
      [t("Meetings"), quality.meetings], [t("Per mentee"), quality.least === quality.most ? quality.least : `${quality.least}–${quality.most}`],
      [t("Value"), quality.score], [t("No plan is worth more than"), quality.bound], [t("Revision"), revision],
    ];
    return h("div", { class: `quality ${quality.certified ? "proved" : ""}` },
      h("h2", {}, quality.certified ? t("Proved: no plan is fairer, and none as fair is better") : t("Not proved best: at most {gap} % better is possible", { gap: (100 * (quality.gap ?? 0)).toFixed(1) })),
      h("dl", { class: "figures" }, figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value ?? "–"))))));
  }

  function sites(meetings) {
    const names = new Map((program.sites ?? []).map((site) => [site.site_id, site.name ?? site.site_id]));
    const bySite = group(meetings, (meeting) => meeting.site_id ?? "");
    return [...bySite].sort().map(([site, here]) => h("section", {}, h("h2", {}, names.get(site) ?? (site || t("Over a screen"))), timetable(here)));
  }

  /** A row a table, a column a round. Where one mentor keeps the table, the mentor heads the row. */
  function timetable(meetings) {
    const rounds = Array.from({ length: program.rounds ?? Math.max(...meetings.map((meeting) => meeting.round)) }, (_, index) => index + 1);
    const tables = [...group(meetings, (meeting) => meeting.table)].sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }));
    const name = (who) => people.get(who) ?? who;
    const body = tables.map(([table, here]) => {
      const mentors = new Set(here.map((meeting) => meeting.mentor_id));
      const host = mentors.size === 1 ? name([...mentors][0]) : "";
      return h("tr", {}, h("th", { scope: "row" }, h("span", { class: "table-name" }, tableName(here[0])), host),
        rounds.map((round) => h("td", {}, here.filter((meeting) => meeting.round === round)
          .map((meeting) => h("div", {}, host ? name(meeting.mentee_id) : `${name(meeting.mentor_id)} – ${name(meeting.mentee_id)}`)))));
    });
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Timetable") }, h("table", { class: "timetable" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Table")), rounds.map((round) => h("th", { scope: "col" }, t("Round {round}", { round }))))),
      h("tbody", {}, body)));
  }

  function unmet(list) {
    if (!list.length) return null;
    return h("section", {}, h("h2", {}, t("Fewer meetings than wished")), h("ul", {}, list.map((each) =>
      h("li", {}, t("{name}: {meetings} meetings – {reason}", { name: people.get(each.mentee_id ?? each.mentee) ?? each.mentee_id ?? each.mentee, meetings: each.meetings, reason: each.reason })))));
  }
}

function group(items, key) {
  const groups = new Map();
  for (const item of items) {
    if (!groups.has(key(item))) groups.set(key(item), []);
    groups.get(key(item)).push(item);
  }
  return groups;
}
