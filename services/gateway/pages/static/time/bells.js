/** Bells for the wall: soft strokes made by the browser, so that no sound file is needed. */

const STROKES = { start: [523, 659, 784], warning: [659, 659], end: [784, 659, 523] };

export class Bells {
  constructor() {
    this.context = null;
  }

  get on() {
    return this.context !== null;
  }

  /** Browsers let a page sound only after its reader has pressed something. */
  toggle() {
    if (this.context) {
      this.context.close();
      this.context = null;
    } else {
      this.context = new AudioContext();
      this.ring("start");
    }
    return this.on;
  }

  ring(kind) {
    if (!this.context) return;
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

/** Which bell a change of reading rings, if any. */
export function bellOf(reading, before) {
  if (!before || before.state === "paused" || reading.state === "paused") return null;
  if (reading.state === "round" && before.state !== "round") return "start";
  if (before.state === "round" && (reading.state !== "round" || reading.round !== before.round)) return reading.state === "round" ? "start" : "end";
  return reading.state === "round" && reading.level > before.level && reading.revision === before.revision ? "warning" : null;
}
