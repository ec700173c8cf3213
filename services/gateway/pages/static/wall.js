import { get, listed, showTrouble } from "./base/api.js";
import { find, tell } from "./base/dom.js";
import { keepFresh } from "./base/fresh.js";
import { beside, dayAndTime, t, timeOfDay } from "./base/words.js";
import { Bells, bellOf } from "./time/bells.js";
import { eventClock } from "./time/clock.js";
import { Countdown, clockFace } from "./time/countdown.js";
import { Live } from "./time/live.js";
import { announcement, look, nextText, phaseText } from "./time/phase-words.js";
import { fitStage, fitTitle } from "./wall/fitting.js";
import { SeatPages, tablesOf } from "./wall/seat-pages.js";

const { program, site } = document.body.dataset;
const stage = find("#stage");
const clock = eventClock();
const bells = new Bells({ tell: soundText, button: find("#sound") });
const countdown = new Countdown({ clock, show });
const pages = new SeatPages({ title: find("#seats-title"), list: find("#seats-list"), turning: find("#seats-turning") });
const sessions = `/programs/${program}/sessions`;
let seating = null;
let asked = 0;
let fitted = "";
/** The program, as long as nothing counts down. */
let without = null;

stage.countdown = countdown;
find("#seats").pages = pages;
clock.onChange(() => marks());
clock.start();
countdown.start();
let connected = false;
new Live({
  url: `/api/v1/programs/${program}/live?site_id=${encodeURIComponent(site)}`,
  ask: async () => listed(await get(sessions), "sessions"),
  take: (session) => session.site_id === site && countdown.take(session),
  state: (now) => marks((connected = now)),
  planned: () => seats(countdown.last),
  failed: (error) => (error.status ? showTrouble(error) : marks()),
}).start();
entitle().catch(showTrouble);
keepFresh(async () => countdown.session || entitle());
keepAwake();
setInterval(everySecond, 1000);
controls();
bells.start();
new ResizeObserver(() => fit(true)).observe(stage);
addEventListener("resize", () => fit(true));

function show(reading, before) {
  stage.dataset.look = look(reading);
  tell(find("#phase"), phaseText(reading));
  tell(find("#count"), reading.seconds === null ? "" : clockFace(reading.seconds));
  find("#count").dataset.length = clockFace(reading.seconds).length;
  tell(find("#next"), nextText(reading, countdown.session.time_zone));
  find(".wall-bar").hidden = !reading.total;
  const share = reading.total ? Math.max(0, Math.min(1, reading.remaining / reading.total)) : 0;
  find("#bar").style.inlineSize = `${share * 100}%`;
  const spoken = announcement(reading, before);
  if (spoken) tell(find("#announce"), spoken);
  const bell = bellOf(reading, before);
  if (bell) bells.ring(bell);
  if (!before || before.round !== reading.round || before.state !== reading.state) seats(reading);
  localTime();
  fit();
}

/** Figures of one length are of one width: the room is shared out anew only where a text or the window has changed. */
function fit(again = false) {
  const texts = ["#title", "#phase", "#next"].map((line) => find(line).textContent).join("|") + find("#count").textContent.length;
  if (!again && texts === fitted) return;
  fitted = texts;
  fitTitle(find("#title"));
  fitStage(stage, find("#count"));
}

async function entitle() {
  const [told, timed] = await Promise.all([get(`/programs/${program}`), get(sessions).catch(() => null)]);
  const { title, sites = [] } = told;
  const name = sites.find((each) => each.site_id === site)?.name ?? site;
  tell(find("#title"), beside(title, name));
  document.title = beside(name, title);
  // Without an answer nobody knows whether there is a timetable.
  without = timed && told;
  for (const session of listed(timed, "sessions")) if (session.site_id === site) countdown.take(session);
  everySecond();
  fit();
}

function everySecond() {
  localTime();
  if (!countdown.session && without) missing(without);
}

