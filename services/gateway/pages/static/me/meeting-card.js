/** One meeting in a participant's agenda: when, where, with whom, what the other brings, and feedback afterwards. */

import { post, announce, showTrouble } from "../base/api.js";
import { h, whileBusy } from "../base/dom.js";
import { tableName, topicsOf } from "../base/states.js";
import { plain, t, timeOfDay } from "../base/words.js";

export function card({ meeting, person, slot, timeZone, role, part, said, open, done }) {
  const when = slot ? `${timeOfDay(slot.starts_at, timeZone)}–${timeOfDay(slot.ends_at, timeZone)}` : "";
  return h("li", { class: `card meeting ${part}`, "aria-current": part === "now" ? "true" : null },
    h("div", { class: "meeting-head" },
      h("span", { class: "meeting-round" }, t("Round {round}", { round: meeting.round })), h("span", { class: "quiet" }, when),
      h("span", { class: "meeting-table" }, t("Table {table}", { table: tableName(meeting) }))),
    h("h3", {}, person?.name ?? t("Name not known")),
    about(meeting, person, open),
    part === "past" ? feedback({ meeting, role, said, open, done }) : null);
}

/** Topics, story and, for mentors, the questions that the mentee brings: to be read ahead. */
function about(meeting, person, open) {
  if (!person) return null;
  const topics = topicsOf(person);
  const story = storyParts(person.story);
  const questions = person.questions ?? [];
  const details = story.length || questions.length;
  return [
    topics.length ? h("ul", { class: "plain chips", "aria-label": t("Topics") }, topics.map((topic) => h("li", {}, plain(topic)))) : null,
    details ? kept(open, `about-${meeting.meeting_id}`, story.length ? t("Story") : t("Questions"), [
      story.map(([head, text]) => [head ? h("h4", {}, head) : null, h("p", {}, text)]),
      questions.length ? [story.length ? h("h4", {}, t("Questions")) : null, h("ol", {}, questions.map((question) => h("li", {}, question.text ?? question)))] : null,
    ]) : null,
  ];
}

/** A story is one text, or the four parts of a good one. */
function storyParts(story) {
  if (!story) return [];
  if (typeof story === "string") return [["", story]];
  const heads = { situation: t("The situation"), choice: t("The choice"), outcome: t("What came of it"), lesson: t("The lesson") };
  return Object.entries(heads).filter(([part]) => story[part]).map(([part, head]) => [head, story[part]]);
}

function kept(open, key, summary, content) {
  return h("details", { open: open.has(key), ontoggle: (event) => (event.target.open ? open.add(key) : open.delete(key)) }, h("summary", {}, summary), content);
}

function feedback({ meeting, role, said, open, done }) {
  const key = `feedback-${meeting.meeting_id}`;
  const name = (field) => `${field}-${meeting.meeting_id}`;
  const form = h("form", { class: "feedback", onsubmit: (event) => send(event, meeting, role, (kept_) => (open.delete(key), done(kept_))) },
    scale(name("time"), t("Was it time well spent?"), 7, t("not at all"), t("very much"), said?.ratings.time_well_spent),
    role === "mentee"
      ? scale(name("story"), t("Was the experience told as a clear story?"), 5, t("not at all"), t("very clearly"), said?.ratings.story)
      : scale(name("prepared"), t("Had the mentee prepared well?"), 5, t("not at all"), t("very well"), said?.ratings.prepared),
    h("fieldset", {}, h("legend", {}, t("Do you want to stay in touch?")),
      h("p", { class: "help" }, t("The other one learns it only if you both say yes.")),
      h("div", { class: "scale two" }, choice(name("touch"), "yes", t("Yes"), said?.stay_in_touch === true), choice(name("touch"), "no", t("No"), said?.stay_in_touch === false))),
    h("label", { for: name("takeaway") }, t("What do you take away? (only for yourself and the organizer)")),
    h("textarea", { id: name("takeaway"), rows: 3, maxlength: 1000 }, said?.takeaway ?? ""),
    h("button", { class: "main wide" }, said ? t("Replace my feedback") : t("Send feedback")));
  return kept(open, key, said ? h("span", { class: "done" }, t("Feedback given")) : t("Give feedback"), form);
}

function scale(name, legend, most, lowest, highest, chosen) {
  const points = Array.from({ length: most }, (_, index) => choice(name, index + 1, String(index + 1), chosen === index + 1));
  return h("fieldset", {}, h("legend", {}, legend), h("div", { class: "scale" }, points), h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, lowest), h("span", {}, highest)));
}

function choice(name, value, text, checked) {
  return h("label", { class: "choice" }, h("input", { type: "radio", name, value, checked, required: true }), h("span", {}, text));
}

async function send(event, meeting, role, done) {
  event.preventDefault();
  const form = event.target;
  const value = (field) => form.elements[`${field}-${meeting.meeting_id}`].value;
  const other = role === "mentee" ? "story" : "prepared";
  const given = {
    ratings: { time_well_spent: Number(value("time")), [other]: Number(value(other)) },
    stay_in_touch: value("touch") === "yes",
    takeaway: value("takeaway").trim() || null,
  };
  await whileBusy(event.submitter, async () => {
    try {
      await post(`/meetings/${meeting.meeting_id}/feedback`, given);
      form.closest("details").open = false;
      document.activeElement?.blur();
      announce(t("Thank you for your feedback."));
      done(given);
    } catch (error) {
      showTrouble(error);
    }
  });
}
