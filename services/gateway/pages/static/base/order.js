/** A list that somebody puts in order, by mouse, touch or keyboard. */

import { fill, h } from "./dom.js";
import { t } from "./words.js";

/**
 * Draws `ids` into `list`, and goes to the entry at `focus`.
 *
 * @param {object} how `name(id)`; `away(name)`: what taking one out is called; `change(ids, focus)`: what becomes of it
 */
export function drawOrder(list, ids, how, focus = null) {
  fill(list, ids.map((id, index) => h("li", {}, h("b", {}, how.name(id)), h("span", { class: "row tight" },
    button("↑", t("Move {name} up", { name: how.name(id) }), index > 0, () => move(index, index - 1)),
    button("↓", t("Move {name} down", { name: how.name(id) }), index < ids.length - 1, () => move(index, index + 1)),
    button("✕", how.away(how.name(id)), true, () => how.change(ids.toSpliced(index, 1), Math.min(index, ids.length - 2)))))));
  if (focus !== null) list.children[focus]?.querySelector("button:not(:disabled)")?.focus();

  function move(from, to) {
    how.change(ids.toSpliced(from, 1).toSpliced(to, 0, ids[from]), to);
  }
}

/** A small button with a sign on it and its meaning in words. */
export function button(sign, label, able, press) {
  return h("button", { type: "button", class: "small", "aria-label": label, title: label, disabled: !able, onclick: press }, sign);
}
