/** Bells for the wall: soft strokes made by the browser, so that no sound file is needed. */

const STROKES = { start: [523, 659, 784], warning: [659, 659], end: [784, 659, 523] };
/** Where it is kept that this screen shall be silent. */
const KEPT = "speedmentor.bells";
/** How often it is looked whether the sound still goes on, ms. */
const LOOK = 2000;
/** What browsers take for a touch of their reader, after which a page may sound. */
const TOUCHES = ["pointerup", "touchend", "click", "keydown"];

/**
 * A screen rings unless somebody has switched its bells off there. Whether it can is up to the browser: before the first
 * touch it lets no page sound, a call or another program takes the sound away, and some come back from sleep with a
 * sound that stands still. {@link standing} tells, and every touch is taken to begin again.
 */
export class Bells {
  /**
   * @param {object} parts
   * @param {(standing: string) => void} parts.tell called with each new {@link standing}
   * @param {Element} [parts.button] switches the bells, so touching it is not taken for a touch of the page
   */
  constructor({ tell, button = null }) {
    Object.assign(this, { tell, button, wanted: kept() !== "off", context: null, broken: false, stuck: false, seen: null, heard: 0, greets: false, told: null });
  }

  /** Gets ready, as far as the browser lets it. */
  start(page = document) {
    for (const touch of TOUCHES) page.addEventListener(touch, (event) => this.button?.contains(event.target) || this.touched(), { capture: true });
    page.addEventListener("visibilitychange", () => this.look());
    setInterval(() => this.look(), LOOK);
    this.open();
  }

  /** `off` (by choice), `ready`, `waiting` (for a touch), or `unable` (this browser has no sound). */
  get standing() {
    if (!this.wanted) return "off";
    if (this.broken) return "unable";
    return this.context?.state === "running" && !this.stuck ? "ready" : "waiting";
  }

  /** Switches the bells off, or on; bells that are on and cannot ring are begun again instead. */
  toggle() {
    if (this.standing === "waiting") return this.touched();
    this.wanted = !this.wanted;
    keep(this.wanted ? "on" : "off");
    if (this.wanted) this.touched();
    else this.close();
  }

  /** Somebody has touched the screen: now the browser may let it sound. */
  touched() {
    if (!this.wanted || this.standing === "ready") return;
    // One that stands still does not come back by itself.
    if (this.stuck) this.close();
    this.greets = true;
    this.open();
    this.context?.resume().then(() => this.look(), () => {});
  }

  open() {
    if (this.wanted && (!this.context || this.context.state === "closed")) {
      try {
        this.context = new AudioContext();
        this.context.addEventListener("statechange", () => this.look());
        Object.assign(this, { broken: false, heard: 0, stuck: false });
      } catch {
        this.broken = true;
      }
    }
    this.look();
  }

  close() {
    this.context?.close().catch(() => {});
    this.context = null;
    this.stuck = false;
    this.look();
  }

  /** Looks whether the sound goes on, tries to go on where it does not, and tells of any change. */
  look() {
    const { context } = this;
    if (context?.state === "running") {
      const now = performance.now();
      // Its time goes on while it sounds. Looked at again too soon it may be the same.
      if (!this.seen || context.currentTime !== this.heard) Object.assign(this, { heard: context.currentTime, seen: now, stuck: false });
      else if (now - this.seen > LOOK / 2) this.stuck = true;
    } else {
      this.seen = null;
      // Lets it sound again where whatever took the sound has given it back.
      if (context && context.state !== "closed") context.resume().catch(() => {});
    }
    if (this.standing === this.told) return;
    this.told = this.standing;
    this.tell(this.told);
    // Heard at once, or whoever touched the screen has to wait for the next bell to know.
    if (this.told === "ready" && this.greets) this.ring("start");
    if (this.told === "ready") this.greets = false;
  }

  /** Rings now or not at all: strokes given to a sound that stands still would all come at once when it goes on. */
  ring(kind) {
    if (this.standing !== "ready") return;
    STROKES[kind].forEach((pitch, index) => this.stroke(pitch, this.context.currentTime + index * 0.35));
  }

  stroke(pitch, at) {
    const [tone, volume] = [this.context.createOscillator(), this.context.createGain()];
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.5, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 1.6);
    tone.connect(volume).connect(this.context.destination);
    tone.start(at);
    tone.stop(at + 1.7);
  }
}

/** Some browsers refuse to keep anything, and say so by throwing. */
function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function keep(value) {
  try {
    localStorage.setItem(KEPT, value);
  } catch {
    // It holds until the page is loaded anew.
  }
}

/** Which bell a change of reading rings, if any. */
export function bellOf(reading, before) {
  if (!before || before.state === "paused" || reading.state === "paused") return null;
  if (reading.state === "round" && before.state !== "round") return "start";
  if (before.state === "round" && (reading.state !== "round" || reading.round !== before.round)) return reading.state === "round" ? "start" : "end";
  return reading.state === "round" && reading.level > before.level && reading.revision === before.revision ? "warning" : null;
}
