/** The organizer's page of one program: its heading and its parts, each drawn when it is first looked at. */

import { furnish, get, post, announce, showTrouble } from "./base/api.js";
import { checkIn } from "./program/check-in.js";
import { fill, find, h, whileBusy } from "./base/dom.js";
import { plan } from "./program/plan.js";
import { report } from "./program/report.js";
import { sessions } from "./program/sessions.js";
import { keepFresh } from "./base/fresh.js";
import { starts, toSeeTo } from "./base/standing.js";
import { stateText } from "./base/states.js";
import { beside, dayAndTime, duration, t } from "./base/words.js";

const PARTS = { overview, "check-in": checkIn, plan, sessions, report };
const id = document.body.dataset.program;
const drawn = new Set();
const context = { id, program: null, changed: keepFresh(reload) };
let shown = "";

furnish();
reload().then(choose).catch((error) => {
  fill(find("#heading"));
  showTrouble(error);
});
addEventListener("hashchange", choose);

/** Draws heading and overview where the program has changed. */
async function reload() {
  const before = context.program;
  context.program = await get(`/programs/${id}`);
  const now = JSON.stringify(context.program);
  if (now === shown) return;
  shown = now;
  const { title, state } = context.program;
  // What can be done at the door depends on it.
  if (before?.state !== state) drawn.delete("check-in");
  fill(find("#heading"), h("h1", {}, title, " ", h("span", { class: `badge ${state}` }, stateText(state))), toSeeTo(context.program));
  document.title = beside(title, "speedmentor");
  if (drawn.has("overview")) overview(find("#view-overview"));
}

function choose() {
  if (!context.program) return;
  const wish = location.hash.slice(1);
  const part = wish in PARTS ? wish : "overview";
  for (const name of Object.keys(PARTS)) {
    find(`#view-${name}`).hidden = name !== part;
    const tab = find(`.tabs a[href="#${name}"]`);
    if (name === part) {
      tab.setAttribute("aria-current", "page");
      // On a phone the tabs are wider than the page.
      tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;
    } else tab.removeAttribute("aria-current");
  }
  if (drawn.has(part)) return;
  drawn.add(part);
  Promise.resolve(PARTS[part](find(`#view-${part}`), context)).catch(showTrouble);
}

function overview(place) {
  const { program } = context;
  const sites = program.sites ?? [];
  const figures = [
    [t("Mentors"), program.mentors], [t("Mentees"), program.mentees], [t("Rounds"), program.rounds],
    [t("Length of a round"), duration(program.round_seconds)], [t("Break"), duration(program.break_seconds)],
  ];
  fill(place,
    program.closed_at ? h("p", { class: "quiet" }, t("Closed on {time}; no more feedback is taken.", { time: dayAndTime(program.closed_at) })) : null,
    h("dl", { class: "figures" }, figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value))))),
    h("h2", {}, t("Sites")),
    h("ul", { class: "plain cards" }, sites.map((site) => h("li", { class: "card" },
      h("h3", {}, site.name ?? site.site_id, ...stands(program, site)),
      h("p", { class: "quiet" }, [starts(site), site.time_zone].filter(Boolean).join(" · ")),
      h("a", { class: "button", href: `/wall/${id}/${site.site_id}`, target: "_blank", rel: "noopener" }, t("Open the wall countdown"))))),
    program.state === "draft" ? h("button", { class: "main", type: "button", onclick: publish }, t("Publish")) : null);
}

/** How far a site is, where the program as a whole does not say it. */
function stands({ state }, site) {
  return state === "running" && site.state ? [" ", h("span", { class: `badge ${site.state}` }, site.state === "scheduled" ? t("Not begun yet") : stateText(site.state))] : [];
}

function publish(event) {
  return whileBusy(event.currentTarget, async () => {
    try {
      await post(`/programs/${id}/publication`);
      await reload();
      announce(t("“{title}” is published.", context.program));
    } catch (error) {
      showTrouble(error);
    }
  });
}
