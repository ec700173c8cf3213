/** Building and finding elements. Text always goes in as text, so nothing that people wrote is ever markup. */

import { kept } from "./direction.js";

export const find = (selector, root = document) => root.querySelector(selector);

/** An element: `h("p", {class: "quiet", onclick: f, hidden: true}, "text", child, null)`. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...shown(children, element));
  return element;
}

/** Puts these children in place of what is in `element`. */
export function fill(element, ...children) {
  element.replaceChildren(...shown(children, element));
  element.removeAttribute("aria-busy");
  return element;
}

function shown(children, parent) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map((child) => kept(child, parent));
}

/** Sets text only where it changes, so that screen readers and layout are left in peace. */
export function tell(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** Keeps a button from being pressed twice while its work is under way. */
export async function whileBusy(button, work) {
  if (button?.getAttribute("aria-disabled") === "true") return;
  button?.setAttribute("aria-disabled", "true");
  button?.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button?.removeAttribute("aria-disabled");
    button?.removeAttribute("aria-busy");
  }
}
