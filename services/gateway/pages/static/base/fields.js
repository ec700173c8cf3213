/** Fields of a form that say themselves what is wrong with them, in the language of the page and not of the browser. */

import { find, h, tell } from "./dom.js";
import { t } from "./words.js";

/** A whole number with its label and what it is for. */
export function wholeNumber(name, label, { low, high, value, help }) {
  return h("div", { class: "field" },
    h("label", { for: `field-${name}` }, label),
    h("input", { id: `field-${name}`, name, type: "number", inputmode: "numeric", min: low, max: high, step: 1, value, required: true, "aria-describedby": `field-${name}-help field-${name}-fault` }),
    h("p", { class: "help", id: `field-${name}-help` }, help),
    h("p", { class: "fault", id: `field-${name}-fault`, "data-fault": name }));
}

/** Says at each field what is wrong with it, and goes to the first; whether there is anything. */
export function refused(form) {
  return point(form, [...form.elements].filter((control) => control.willValidate && !control.validity.valid)
    .map((control) => [control.name, t("Give a whole number from {low} to {high}.", { low: control.min, high: control.max })]));
}

/** Says the faults of a refusal of the API at the fields that it names; whether all have found theirs. */
export function placed(form, faults) {
  const found = (faults ?? []).map((fault) => [String(fault.field ?? "").replace(/^\//, ""), [fault.what, fault.remedy].filter(Boolean).join(": ")]);
  return found.length > 0 && found.every(([name]) => find(`[data-fault="${CSS.escape(name)}"]`, form)) && point(form, found);
}

function point(form, faults) {
  const texts = new Map(faults);
  for (const place of form.querySelectorAll("[data-fault]")) {
    const text = texts.get(place.dataset.fault);
    tell(place, text ?? "");
    form.elements[place.dataset.fault].setAttribute("aria-invalid", String(Boolean(text)));
  }
  if (faults.length) form.elements[faults[0][0]].focus();
  return faults.length > 0;
}
