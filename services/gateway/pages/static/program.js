/** The organizer's page of one program: its heading and its parts, each drawn when it is first looked at. */

import { furnish, get, post, announce, showTrouble } from "./base/api.js";
import { checkIn } from "./program/check-in.js";
import { fill, find, h, whileBusy } from "./base/dom.js";
import { plan } from "./program/plan.js";
import { report } from "./program/report.js";
import { sessions } from "./program/sessions.js";
import { stateText } from "./base/states.js";
import { beside, dayAndTime, duration, t } from "./base/words.js";

const PARTS = { overview, "check-in": checkIn, plan, sessions, report };
const id = document.body.dataset.program;
const drawn = new Set();
const context = { id, program: null, reload };

furnish();
reload().then(choose).catch((error) => {
  fill(find("#heading"));
  showTrouble(error);
});
addEventListener("hashchange", choose);

async function reload() {
  context.program = await get(`/programs/${id}`);
  const { title, state } = context.program;
  fill(find("#heading"), h("h1", {}, title, " ", h("span", { class: `badge ${state}` }, stateText(state))));
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
    h("dl", { class: "figures" }, figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value))))),
    h("h2", {}, t("Sites")),
    h("ul", { class: "plain cards" }, sites.map((site) => h("li", { class: "card" },
      h("h3", {}, site.name ?? site.site_id),
      h("p", { class: "quiet" }, [starts(site), site.time_zone].filter(Boolean).join(" · ")),
      h("a", { class: "button", href: `/wall/${id}/${site.site_id}`, target: "_blank", rel: "noopener" }, t("Open the wall countdown"))))),
    program.state === "draft" ? h("button", { class: "main", type: "button", onclick: publish }, t("Publish")) : null);
}

/** A start without an offset is the site's own time, and stays as written. */
function starts(site) {
  if (!site.starts_at) return "";
  return /(Z|[+-]\d\d:?\d\d)$/.test(site.starts_at) ? dayAndTime(site.starts_at, site.time_zone) : dayAndTime(`${site.starts_at.slice(0, 19)}Z`, "UTC");
}

function publish(event) {
  return whileBusy(event.currentTarget, async () => {
    try {
      await post(`/programs/${id}/publication`);
      await reload();
      // What can be done at the door depends on it.
      drawn.delete("check-in");
      announce(t("“{title}” is published.", context.program));
    } catch (error) {
      showTrouble(error);
    }
  });
}
