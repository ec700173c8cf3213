/** After the rounds: whom a participant would go on with, in order, and whom it became. */

import { announce, get, listed, put, showTrouble } from "../base/api.js";
import { fill, find, h, whileBusy } from "../base/dom.js";
import { drawOrder } from "../base/order.js";
import { series, t } from "../base/words.js";

/**
 * @param {object} me who has logged in
 * @param {(ids: string[]) => Promise<void>} meet learns who these are
 * @param {Map<string, object>} people whom it has learnt
 */
export function ranking(me, meet, people) {
  let chosen = [];
  let met = [];
  /** How often something was changed here, and how many of these changes are saved. */
  let [edits, saved] = [0, 0];
  const [section, form, list, others] = [find("#ranking"), find("#ranking-form"), find("#ranking-list"), find("#ranking-others")];
  const places = find("#ranking-places");
  find("#ranking-capacity").hidden = me.role !== "mentor";
  places.addEventListener("input", () => (edits += 1));
  form.addEventListener("submit", save);
  return { look };

  /** What the services know now; what is being put in order on this page stays. */
  async function look() {
    const settled = edits === saved ? edits : null;
    const [own, pairing] = await Promise.all([get(`/programs/${me.program_id}/ranking`), get(`/programs/${me.program_id}/pairing`)]);
    const pairs = listed(pairing, "pairs");
    await meet([...own.met, ...pairs.map(other)]);
    met = own.met;
    // Also what was changed while this was being asked for stays.
    if (settled === edits) {
      chosen = [...own.ranks];
      places.value = own.capacity ?? "";
    }
    section.hidden = !met.length;
    draw();
    fill(find("#pair-list"), pairs.length ? h("p", { class: "notice good", role: "status" }, t("You go on with {names}.", { names: series(pairs.map((pair) => name(other(pair)))) })) : null);
  }

  async function save(event) {
    event.preventDefault();
    await whileBusy(event.submitter, async () => {
      const sent = edits;
      try {
        await put(`/programs/${me.program_id}/ranking`, { ranks: chosen, ...(me.role === "mentor" ? { capacity: capacity() } : {}) });
        saved = sent;
        announce(t("Your order is saved."));
      } catch (error) {
        showTrouble(error);
      }
    });
  }

  /** Nothing said is not a number: the organizer's holds then. */
  function capacity() {
    return places.value === "" ? null : Number(places.value);
  }

  function draw(focus = null) {
    drawOrder(list, chosen, { name, away: (who) => t("Do not go on with {name}", { name: who }), change: choose }, focus);
    const rest = met.filter((id) => !chosen.includes(id));
    fill(others, rest.map((id) => h("li", {}, h("button", { type: "button", "aria-label": t("Go on with {name}", { name: name(id) }), onclick: () => choose([...chosen, id], chosen.length) }, "+ ", name(id)))));
  }

  function choose(order, focus) {
    chosen = order;
    edits += 1;
    draw(focus);
  }

  function name(id) {
    return people.get(id)?.name ?? t("Name not known");
  }

  function other(pair) {
    return me.role === "mentor" ? pair.mentee_id : pair.mentor_id;
  }
}

