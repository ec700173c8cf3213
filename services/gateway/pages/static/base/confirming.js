/** Asking back: what the service finds odd and takes all the same once somebody has said that it is meant. */

import { ask } from "./ask.js";
import { h } from "./dom.js";
import { t } from "./words.js";

/** More lines than this are not read before a yes. */
const SHOWN = 20;

/**
 * Sends; where the refusal only asks whether something is meant, asks the reader and sends it again with the yes.
 *
 * @param {(yes: {confirmed?: string[]}) => Promise<any>} send is given what goes into the body beside the rest
 * @returns the answer, or null when the reader says no
 */
export async function withYes(send) {
  const confirmed = [];
  for (;;) {
    try {
      return await send(confirmed.length ? { confirmed } : {});
    } catch (error) {
      const asked = error.faults ?? [];
      const news = asked.flatMap((fault) => fault.confirm ?? []).filter((code) => !confirmed.includes(code));
      if (!news.length || !asked.every((fault) => fault.confirm?.length)) throw error;
      if (!(await ask(error.message, { fields: [questions(asked)], yes: t("It is meant so") }))) return null;
      confirmed.push(...news);
    }
  }
}

function questions(asked) {
  const lines = asked.slice(0, SHOWN).map((fault) => h("li", {}, [fault.file, fault.what, fault.remedy].filter(Boolean).join(": ")));
  return h("ul", {}, lines, asked.length > SHOWN ? h("li", {}, t("And {count} more.", { count: asked.length - SHOWN })) : null);
}
