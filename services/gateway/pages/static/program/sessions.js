/** The sessions of a program with their countdowns and what an organizer can do to them. */

import { get, listed, post, put, announce, showTrouble } from "../base/api.js";
import { ask, select } from "../base/ask.js";
import { eventClock } from "../time/clock.js";
import { Countdown, clockFace } from "../time/countdown.js";
import { isolated } from "../base/direction.js";
import { fill, find, h, tell, whileBusy } from "../base/dom.js";
import { Live } from "../time/live.js";
import { look, nextText, phaseText } from "../time/phase-words.js";
import { t } from "../base/words.js";

/** A round can be restarted in its first so many ms: the service decides, the button only follows. */
const RESTART = 30_000;

export function sessions(place, { id, program, changed }) {
  const clock = eventClock();
  const cards = new Map();
  const names = new Map((program.sites ?? []).map((site) => [site.site_id, site.name ?? site.site_id]));
  const list = h("ul", { class: "plain cards sessions" }, h("li", { class: "quiet", id: "no-sessions" }, t("The sessions appear here as soon as there is a plan.")));
  const connection = h("p", { class: "quiet", role: "status" });
  fill(place, h("div", { class: "row between" }, connection,
    h("button", { type: "button", onclick: (event) => shift(event.currentTarget, null) }, t("Move the start of all sites"))), list);
  clock.start();
  new Live({
    url: `/api/v1/programs/${id}/live`,
    ask: async () => listed(await get(`/programs/${id}/sessions`), "sessions"),
    take,
    state: (connected) => tell(connection, connected ? t("Connected") : t("Not connected: the countdown goes on by the last timetable")),
    failed: showTrouble,
  }).start();

  function take(session) {
    find("#no-sessions", list)?.remove();
    if (!cards.has(session.session_id)) add(session);
    cards.get(session.session_id).take(session);
  }

  function add(session) {
    const name = names.get(session.site_id) ?? session.site_id;
    const parts = {
      phase: h("p", { class: "now-phase" }), count: h("p", { class: "now-count", role: "timer", "aria-live": "off" }, "–"),
      next: h("p", { class: "quiet" }), held: h("p", { class: "notice", hidden: true }, t("The timer was down and waits for you: resume when people are ready.")),
      buttons: h("div", { class: "row" }), policy: policy(session.session_id, name),
    };
    const card = h("li", { class: "card now", "data-session": session.session_id },
      h("div", { class: "row between" }, h("h2", {}, name), h("span", { class: "quiet revision" })),
      parts.phase, parts.count, parts.next, parts.held, parts.buttons, parts.policy);
    const countdown = new Countdown({ clock, show: (reading, before) => show(card, parts, countdown, reading, before) });
    card.countdown = countdown;
    cards.set(session.session_id, countdown);
    list.append(card);
    countdown.start();
  }

  function show(card, parts, countdown, reading, before) {
    const { session } = countdown;
    card.dataset.look = look(reading);
    tell(parts.phase, phaseText(reading));
    tell(parts.count, reading.seconds === null ? "" : clockFace(reading.seconds));
    tell(parts.next, nextText(reading, session.time_zone));
    tell(find(".revision", card), t("Revision {revision}", session));
    parts.held.hidden = !session.held;
    parts.policy.hidden = ["finished", "cancelled"].includes(reading.state);
    const choice = find("select", parts.policy);
    // What is being chosen stays until it is decided.
    if (!choice.hasAttribute("aria-busy")) choice.value = session.on_outage;
    const able = abilities(session, reading);
    const key = JSON.stringify(able);
    if (before && parts.buttons.dataset.able === key) return;
    parts.buttons.dataset.able = key;
    const focused = parts.buttons.contains(document.activeElement) ? document.activeElement.dataset.what : null;
    fill(parts.buttons, able.map((what) => button(what, session.session_id, names.get(session.site_id) ?? session.site_id)));
    if (focused) (find(`[data-what="${focused}"]`, parts.buttons) ?? find("button", parts.buttons))?.focus();
  }

  /** What the session does when the timer was down: nobody is there to be asked at that moment. */
  function policy(session, site) {
    const choose = h("select", { "aria-label": `${t("After an outage of the timer")} – ${isolated(site)}`, onchange: change },
      h("option", { value: "catch-up" }, t("go on by the timetable")), h("option", { value: "hold" }, t("wait until I resume")));
    return h("label", { class: "quiet policy", hidden: true }, `${t("After an outage of the timer")} `, choose);

    async function change() {
      await send(put, choose, `/sessions/${session}/outage-policy`, { on_outage: choose.value, revision: seen(session).revision }, t("The choice is kept."));
      choose.value = cards.get(session).session.on_outage;
    }
  }

  function button(what, session, site) {
    const { text, main, run } = ACTIONS[what];
    return h("button", { type: "button", class: main ? "main big" : "big", "data-what": what, "aria-label": `${text} – ${isolated(site)}`, onclick: (event) => run(event.currentTarget, seen(session)) }, text);
  }

  /** What was on the screen when a button was pressed: while it is asked "sure?", others command and bells ring. */
  function seen(session) {
    const countdown = cards.get(session);
    return { session, revision: countdown.session.revision, round: countdown.last.round };
  }

  /** Sends a command given on what was `seen`. */
  function command(button_, { revision }, path, body, done) {
    return send(post, button_, path, { ...body, revision }, done);
  }

  function send(how, button_, path, body, done) {
    return whileBusy(button_, async () => {
      try {
        const now = await how(path, body);
        for (const each of now.sessions ?? [now]) if (each.timetable) take(each);
        changed();
        announce(done);
      } catch (error) {
        if (error.current) {
          take(error.current);
          showTrouble(new Stale(t("The timetable was changed meanwhile and is now shown anew. Nothing was done: look at it, and press again if you still want it.")));
        } else showTrouble(error);
      }
    });
  }

  const ACTIONS = {
    pause: simple(t("Pause"), "pause", t("Paused.")),
    resume: { ...simple(t("Resume"), "resume", t("The session goes on.")), main: true },
    extend: { text: t("Extend"), run: extend },
    "end-round": aboutRound(t("End round"), "end-round", t("The round has been ended."), t("End this round now?")),
    "restart-round": aboutRound(t("Restart round"), "restart-round", t("The round has been restarted."), t("Restart this round?")),
    "skip-break": aboutRound(t("Skip break"), "skip-break", t("The next round has begun."), t("Start the next round now?")),
    shift: { text: t("Move the start"), run: shift },
  };

  function simple(text, action, done) {
    return { text, run: (button_, was) => command(button_, was, `/sessions/${was.session}/${action}`, {}, done) };
  }

  function aboutRound(text, action, done, sure) {
    const run = async (button_, was) => {
      if (!(await ask(sure, { yes: text, grave: action === "end-round" }))) return;
      await command(button_, was, `/sessions/${was.session}/${action}`, { round: was.round }, done);
    };
    return { text, run };
  }

  async function extend(button_, was) {
    const given = await ask(t("Extend this round"), { text: t("No meeting lasts longer than 15 minutes."), fields: [select("seconds", t("By how much?"), [[60, "1 min"], [120, "2 min"], [180, "3 min"], [300, "5 min"], [30, "30 s"]])], yes: t("Extend") });
    if (given) await command(button_, was, `/sessions/${was.session}/extension`, { seconds: Number(given.seconds), round: was.round }, t("The round has been extended."));
  }

  async function shift(button_, was) {
    const revisions = Object.fromEntries([...cards].map(([session, { session: { revision } }]) => [session, revision]));
    const options = [[300, 5], [600, 10], [900, 15], [1800, 30], [-300, -5], [-600, -10]].map(([value, minutes]) => [value, minutes > 0 ? t("{minutes} min later", { minutes }) : t("{minutes} min earlier", { minutes: -minutes })]);
    const given = await ask(was ? t("Move the start") : t("Move the start of all sites"), { text: was ? "" : t("Sites that have begun stay as they are."), fields: [select("by_seconds", t("By how much?"), options)], yes: t("Move") });
    if (!given) return;
    const body = { by_seconds: Number(given.by_seconds) };
    const path = `/programs/${id}/sessions/start-shift`;
    const done = t("The start has been moved.");
    if (was) return command(button_, was, path, { ...body, session_id: was.session }, done);
    await send(post, button_, path, { ...body, revisions }, done);
  }
}

/** What can be done now; the service has the last word. */
function abilities(session, reading) {
  const { state, during } = reading;
  if (state === "paused") return during === "round" ? ["resume", "extend"] : ["resume"];
  if (state === "scheduled") return ["shift"];
  if (state === "break") return ["pause", "skip-break"];
  if (state !== "round") return [];
  return reading.total - reading.remaining < RESTART ? ["pause", "extend", "restart-round", "end-round"] : ["pause", "extend", "end-round"];
}

class Stale extends Error {
  status = 409;
}
