/** A question in a dialog of the browser's own kind: focus, Escape and screen readers work by themselves. */

import { h } from "./dom.js";
import { t } from "./words.js";

/**
 * Asks, and gives the form's values, or null when it was called off.
 *
 * @param {string} title
 * @param {object} parts `text`, `fields` (elements with names), `yes` (what the button says), `grave` (it destroys)
 */
export function ask(title, { text = "", fields = [], yes = t("Yes"), grave = false } = {}) {
  return new Promise((resolve) => {
    const form = h("form", { method: "dialog" },
      h("h2", { id: "ask-title" }, title), text ? h("p", {}, text) : null, fields,
      h("div", { class: "row end" }, h("button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
        h("button", { class: grave ? "main grave" : "main", value: "yes" }, yes)));
    const dialog = h("dialog", { "aria-labelledby": "ask-title" }, form);
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? Object.fromEntries(new FormData(form)) : null);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A labelled choice for {@link ask}. */
export function select(name, label, options) {
  return h("p", {}, h("label", { for: `ask-${name}` }, label),
    h("select", { id: `ask-${name}`, name }, options.map(([value, text]) => h("option", { value }, text))));
}
