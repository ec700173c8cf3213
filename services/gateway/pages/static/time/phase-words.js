/** What a countdown's phase is called. */

import { t, timeOfDay } from "../base/words.js";

/** One line that says where a session stands. */
export function phaseText(reading) {
  const { state, round, rounds, during } = reading;
  if (state === "paused") {
    return during === "round" ? t("Paused in round {round} of {rounds}", { round, rounds }) : t("Paused in the break after round {round}", { round });
  }
  return {
    scheduled: t("Starts in"),
    round: t("Round {round} of {rounds}", { round, rounds }),
    break: t("Break – round {round} of {rounds} in", { round: round + 1, rounds }),
    finished: t("That was the last round. Thank you!"),
    cancelled: t("This session does not take place."),
  }[state];
}

/** What comes after this phase, with its time of day; empty when nothing does. */
export function nextText(reading, timeZone) {
  const { during, next, until } = reading;
  if (!until) return reading.state === "paused" ? t("The time stands still until the organizer goes on.") : "";
  const at = (instant) => timeOfDay(instant, timeZone);
  if (during === "round" && next) {
    return next.starts > until
      ? t("Break at {break} · round {round} at {start}", { break: at(until), round: next.round, start: at(next.starts) })
      : t("Round {round} at {start}", { round: next.round, start: at(next.starts) });
  }
  if (during === "round") return t("The last round ends at {end}", { end: at(until) });
  return t("Round {round} at {start}", { round: next.round, start: at(next.starts) });
}

/** What a screen reader is told when the phase or the warning level changes; empty if nothing is worth it. */
export function announcement(reading, before) {
  if (!before) return "";
  const { state, round, rounds, level, remaining } = reading;
  if (state !== before.state || round !== before.round) {
    if (state === "round") return before.state === "paused" ? t("The session goes on.") : t("Round {round} of {rounds} begins.", { round, rounds });
    if (state === "break") return t("Round {round} is over: please say good-bye and change tables.", { round });
    if (state === "paused") return t("The session is paused.");
    return phaseText(reading);
  }
  if (reading.revision !== before.revision) return t("The time has been changed.");
  if (level > before.level) return t("{seconds} seconds left in this round.", { seconds: Math.ceil(remaining / 1000) });
  return "";
}

/** How a reading looks: for the `data-look` of an element. */
export function look(reading) {
  if (reading.state === "paused") return "paused";
  if (reading.during !== "round") return reading.during;
  return ["calm", "soon", "last"][Math.min(reading.level, 2)];
}
