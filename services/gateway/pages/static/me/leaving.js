/** A participant who does not come, or wants to be forgotten. */

import { announce, call, logOut, post, showTrouble } from "../base/api.js";
import { ask } from "../base/ask.js";
import { find, whileBusy } from "../base/dom.js";
import { t } from "../base/words.js";

/** `left` is called once `participant` has withdrawn. */
export function leaving(participant, left) {
  find("#withdraw").addEventListener("click", (event) => surely(event.currentTarget, t("Withdraw from the program?"), t("Withdraw"), async () => {
    await post(`/participants/${participant}/withdrawal`);
    announce(t("You have withdrawn. Thank you for saying so."));
    left();
  }));
  find("#erase").addEventListener("click", (event) => surely(event.currentTarget, t("Erase all that is known of you?"), t("Erase my data"), async () => {
    await call("DELETE", `/participants/${participant}`);
    await logOut();
  }));
}

async function surely(button, question, yes, work) {
  if (!(await ask(question, { text: t("This cannot be taken back."), yes, grave: true }))) return;
  await whileBusy(button, () => work().catch(showTrouble));
}
