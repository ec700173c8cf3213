/** A question in a dialog of the browser's own kind: focus, Escape and screen readers work by themselves. */

import { h, whileBusy } from "./dom.js";
import { placed, refused } from "./fields.js";
import { t } from "./words.js";

/**
 * Asks, and gives the form's values, or null when it was called off.
 *
 * @param {string} title
 * @param {object} parts `text`, `fields` (elements with names), `yes` (what the button says), `grave` (it destroys),
 *   `work` (done with the values while the question still stands: faults that name a field are said there, and what was
 *   entered can be mended; other errors end the question and are thrown)
 */
export function ask(title, { text = "", fields = [], yes = t("Yes"), grave = false, work = null } = {}) {
  return new Promise((resolve, reject) => {
    const form = h("form", { method: "dialog", novalidate: true, onsubmit: submit },
      h("h2", { id: "ask-title" }, title), text ? h("p", {}, text) : null, fields,
      h("div", { class: "row end" }, h("button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
        h("button", { class: grave ? "main grave" : "main", value: "yes" }, yes)));
    const dialog = h("dialog", { "aria-labelledby": "ask-title" }, form);
    let working = false;
    dialog.addEventListener("close", () => {
      // Work that has begun is not undone by closing the question: its end is the answer.
      if (!working) resolve(dialog.returnValue === "yes" ? values() : null);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();

    function submit(event) {
      if (refused(form)) event.preventDefault();
      else if (work) {
        event.preventDefault();
        whileBusy(event.submitter, attempt);
      }
    }

    async function attempt() {
      working = true;
      try {
        await work(values());
        resolve(values());
      } catch (error) {
        working = false;
        if (dialog.open && placed(form, error.faults)) return;
        reject(error);
      }
      dialog.close();
    }

    function values() {
      return Object.fromEntries(new FormData(form));
    }
  });
}

/** A labelled choice for {@link ask}. */
export function select(name, label, options, chosen = null) {
  return h("p", {}, h("label", { for: `ask-${name}` }, label),
    h("select", { id: `ask-${name}`, name }, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text))));
}