/** Where nothing counts down: what is missing, and when the first round is, or was, to begin. */
function missing({ state, sites = [] }) {
  const here = sites.find((each) => each.site_id === site);
  const now = clock.now();
  const start = here?.starts_at;
  const passed = now !== null && Date.parse(start) <= now;
  const time = start ? dayAndTime(start, here.time_zone) : "";
  const [phase, next] = !here ? [t("The program has no such site."), ""]
    : state === "cancelled" ? [t("This program does not take place."), ""]
    : state === "draft" ? [t("The program is not published yet."), ""]
    : passed ? [t("There is no plan, so nothing rings"), t("Round 1 was to begin {time}. Organizers: make the plan on the page of the program.", { time })]
    : [t("There is no plan yet"), t("Round 1 is to begin {time}.", { time })];
  stage.dataset.look = "missing";
  tell(find("#phase"), phase);
  tell(find("#count"), "");
  tell(find("#next"), next);
  find(".wall-bar").hidden = true;
  fit();
}

function localTime() {
  const now = clock.now();
  const timeZone = countdown.session?.time_zone ?? without?.sites?.find((each) => each.site_id === site)?.time_zone;
  if (now !== null && timeZone) tell(find("#local-time"), timeOfDay(now, timeZone));
}

function marks() {
  const dot = find("#connection");
  const text = !connected ? t("Not connected: the countdown goes on by the last timetable") : clock.sure ? t("Connected") : t("Checking the clock …");
  dot.dataset.state = connected && clock.sure ? "good" : "bad";
  dot.setAttribute("aria-label", text);
  dot.title = text;
}

/** Who sits where in this round, or in the one that comes next. Only organizers may know all of it. */
async function seats(reading) {
  const place = find("#seats");
  if (place.hidden || !reading) return;
  const round = reading.during === "round" ? reading.round : (reading.next?.round ?? 0);
  const number = ++asked;
  const loaded = await load().catch(() => seating);
  // A later round has been asked for meanwhile.
  if (number !== asked) return;
  seating = loaded;
  const here = (seating?.meetings ?? []).filter((meeting) => meeting.site_id === site && meeting.round === round);
  const name = (id) => seating.names.get(id) ?? t("Name not known");
  pages.show(tablesOf(here, name), t("Round {round}", { round }));
}

async function load() {
  const [plan, people] = await Promise.all([get(`/programs/${program}/plan`), get(`/programs/${program}/participants`)]);
  const names = new Map(listed(people, "participants").map((person) => [person.participant_id, person.name]));
  return { meetings: plan.meetings ?? [], names };
}

function controls() {
  find("#seats-toggle").addEventListener("click", (event) => {
    const open = event.currentTarget.getAttribute("aria-pressed") !== "true";
    event.currentTarget.setAttribute("aria-pressed", open);
    find("#seats").hidden = !open;
    document.body.classList.toggle("with-seats", open);
    seats(countdown.last);
  });
  find("#seats-next").addEventListener("click", () => pages.turn());
  find("#seats-hold").addEventListener("click", (event) => event.currentTarget.setAttribute("aria-pressed", pages.hold()));
  find("#sound").addEventListener("click", () => bells.toggle());
  find("#full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()));
}

/** A wall that is silent without anybody having wanted it says so, and what helps. */
function soundText(standing) {
  find("#sound").setAttribute("aria-pressed", standing === "ready");
  const place = find("#bells-trouble");
  tell(place, {
    waiting: t("This screen cannot ring: the browser gives it no sound. Touch it once, or press a key."),
    unable: t("This screen cannot ring: its browser has no sound. Take another browser, or ring by hand."),
  }[standing] ?? "");
  place.hidden = !place.textContent;
}

/** A wall must not go dark; where the browser has no say in that, it is left to the device's settings. */
async function keepAwake() {
  const ask = () => document.visibilityState === "visible" && navigator.wakeLock?.request("screen").catch(() => {});
  document.addEventListener("visibilitychange", ask);
  ask();
}
