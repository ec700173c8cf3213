/** A mentee's own questions, in their order: writing, moving, taking away, keeping. */

import { put, announce, showTrouble } from "../base/api.js";
import { fill, find, h, whileBusy } from "../base/dom.js";
import { t } from "../base/words.js";

const MOST = 20;

export function questions(participant, given) {
  let texts = given.map((question) => question.text ?? question);
  const [form, list] = [find("#question-form"), find("#question-list")];
  find("#questions").hidden = false;
  draw();

  find("#question-add").addEventListener("click", () => {
    texts = [...read(), ""];
    draw(texts.length - 1);
  });
  /** The codes of what looked wrong and is right. */
  let confirmed = [];
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(event.submitter, async () => {
      texts = written();
      try {
        await put(`/participants/${participant}/questions`, { questions: texts, ...(confirmed.length ? { confirmed } : {}) });
        confirmed = [];
        // What has been typed meanwhile stays.
        if (written().join("\n") === texts.join("\n")) draw();
        announce(t("Your questions are saved."));
      } catch (error) {
        showTrouble(error, (codes) => {
          confirmed = [...confirmed, ...codes];
          form.requestSubmit();
        });
      }
    });
  });

  function read() {
    return [...list.querySelectorAll("textarea")].map((field) => field.value);
  }

  /** What is kept of it. */
  function written() {
    return read().map((text) => text.trim()).filter(Boolean);
  }

  function draw(focus = null, control = "textarea") {
    fill(list, texts.map((text, index) => h("li", {}, field(text, index), h("div", { class: "row tight" },
      button("↑", t("Move question {number} up", { number: index + 1 }), index > 0, () => move(index, index - 1)),
      button("↓", t("Move question {number} down", { number: index + 1 }), index < texts.length - 1, () => move(index, index + 1)),
      button("✕", t("Remove question {number}", { number: index + 1 }), true, () => remove(index))))));
    find("#question-add").disabled = texts.length >= MOST;
    if (focus !== null) list.children[focus]?.querySelector(control)?.focus();
  }

  function field(text, index) {
    const area = h("textarea", { rows: 2, maxlength: 500, "aria-label": t("Question {number}", { number: index + 1 }) });
    area.value = text;
    return area;
  }

  function button(sign, label, able, press) {
    return h("button", { type: "button", class: "small", "aria-label": label, title: label, disabled: !able, onclick: press }, sign);
  }

  function move(from, to) {
    texts = read();
    texts.splice(to, 0, ...texts.splice(from, 1));
    draw(to, "button:not(:disabled)");
  }

  function remove(index) {
    texts = read().filter((_, each) => each !== index);
    draw(Math.min(index, texts.length - 1));
  }
}
