/** What scripts say to people, in the language of the page: the server puts the catalogue into the page. */

import { isolated } from "./direction.js";

const source = document.getElementById("words")?.textContent ?? "{}";
const catalogue = JSON.parse(source.trim() || "{}");

export const language = document.documentElement.lang || "en";

/** `text` (English, as in the catalogue) in the page's language, its `{fields}` filled in. */
export function t(text, values = {}) {
  const spoken = Object.hasOwn(catalogue, text) ? catalogue[text] : text;
  return spoken.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? isolated(String(values[name])) : whole));
}

/** Texts of people one after the other: `Jakarta, Denpasar`. */
export const series = (texts) => texts.map(isolated).join(", ");

/** Texts of people beside each other: `Open Doors · Jakarta`. */
export const beside = (...texts) => texts.filter(Boolean).map(isolated).join(" · ");

/** A time of day, `09:30`, in a zone (the device's own if none). */
export function timeOfDay(instant, timeZone) {
  return format(instant, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone });
}

/** A day and a time, `Tue 24 Nov, 09:30`. */
export function dayAndTime(instant, timeZone) {
  return format(instant, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone });
}

/** A length of time as people say it: `10 min`, `90 s`. */
export function duration(seconds) {
  return seconds % 60 ? t("{seconds} s", { seconds }) : t("{minutes} min", { minutes: seconds / 60 });
}

/** `career-change` as a person reads it: `Career change`. */
export function plain(code) {
  const text = String(code).replaceAll(/[-_.]+/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Small letters without marks, so that “Munoz” finds “Muñoz”. */
export function fold(text) {
  return (text ?? "").normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}

const LOCALES = { en: "en-GB", id: "id-ID" };

function format(instant, options) {
  return new Intl.DateTimeFormat(LOCALES[language] ?? language, options).format(new Date(instant));
}
