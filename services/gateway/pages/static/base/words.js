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
/** So near a change of the clocks, before and after, a time tells by which of the two it is, ms. */
const NEAR = 3 * 3600_000;
const formats = new Map();

/**
 * Where clocks go back an hour comes twice, and where they go forward one is left out: there `02:30` alone may be two
 * times, or an agenda seems to have lost an hour. Times near such a change name their zone: `02:30 CEST`, `02:30 GMT+1`.
 */
function format(instant, options) {
  const at = new Date(instant);
  const named = clocksChange(at.getTime(), options.timeZone) ? { ...options, timeZoneName: "short" } : options;
  return formatter(LOCALES[language] ?? language, named).format(at);
}

function clocksChange(at, timeZone) {
  return onTheClocks(at + NEAR, timeZone) - onTheClocks(at - NEAR, timeZone) !== 2 * NEAR;
}

/** What the clocks of a zone show, as if they showed UTC, ms. */
function onTheClocks(at, timeZone) {
  const numbers = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23", timeZone };
  const { year, month, day, hour, minute, second } = Object.fromEntries(formatter("en-US", numbers).formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Making one takes long, and a countdown tells its times every second. */
function formatter(locale, options) {
  const key = JSON.stringify([locale, options]);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, options));
  return formats.get(key);
}
