import { furnish, get, listed, showTrouble, who } from "./base/api.js";
import { eventClock } from "./time/clock.js";
import { Countdown, clockFace } from "./time/countdown.js";
import { fill, find, h, tell } from "./base/dom.js";
import { leaving } from "./me/leaving.js";
import { Live } from "./time/live.js";
import { changesOf, lastSeen, see } from "./me/agenda-changes.js";
import { card } from "./me/meeting-card.js";
import { announcement, look, nextText, phaseText } from "./time/phase-words.js";
import { preferences } from "./me/preferences.js";
import { questions } from "./me/questions.js";
import { ranking } from "./me/ranking.js";
import { stateText, tableName } from "./base/states.js";
import { beside, dayAndTime, series, t } from "./base/words.js";

const me = who();
const state = { agenda: null, plan: null, seen: lastSeen(me?.subject), people: new Map(), given: new Map(), open: new Set() };
const clock = eventClock();
const countdown = new Countdown({ clock, show });
let person = null;
let program = null;
let goingOn = null;
let wishes = null;

furnish();
if (!me?.subject || !["mentor", "mentee"].includes(me.role)) location.replace("/");
else begin().catch(showTrouble);

async function begin() {
  find("#now").countdown = countdown;
  clock.start();
  countdown.start();
  leaving(me.subject, () => {
    if (person) person.status = "withdrawn";
    wishes?.look(countdown.last);
    agenda().catch(() => {});
  });
  new Live({
    url: `/api/v1/programs/${me.program_id}/live?site_id=${encodeURIComponent(me.site_id ?? "")}`,
    ask: async () => listed(await get(`/programs/${me.program_id}/sessions`), "sessions"),
    take: (session) => session.site_id === me.site_id && countdown.take(session),
    state: (connected) => tell(find("#connection"), connected ? "" : t("Not connected: the countdown goes on by the last timetable")),
    planned: () => agenda().catch(() => {}),
    paired: () => goingOn?.look().catch(() => {}),
    failed: (error) => error.status === 401 && showTrouble(error),
  }).start();
  [person, program] = await Promise.all([get(`/participants/${me.subject}`), get(`/programs/${me.program_id}`)]);
  tell(find("#hello"), t("Hello, {name}", { name: person.name }));
  where();
  if (me.role === "mentee") questions(me.subject, person.questions ?? []);
  goingOn = ranking(me, meet, state.people);
  await Promise.all([agenda(), given(), connections(), goingOn.look(), wish()]);
}

/** What, where and when: by the timetable that holds, and before there is one by what was published. */
function where() {
  if (!program) return;
  const site = (program.sites ?? []).find((each) => each.site_id === me.site_id);
  const first = countdown.session?.timetable[0]?.starts_at ?? site?.starts_at;
  const over = ["cancelled", "closed"].includes(program.state) ? stateText(program.state) : "";
  tell(find("#where"), beside(program.title, site?.name ?? me.site_id, first ? dayAndTime(first, countdown.session?.time_zone ?? site?.time_zone) : "", over));
}

async function agenda() {
  const found = await get(`/participants/${me.subject}/agenda`);
  const { meetings = [] } = found;
  await meet([...meetings, ...(state.seen ?? [])].map((meeting) => meeting.other_id));
  const isFirst = state.plan?.revision === 0 && found.revision > 0;
  state.plan = found;
  state.agenda = meetings.toSorted((a, b) => a.round - b.round);
  // The first plan is no change: before it there was nothing to rely on.
  if (isFirst) tell(find("#announce"), meetings.length ? t("Your meetings are here.") : t("There is a plan, and it has no meeting for you."));
  if (!state.seen && found.revision > 0) seen();
  if (state.seen) changed();
  draw();
}

/** Says what is other than it was when the participant last looked; it stays there until it is read. */
function changed() {
  const found = changesOf(state.seen, state.agenda, (id) => state.people.get(id)?.name);
  const key = found.join("\n");
  const place = find("#changed");
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  fill(place, found.length ? h("div", { class: "notice" }, h("p", {}, h("b", {}, t("Your meetings have changed"))),
    h("ul", {}, found.map((text) => h("li", {}, text))), h("button", { type: "button", onclick: understood }, t("I have read it"))) : null);
}

function understood() {
  seen();
  changed();
  find("#agenda-title").focus();
}

function seen() {
  state.seen = state.agenda;
  see(me.subject, state.agenda);
}

async function wish() {
  wishes = await preferences(person, state.people);
  wishes.look(countdown.last);
}

