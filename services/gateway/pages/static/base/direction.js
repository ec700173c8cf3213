/**
 * Keeps what people wrote from turning what stands around it (Unicode Standard Annex 9, Unicode Bidirectional Algorithm).
 *
 * Both languages of the pages are written from left to right, so only text with letters of the other direction, or with
 * marks that turn it, can do that. All other text is left as it is.
 */

const TURNS = /[\u0590-\u08FF\u200E\u200F\u202A-\u202E\u2066-\u2069\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;
const MARKS = /[\u202A-\u202E\u2066-\u2069]/gu;
const [FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE] = ["\u2068", "\u2069"];
/** Elements that hold text only. */
const TEXT_ONLY = new Set(["OPTION", "TEXTAREA", "TITLE"]);

/** `text` to be put into a longer text. Marks of its own that might end its isolation are taken out. */
export function isolated(text) {
  return TURNS.test(text) ? FIRST_STRONG_ISOLATE + whole(text) + POP_DIRECTIONAL_ISOLATE : text;
}

/** `child` to be put into `parent`: a text that could turn what stands beside it there comes in an element of its own. */
export function kept(child, parent) {
  if (typeof child !== "string" || !TURNS.test(child) || parent.tagName === "BDI") return child;
  // What is isolated already has other text around it, whose direction is that of the page.
  if (isWhole(child) || TEXT_ONLY.has(parent.tagName)) return child;
  const element = document.createElement("bdi");
  element.textContent = whole(child);
  return element;
}

const whole = (text) => (isWhole(text) ? text : text.replaceAll(MARKS, ""));

/** Whether `text` has isolated parts, each with its end. */
function isWhole(text) {
  let open = 0;
  let parts = 0;
  for (const letter of text.match(MARKS) ?? []) {
    open += letter === FIRST_STRONG_ISOLATE ? 1 : -1;
    parts += 1;
    if (open < 0 || (letter !== FIRST_STRONG_ISOLATE && letter !== POP_DIRECTIONAL_ISOLATE)) return false;
  }
  return parts > 0 && open === 0;
}
