/** What has become of a participant's meetings since the participant last looked, in words. */

import { tableName } from "../base/states.js";
import { t } from "../base/words.js";

const KEPT = "speedmentor.agenda.";

/**
 * @param {object[]} before meetings, as the API gives them; a mentor may have several in a round
 * @param {object[]} after meetings
 * @param {(id: string) => ?string} name of a participant, where it is known
 * @returns {string[]} sentences, by round
 */
export function changesOf(before, after, name) {
  const rounds = [...new Set([...before, ...after].map((meeting) => meeting.round))].sort((a, b) => a - b);
  const at = (meetings, round) => meetings.filter((meeting) => meeting.round === round);
  return rounds.flatMap((round) => sentences(round, at(before, round), at(after, round), name));
}

function sentences(round, before, after, name) {
  const among = (meetings, { other_id: other }) => meetings.find((meeting) => meeting.other_id === other);
  const gone = before.filter((meeting) => !among(after, meeting));
  const come = after.filter((meeting) => !among(before, meeting));
  const moved = after.filter((meeting) => (among(before, meeting) ?? meeting).table !== meeting.table);
  const other = (meeting) => name(meeting.other_id) ?? t("Name not known");
  const now = (meeting) => ({ round, table: tableName(meeting), name: other(meeting) });
  if (gone.length === 1 && come.length === 1) return [t("Round {round}: you now meet {name} at table {table}, and not {before}.", { ...now(come[0]), before: other(gone[0]) })];
  return [
    ...gone.map((meeting) => t("Round {round}: the meeting with {name} does not take place.", { round, name: other(meeting) })),
    ...come.map((meeting) => t("Round {round}: you now meet {name} at table {table}.", now(meeting))),
    ...moved.map((meeting) => t("Round {round}: you meet {name} at table {table} now.", now(meeting))),
  ];
}

/** The agenda that `subject` has last read through on this device, or null. */
export function lastSeen(subject) {
  try {
    return JSON.parse(localStorage.getItem(KEPT + subject) ?? "null");
  } catch {
    return null;
  }
}

/** Keeps who is met when, by ids only. */
export function see(subject, meetings) {
  const kept = meetings.map(({ round, table, site_id, other_id }) => ({ round, table, site_id, other_id }));
  try {
    localStorage.setItem(KEPT + subject, JSON.stringify(kept));
  } catch {
    // Then changes are told until the page is loaded anew.
  }
}
