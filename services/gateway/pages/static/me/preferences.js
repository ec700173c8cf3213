/** Before the event: whom a participant would like to meet, in order, and whom a mentee would rather not meet. */

import { announce, get, put, showTrouble } from "../base/api.js";
import { candidates } from "./candidates.js";
import { fill, find, h, whileBusy } from "../base/dom.js";
import { button, drawOrder } from "../base/order.js";
import { t } from "../base/words.js";

/**
 * @param {object} person who has logged in, as registered
 * @param {Map<string, object>} people those known on this page
 */
export async function preferences(person, people) {
  const section = find("#preferences");
  const isMentee = person.role === "mentee";
  const name = (id) => people.get(id)?.name ?? t("Name not known");
  // Whoever has been erased can be met no more, and would have the whole be refused.
  let [wants, avoids] = await Promise.all([person.wants ?? [], person.avoids ?? []].map(known));
  const choice = candidates(person, { want: (other) => choose(other, [...wants, other.participant_id], avoids), avoid: (other) => choose(other, wants, [...avoids, other.participant_id]) });
  find("#preferences-choice").replaceChildren(choice.element);
  // A mentor's own stay as the organizer has entered them: the page does not ask mentors.
  find("#avoids").hidden = !isMentee;
  find("#preferences-form").addEventListener("submit", save);
  draw();
  return { look };

  /** When the first round has begun, wishes come too late. */
  function look(reading) {
    section.hidden = person.status === "withdrawn" || Boolean(reading && (reading.round > 0 || reading.state === "cancelled"));
  }

  async function known(ids) {
    const found = await Promise.all(ids.map(async (id) => {
      if (!people.has(id)) people.set(id, await get(`/participants/${id}`).catch(nobody));
      return people.get(id) ? [id] : [];
    }));
    return found.flat();
  }

  function choose(other, wanted, avoided) {
    people.set(other.participant_id, other);
    change(wanted, avoided);
  }

  function change(wanted, avoided, focus = null) {
    [wants, avoids] = [wanted, avoided];
    draw(focus);
  }

  function draw(focus = null) {
    drawOrder(find("#wants-list"), wants, { name, away: (who) => t("Take {name} off the wishes", { name: who }), change: (ids, next) => change(ids, avoids, next) }, focus);
    if (isMentee) fill(find("#avoids-list"), avoids.map((id) => h("li", {}, h("b", {}, name(id)), button("✕", t("Do not avoid {name} any more", { name: name(id) }), true, () => change(wants, avoids.filter((each) => each !== id))))));
    choice.leaveOut([...wants, ...avoids]);
  }

  async function save(event) {
    event.preventDefault();
    await whileBusy(event.submitter, async () => {
      try {
        await put(`/participants/${person.participant_id}/preferences`, { wants, avoids });
        announce(t("Your wishes are saved."));
      } catch (error) {
        showTrouble(error);
      }
    });
  }
}

function nobody(error) {
  if (error.status !== 404) throw error;
  return null;
}
