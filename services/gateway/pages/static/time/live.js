/**
 * The live channel: timetables as they change, over server-sent events that are opened again for ever.
 *
 * The browser's own reconnection gives up on some answers and is slow on others, and a connection that died while
 * the device slept says nothing. So a failed stream is closed and opened anew with a backoff, and every return to
 * life (visible, online, resumed) opens it at once: the stream begins with whole timetables, so nothing is missed.
 * Where streams do not get through, the timetables are asked for now and then.
 */

const FIRST = 500;
const LONGEST = 8000;
const CHECK = 45_000;
/** A return to life reopens the stream unless it was opened or has spoken this recently, ms. */
const FRESH = 300;
/** The service says something every 15 s. A stream on which nothing has come for this long is dead, ms. */
const SILENT = 35_000;
const LISTEN = 5000;
const NAMES = ["timetables", "timetable"];

export class Live {
  /**
   * @param {object} parts
   * @param {string} parts.url the stream
   * @param {() => Promise<object[]>} parts.ask the sessions, asked for directly
   * @param {(session: object) => void} parts.take called with every timetable that arrives
   * @param {(connected: boolean) => void} [parts.state]
   * @param {(plan: object) => void} [parts.planned] called when there is a new plan
   * @param {(pairing: object) => void} [parts.paired] called when the final pairs are formed, or formed anew
   * @param {(error: Error) => void} [parts.failed] told why asking directly failed
   * @param {(url: string) => EventSource} [parts.open]
   * @param {() => number} [parts.mono] monotonic ms
   */
  constructor({ url, ask, take, state = () => {}, planned = () => {}, paired = () => {}, failed = () => {}, open = (address) => new EventSource(address), mono = () => performance.now() }) {
    Object.assign(this, { url, ask, take, state, planned, paired, failed, open, mono, source: null, failures: 0, timer: null, fresh: -Infinity });
  }

  /** Listens until the returned function is called. */
  start(page = document, view = window) {
    const poke = () => this.poke();
    const shown = () => page.visibilityState === "visible" && this.poke();
    const lost = () => this.state(false);
    const back = () => this.renew();
    const ears = [[page, "visibilitychange", shown], [page, "resume", poke], [view, "pageshow", poke], [view, "online", back], [view, "offline", lost]];
    for (const [who, what, ear] of ears) who.addEventListener(what, ear);
    const check = setInterval(() => this.check(), CHECK);
    const listen = setInterval(() => this.listen(), LISTEN);
    this.connect();
    return () => {
      clearInterval(check);
      clearInterval(listen);
      this.close();
      for (const [who, what, ear] of ears) who.removeEventListener(what, ear);
    };
  }

  /** The page is back from wherever it was: what the old connection says can no longer be relied on. */
  poke() {
    if (this.mono() - this.fresh >= FRESH) this.renew();
  }

  renew() {
    this.failures = 0;
    this.connect();
  }

  /** Takes a stream for dead that has said nothing for too long: some connections die without a word. */
  listen() {
    if (this.source && this.mono() - this.fresh > SILENT) this.retry();
  }

  connect() {
    this.close();
    this.fresh = this.mono();
    const source = this.open(this.url);
    this.source = source;
    source.onopen = () => {
      if (this.source !== source) return;
      this.failures = 0;
      this.state(true);
    };
    source.onerror = () => this.source === source && this.retry();
    for (const name of NAMES) source.addEventListener(name, (event) => this.source === source && this.hear(event.data));
    source.addEventListener("plan", (event) => this.source === source && this.planned(this.read(event.data)));
    source.addEventListener("pairs", (event) => this.source === source && this.paired(this.read(event.data)));
    for (const name of ["bell", "still-here"]) source.addEventListener(name, (event) => this.source === source && this.read(event.data));
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  retry() {
    this.close();
    this.state(false);
    const wait = Math.min(LONGEST, FIRST * 2 ** this.failures);
    this.failures += 1;
    // Spread, or all the screens of a site come back in the same instant.
    this.timer = setTimeout(() => this.connect(), wait * (0.6 + 0.4 * Math.random()));
    if (this.failures > 1) this.check();
  }

  /** Asks directly: a stream may look open and be dead, or be stopped by something on the way. */
  async check() {
    try {
      for (const session of await this.ask()) this.take(session);
    } catch (error) {
      this.failed(error);
    }
  }

  read(data) {
    this.fresh = this.mono();
    return JSON.parse(data);
  }

  hear(data) {
    const told = this.read(data);
    for (const session of told.sessions ?? [told]) this.take(session);
  }
}