/** Learns who these are, those not known yet. */
async function meet(ids) {
  const others = [...new Set(ids)].filter((id) => !state.people.has(id));
  const people = await Promise.all(others.map((id) => get(`/participants/${id}`).catch(() => null)));
  for (const person of people) if (person) state.people.set(person.participant_id, person);
}

async function given() {
  const answer = await get(`/programs/${me.program_id}/feedback`).catch(() => []);
  for (const each of listed(answer, "feedback")) state.given.set(each.meeting_id, each);
  draw();
}

async function connections() {
  const found = listed(await get(`/programs/${me.program_id}/connections`).catch(() => []), "connections");
  find("#connections").hidden = !found.length;
  const other = me.role === "mentor" ? "mentee_id" : "mentor_id";
  await meet(found.map((each) => each[other]));
  fill(find("#connection-list"), h("ul", { class: "plain cards" }, found.map((each) => {
    const person = state.people.get(each[other]);
    return h("li", { class: "card" }, h("b", {}, person?.name ?? t("Name not known")), h("p", { class: "quiet" }, t("You both want to stay in touch.")));
  })));
}

/** A change of phase may have brought a meeting to its end, or a new plan; in a round, only the card of the meeting moves. */
function show(reading, before) {
  const now = find("#now");
  now.hidden = false;
  now.dataset.look = look(reading);
  tell(find("#phase"), phaseText(reading));
  tell(find("#count"), reading.seconds === null ? "" : clockFace(reading.seconds));
  what(reading);
  const spoken = announcement(reading, before);
  if (spoken) tell(find("#announce"), spoken);
  if (before && before.state === reading.state && before.round === reading.round && before.revision === reading.revision) return;
  where();
  wishes?.look(reading);
  if (before) agenda().then(connections).then(() => goingOn?.look()).catch(() => {});
  draw();
}

function what(reading) {
  if (reading) tell(find("#what"), [meetingText(reading), nextText(reading, countdown.session.time_zone)].filter(Boolean).join(" · "));
}

function meetingText(reading) {
  const round = reading.during === "round" ? reading.round : reading.next?.round;
  if (!round || !state.agenda || (!state.agenda.length && !state.plan?.revision)) return "";
  const meetings = state.agenda.filter((each) => each.round === round);
  if (!meetings.length) return t("You have no meeting in round {round}", { round });
  const names = series(meetings.map((meeting) => state.people.get(meeting.other_id)?.name ?? ""));
  return t("Table {table} with {name}", { table: tableName(meetings[0]), name: names });
}

function draw() {
  if (!state.agenda) return;
  what(countdown.last);
  const place = find("#agenda");
  if (place.contains(document.activeElement) && document.activeElement.closest("form")) return;
  const reading = countdown.last;
  const slots = new Map((countdown.session?.timetable ?? []).map((slot) => [slot.round, slot]));
  const meetings = state.agenda.map((meeting) => card({
    meeting,
    person: state.people.get(meeting.other_id),
    slot: slots.get(meeting.round),
    timeZone: countdown.session?.time_zone,
    role: me.role,
    part: partOf(meeting.round, reading),
    said: state.given.get(meeting.meeting_id),
    open: state.open,
    done: (said) => {
      state.given.set(meeting.meeting_id, said);
      draw();
      connections();
    },
  }));
  fill(place, meetings.length ? h("ol", { class: "plain cards" }, meetings) : noMeetings(reading));
}

/** Why there is nothing yet, or nothing at all, and what can be done. */
function noMeetings(reading) {
  const { revision = 0, state: standing, reason } = state.plan;
  if (!revision) return h("p", { class: "quiet" }, standing === "planning" ? t("The plan is being made. Your meetings appear here as soon as it is there.") : t("Your meetings appear here as soon as there is a plan."));
  const isOver = ["finished", "cancelled"].includes(reading?.state) || person?.status === "withdrawn";
  return h("div", { class: "notice" },
    h("p", {}, h("b", {}, t("There is a plan, and it has no meeting for you."))),
    typeof reason === "string" && reason ? h("p", {}, t("The reason: {reason}.", { reason })) : null,
    isOver ? null : h("p", {}, standing === "planning" ? t("A new plan is being made: it is shown here as soon as it is there.") : t("Whenever somebody cannot come, a new plan is made: if it has a meeting for you, this page says so at once. And speak to the organizer, who may know of a free place.")));
}

/** `past`, `now` or `ahead`, by the countdown and never by the device's own clock. */
function partOf(round, reading) {
  if (!reading || reading.state === "cancelled") return "ahead";
  if (round < reading.round || (round === reading.round && reading.during !== "round")) return "past";
  return round === reading.round ? "now" : "ahead";
}
