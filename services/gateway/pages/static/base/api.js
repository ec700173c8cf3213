/** Calls of the HTTP API with the reader's own log-in (a cookie that scripts cannot read), and what goes wrong. */

import { find, h, fill } from "./dom.js";
import { language, t } from "./words.js";

const KEPT = "speedmentor.who";

/** A refusal of the API: a problem document (RFC 9457). */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || t("The service answers {status}.", { status }));
    Object.assign(this, { status, problem });
  }

  /** Where it names them: every single thing that is wrong. */
  get faults() {
    const found = this.problem.problems ?? this.problem.errors ?? [];
    return Array.isArray(found) ? found : [];
  }

  /** What holds now, where the request was made on something older. */
  get current() {
    return this.problem.current ?? null;
  }
}

/**
 * Calls `/api/v1<path>`. Throws {@link Refusal}, or an Error a person can read when nobody answers.
 *
 * Whoever may have to send the very same again later keeps its `key`, so that it has its effect once.
 */
export async function call(method, path, body, key = newKey()) {
  const headers = { Accept: "application/json", "Accept-Language": language };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["Idempotency-Key"] = key;
  const request = { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin", cache: "no-store" };
  const answer = await attempt(path, request, method === "GET" ? 1 : 4);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(answer.status, told ?? {});
  return told;
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}, key = newKey()) => call("POST", path, body, key);
export const put = (path, body) => call("PUT", path, body);

/** The list in an answer, which may stand alone or under its name. */
export const listed = (answer, name) => (Array.isArray(answer) ? answer : (answer?.[name] ?? []));

/** Asks again when nobody answers, or the answer is "not yet": the idempotency key makes that safe. */
async function attempt(path, request, times) {
  for (let left = times - 1; ; left -= 1) {
    try {
      const answer = await fetch(`/api/v1${path}`, { ...request, signal: AbortSignal.timeout(20_000) });
      if (answer.status !== 503 || left <= 0) return answer;
    } catch {
      if (left <= 0) throw new Error(t("The service cannot be reached. Check the network; nothing you entered is lost."));
    }
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}

/** A fresh idempotency key. */
export function newKey() {
  // Not randomUUID: it is missing where the page comes over plain HTTP from another machine.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Who has logged in on this device: role, subject, program and site; never the token. */
export function who() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "null");
  } catch {
    return null;
  }
}

export async function logIn(given) {
  const { role, subject, program_id, site_id, expires_at } = await post("/log-in", given);
  localStorage.setItem(KEPT, JSON.stringify({ role, subject, program_id, site_id, expires_at }));
  return who();
}

export async function logOut() {
  localStorage.removeItem(KEPT);
  await post("/log-out").catch(() => {});
  location.assign("/");
}

/**
 * Shows what went wrong at the top of the page; sends to the log-in whoever is not logged in.
 *
 * `again`, if given, sends the same once more with the codes of all that was asked about and is right as it is.
 */
export function showTrouble(error, again = null) {
  if (error.status === 401 && location.pathname !== "/") {
    location.assign(`/?next=${encodeURIComponent(location.pathname + location.hash)}`);
    return;
  }
  const place = find("#trouble");
  if (!place) return;
  const faults = (error.faults ?? []).filter((fault) => fault?.what);
  fill(place, h("p", {}, error.message), faults.length ? h("ul", {}, faults.map((fault) => h("li", {}, faultText(fault)))) : null,
    again && faults.length && faults.every((fault) => fault.confirm?.length)
      ? h("button", { type: "button", onclick: () => again(faults.flatMap((fault) => fault.confirm)) }, t("It is right as it is"))
      : null);
  place.hidden = false;
  find("#said").hidden = true;
  place.scrollIntoView({ block: "nearest" });
  if (!error.status) console.error(error);
}

/** Says that something has worked; takes the last trouble away. */
export function announce(text) {
  find("#trouble").hidden = true;
  const place = find("#said");
  place.textContent = text;
  place.hidden = false;
}

function faultText(fault) {
  return [fault.what, fault.remedy].filter(Boolean).join(": ");
}

/** What every page with a header does. */
export function furnish() {
  find("#log-out")?.addEventListener("click", logOut);
  for (const link of document.querySelectorAll("[data-keep-hash]")) {
    link.addEventListener("click", () => (link.href = `?lang=${link.lang}${location.hash}`));
  }
}
