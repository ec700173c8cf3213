/**
 * What time it is at the event, estimated on a device whose own clock may be wrong.
 *
 * Each sample asks the service for its time and takes the answer to hold half-way between question and answer, so
 * it is wrong by at most half the round trip (NTP, RFC 5905 section 8). The sample with the smallest bound wins; a
 * bound grows with age, as crystals drift. From a sample on, time goes by the monotonic clock of the device, so a
 * step of its wall clock changes nothing. Some systems stop the monotonic clock while they sleep: the two clocks
 * then drift apart, which every tick looks for.
 */

/** How fast a crystal may drift, s per s: RFC 5905 allows for 15e-6; phones are worse. */
const DRIFT = 50e-6;
/** A step between the device's two clocks above this is a sleep or a reset, not slewing, ms. */
const STEP = 200;
/** The longest an answer is waited for, ms; so no estimate is wrong by more than half of this. */
const PATIENCE = 4000;
/** Corrections backwards up to this are waited out, so that a countdown does not go back up, ms. */
const HOLD = PATIENCE / 2 + STEP;
const KEPT = 12;
const REFRESH = 30_000;

export class EventClock {
  /**
   * @param {object} parts
   * @param {() => Promise<{now: string, speed?: number}>} parts.ask the service's time: RFC 3339, and how many
   *   event seconds go by in a real one: 1 unless it says so, more in a rehearsal
   * @param {() => number} [parts.mono] monotonic ms
   * @param {() => number} [parts.wall] the device's wall clock, ms
   */
  constructor({ ask, mono = () => performance.now(), wall = () => Date.now() }) {
    Object.assign(this, { ask, mono, wall, speed: 1, sure: false, failing: false });
    this.samples = [];
    this.anchor = null;
    this.latest = -Infinity;
    this.gap = wall() - mono();
    this.slept = 0;
    this.listeners = new Set();
  }

  /** Calls back whenever the estimate has been renewed, or could not be. */
  onChange(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The time at the event, ms since 1970; null before the first sample. Never goes back by less than {@link HOLD}. */
  now() {
    if (!this.anchor) return null;
    this.watch();
    const now = this.anchor.event + (this.mono() - this.anchor.mono) * this.speed;
    const back = this.latest - now;
    if (back > 0 && back < HOLD * Math.max(1, this.speed)) return this.latest;
    this.latest = now;
    return now;
  }

  /** How wrong the estimate may be, in real ms. */
  bound() {
    return this.anchor ? this.boundOf(this.anchor) : Infinity;
  }

  /** The device's wall clock minus event time, ms: for people who wonder; nothing is computed from it. */
  offset() {
    return this.anchor ? this.wall() - this.now() : null;
  }

  /** Asks the service anew if the device's two clocks have moved apart since it was last called. */
  watch() {
    if (this.stepped()) this.sync();
  }

  stepped() {
    const gap = this.wall() - this.mono();
    const step = gap - this.gap;
    this.gap = gap;
    if (Math.abs(step) < STEP) return false;
    // Back: the wall clock was set, the monotonic one knows better. Ahead: it was set, or the device has slept
    // and its monotonic clock with it. Only the service can tell. Set back and ahead again is no step at all.
    this.slept += step;
    this.sure = false;
    return true;
  }

  /** Takes `count` samples; each is used as soon as it is there. Calls in the meantime join the one under way. */
  async sync(count = 5) {
    if (this.syncing) {
      this.again = true;
      return this.syncing;
    }
    this.syncing = this.run(count);
    try {
      await this.syncing;
    } finally {
      this.syncing = null;
    }
    if (this.again) {
      this.again = false;
      return this.sync(count);
    }
  }

  /** Keeps the estimate fresh: now and then, and whenever the page comes back from anywhere. Returns the stop. */
  start(page = document, view = window) {
    const soon = () => this.sync();
    const shown = () => page.visibilityState === "visible" && this.sync();
    const ears = [[page, "visibilitychange", shown], [page, "resume", soon], [view, "pageshow", soon], [view, "online", soon]];
    for (const [who, what, ear] of ears) who.addEventListener(what, ear);
    const timer = setInterval(() => this.sync(this.failing || !this.sure ? 4 : 2), REFRESH);
    this.sync();
    return () => {
      clearInterval(timer);
      for (const [who, what, ear] of ears) who.removeEventListener(what, ear);
    };
  }

  async run(count) {
    for (let taken = 0; taken < count; taken += 1) {
      try {
        await this.sample();
        this.failing = false;
      } catch {
        this.failing = true;
        this.guess();
        break;
      }
    }
    for (const listener of this.listeners) listener(this);
  }

  async sample() {
    this.stepped();
    const [sent, sentWall] = [this.mono(), this.wall()];
    const answer = await this.ask();
    const [received, receivedWall] = [this.mono(), this.wall()];
    const event = Date.parse(answer.now);
    if (!Number.isFinite(event)) throw new Error("the service does not say what time it is");
    // Slept, or the clock was set, between question and answer: half-way means nothing.
    if (Math.abs(receivedWall - sentWall - (received - sent)) > STEP / 2) return;
    this.use({ mono: (sent + received) / 2, event, trip: received - sent }, answer.speed ?? 1);
  }

  use(sample, speed) {
    if (!this.sure) this.samples = [];
    // An older one that cannot be true together with this one: the service's clock was set, or ours ran wrong.
    this.samples = this.samples.filter((each) => Math.abs(this.at(each, sample.mono) - sample.event) <= (this.boundOf(each) + sample.trip / 2) * speed + 1);
    this.samples = [...this.samples.slice(1 - KEPT), sample];
    this.speed = speed;
    this.anchor = this.samples.reduce((best, each) => (this.boundOf(each) < this.boundOf(best) ? each : best));
    this.slept = 0;
    this.sure = true;
    this.gap = this.wall() - this.mono();
  }

  /** What `sample` says that the time at the event was when the monotonic clock showed `mono`. */
  at(sample, mono) {
    return sample.event + (mono - sample.mono) * this.speed;
  }

  boundOf(sample) {
    return sample.trip / 2 + Math.max(0, this.mono() - sample.mono) * DRIFT;
  }

  /** The service cannot be reached after a step ahead: a device that slept is likelier than one set ahead. */
  guess() {
    if (!this.anchor || this.slept < STEP) return;
    this.anchor = { ...this.anchor, event: this.anchor.event + this.slept * this.speed };
    this.samples = [];
    this.slept = 0;
  }
}

/** The clock of a page that is served by the gateway. */
export function eventClock(url = "/api/v1/time") {
  return new EventClock({
    ask: async () => {
      const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      if (!answer.ok) throw new Error(`the service answers ${answer.status}`);
      return answer.json();
    },
  });
}
