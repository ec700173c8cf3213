/** How a plan stands: whether one is being made, or could not be, and how good the one that holds is. */

import { h } from "../base/dom.js";
import { t } from "../base/words.js";

/** What is to be known before the figures; nothing where the plan is as it should be. */
export function standing({ state, progress, revision, failure }) {
  if (state === "planning") return h("div", { class: "notice", role: "status" }, t("The plan is being made …"), " ", h("progress", { value: progress ?? 0, max: 1, "aria-label": t("How much of the plan is made") }));
  if (state === "failed") return h("p", { class: "notice bad", role: "alert" },
    failure ? [failure, " ", t("The plan that holds stays; try again.")] : t("The plan could not be made. Try again; if it fails again, look into the log of the matching service."));
  if (state !== "cancelled") return null;
  return h("p", { class: "notice", role: "status" }, revision
    ? t("Planning was called off. The plan that holds was made before, and may not fit any more whoever takes part: plan anew when you are ready.")
    : t("Planning was called off. There is no plan yet: make it when you are ready."));
}

/** A proof is about those who took part when the plan was made; once they are others it proves nothing any more. */
export function quality({ state, revision, quality: found }) {
  if (!found) return state === "none" ? h("p", { class: "quiet" }, t("There is no plan yet.")) : null;
  const isProved = state === "planned" && found.certified;
  const figures = [
    [t("Meetings"), found.meetings], [t("Per mentee"), found.least === found.most ? found.least : `${found.least}–${found.most}`],
    [t("Value"), found.score], state === "planned" ? [t("No plan is worth more than"), found.bound] : null, [t("Revision"), revision],
  ];
  return h("div", { class: `quality ${isProved ? "proved" : ""}` }, h("h2", {}, heading(state, isProved, found)),
    h("dl", { class: "figures" }, figures.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value ?? "–"))))));
}

function heading(state, isProved, { gap, meetings }) {
  if (state !== "planned") return t("The plan that holds for now");
  if (isProved && meetings === 0) return t("Nobody can meet, and that is proved: the reasons are below");
  return isProved ? t("Proved: no plan is fairer, and none as fair is better") : t("Not proved best: at most {gap} % better is possible", { gap: (100 * (gap ?? 0)).toFixed(1) });
}
