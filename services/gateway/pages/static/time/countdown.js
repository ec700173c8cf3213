/**
 * The countdown of a session, derived at every tick from the timetable and the time at the event.
 *
 * Nothing is counted: a tab that slept, or a timer that came late, shows the right second at its next tick. The
 * service alone decides; a screen only tells what follows from the last timetable it has, also while it is offline.
 */

/** How often a countdown looks at the clock at least, ms. */
const TICK = 250;

/**
 * Where a session stands at `now`.
 *
 * @param {object} session as the API gives it: `timetable`, `paused_seconds`, `paused_at`, `cancelled_at`,
 *   `warning_seconds`, `revision`
 * @param {number} now time at the event, ms since 1970
 * @returns {{state: string, during: string, round: number, rounds: number, remaining: ?number, total: ?number,
 *   until: ?number, level: number, next: ?object, revision: number}} `during` says what a pause interrupts;
 *   `remaining` and `total` are ms, without pauses; `until` is when it ends, null while paused; `level` counts the warnings passed;
 *   `next` is the round that comes next.
 */
export function phaseAt(session, now) {
  const slots = session.timetable.map((slot, place) => ({
    round: slot.round,
    starts: Date.parse(slot.starts_at),
    ends: Date.parse(slot.ends_at),
    stood: 1000 * (session.paused_seconds?.[place] ?? 0),
  }));
  const paused = session.paused_at ? Date.parse(session.paused_at) : null;
  const cancelled = session.cancelled_at ? Date.parse(session.cancelled_at) : null;
  // Cancelled in a pause, it ended where the pause began.
  const at = paused ?? cancelled ?? now;
  const begun = slots.filter((slot) => slot.starts <= at);
  const current = begun.at(-1) ?? null;
  const next = slots[begun.length] ?? null;
  const base = { round: current?.round ?? 0, rounds: slots.length, next, level: 0, revision: session.revision };
  const running = part(current, next, at);
  if (cancelled !== null) return { ...base, state: "cancelled", during: "cancelled", remaining: null, total: null, until: null };
  const level = running.during === "round" ? passed(session.warning_seconds ?? [], running) : 0;
  const state = paused === null ? running.during : "paused";
  return { ...base, ...running, level, state, until: paused === null ? running.until : null };
}

function part(current, next, at) {
  if (current && at < current.ends) return span("round", current.starts + current.stood, current.ends, at);
  if (!next) return { during: "finished", remaining: null, total: null, until: null };
  return span(current ? "break" : "scheduled", current ? current.ends : null, next.starts, at);
}

function span(during, from, until, at) {
  return { during, until, remaining: until - at, total: from === null ? null : until - from };
}

/** A warning that is no shorter than the round is none. */
function passed(warnings, { remaining, total }) {
  return warnings.filter((seconds) => seconds * 1000 < total && remaining <= seconds * 1000).length;
}

/** Whole seconds left as people read them: 1 until the very end, then 0. */
export function secondsLeft(remaining) {
  return remaining === null ? null : Math.max(0, Math.ceil(remaining / 1000));
}

/** `7:05`, `1:02:03`; days are given as hours. */
export function clockFace(seconds) {
  if (seconds === null) return "–";
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** One session's countdown: keeps the newest timetable and tells what it says now. */
export class Countdown {
  /**
   * @param {object} parts
   * @param {{now(): ?number, speed: number, watch(): void}} parts.clock
   * @param {(reading: object, before: ?object) => void} [parts.show] called at every change of what is to be seen
   */
  constructor({ clock, show = () => {} }) {
    Object.assign(this, { clock, show, session: null, last: null, timer: null });
  }

  /** Takes a timetable, unless a newer one is known. Returns whether it was taken. */
  take(session) {
    if (this.session && this.session.session_id === session.session_id && session.revision < this.session.revision) return false;
    this.session = session;
    this.tick();
    return true;
  }

  /** The phase now, with whole `seconds`; null before the first timetable and the first sample of the clock. */
  read() {
    const now = this.clock.now();
    if (now === null || !this.session) return null;
    const phase = phaseAt(this.session, now);
    return { ...phase, now, seconds: secondsLeft(phase.remaining) };
  }

  tick() {
    const reading = this.read();
    if (!reading) return;
    const before = this.last;
    const same = before && ["state", "round", "seconds", "level", "revision"].every((key) => before[key] === reading[key]);
    this.last = reading;
    if (!same) this.show(reading, before);
  }

  /** Ticks at each change of second, and often enough to notice a step of the device's clock. Returns the stop. */
  start() {
    const beat = () => {
      this.tick();
      const { remaining } = this.last ?? {};
      // Just after the next whole second, in real time; a paused countdown only looks now and then.
      const rest = remaining > 0 && this.last.until !== null ? (remaining % 1000 || 1000) / this.clock.speed + 1 : TICK;
      this.timer = setTimeout(beat, Math.max(16, Math.min(TICK, rest)));
    };
    const now = () => this.tick();
    document.addEventListener("visibilitychange", now);
    const deaf = this.clock.onChange?.(now);
    beat();
    return () => {
      clearTimeout(this.timer);
      document.removeEventListener("visibilitychange", now);
      deaf?.();
    };
  }
}
