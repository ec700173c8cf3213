/** When a program begins at its sites, and what its organizers have to see to. */

import { h } from "./dom.js";
import { dayAndTime, t } from "./words.js";

/** When a site begins, and where the start was moved, what it was before. */
export function starts(site) {
  if (!site.starts_at) return "";
  const at = dayAndTime(site.starts_at, site.time_zone);
  return site.published_starts_at ? t("{time} (moved from {before})", { time: at, before: dayAndTime(site.published_starts_at, site.time_zone) }) : at;
}

/** When a program begins first at any site. */
export function firstStart(program) {
  const [first] = (program.sites ?? []).filter((site) => site.starts_at).toSorted((a, b) => Date.parse(a.starts_at) - Date.parse(b.starts_at));
  return first ? starts(first) : "";
}

/** A notice for everything that organizers have to see to. */
export function toSeeTo(program) {
  return (program.attention ?? []).filter((each) => each.code === "no-plan").map((each) => {
    const site = (program.sites ?? []).find(({ site_id: id }) => id === each.sites[0]);
    const time = dayAndTime(each.starts_at, site?.time_zone);
    const text = each.when === "passed"
      ? t("The start was {time}, and there is no plan: nobody meets, and nothing rings.", { time })
      : t("There is no plan yet. Without one nothing rings at the start, {time}.", { time });
    return h("p", { class: each.when === "ahead" ? "notice" : "notice bad", "data-attention": each.code }, text, " ", h("a", { href: `/programs/${program.program_id}#plan` }, t("Make the plan")));
  });
}
