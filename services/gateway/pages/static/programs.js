import { furnish, get, listed, post, announce, showTrouble } from "./base/api.js";
import { fill, find, h, whileBusy } from "./base/dom.js";
import { stateText } from "./base/states.js";
import { series, t } from "./base/words.js";

const NAMES = ["program.toml", "mentors.csv", "mentees.csv"];

furnish();
show();
const input = find("#files");
input.addEventListener("change", () => {
  fill(find("#chosen"), [...input.files].map((file) => h("li", {}, file.name)));
});
find("#import").addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(find("#import button"), bringIn);
});

async function show() {
  try {
    const programs = listed(await get("/programs"), "programs");
    fill(find("#programs"), programs.length ? h("ul", { class: "plain cards" }, programs.map(card)) : h("p", { class: "quiet" }, t("There is no program yet. Import one below.")));
  } catch (error) {
    fill(find("#programs"));
    showTrouble(error);
  }
}

function card(program) {
  const draft = program.state === "draft";
  return h("li", { class: "card" },
    h("h2", {}, h("a", { href: `/programs/${program.program_id}` }, program.title), " ", h("span", { class: `badge ${program.state}` }, stateText(program.state))),
    h("p", { class: "quiet" }, [
      t("{mentors} mentors, {mentees} mentees", program),
      series((program.sites ?? []).map((site) => site.name ?? site.site_id ?? site)),
    ].filter(Boolean).join(" · ")),
    draft ? h("button", { type: "button", onclick: (event) => publish(event.currentTarget, program) }, t("Publish")) : null);
}

function publish(button, program) {
  return whileBusy(button, async () => {
    try {
      await post(`/programs/${program.program_id}/publication`);
      announce(t("“{title}” is published.", program));
      await show();
    } catch (error) {
      showTrouble(error);
    }
  });
}

async function bringIn() {
  const files = Object.fromEntries(await Promise.all([...input.files].map(async (file) => [file.name, await file.text()])));
  const missing = NAMES.filter((name) => !(name in files));
  fill(find("#faults"));
  if (missing.length) {
    showTrouble(new Error(t("Missing: {files}. Choose all three files together.", { files: missing.join(", ") })));
    return;
  }
  try {
    const made = await post("/programs:import", { files });
    announce(t("Imported: {mentors} mentors, {mentees} mentees.", made));
    find("#import").reset();
    fill(find("#chosen"));
    await show();
  } catch (error) {
    if (!error.faults?.length) return showTrouble(error);
    find("#said").hidden = true;
    fill(find("#faults"), faults(error)).focus();
  }
}

/** Every fault with its place, as a spreadsheet counts. */
function faults(error) {
  const heads = [t("File"), t("Row"), t("Column"), t("What is wrong"), t("How to mend it")];
  return [
    h("div", { class: "notice bad", role: "alert" }, h("p", {}, error.message), h("p", {}, t("{count} faults. Nothing was imported.", { count: error.faults.length }))),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Faults") }, h("table", { class: "faults" },
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, error.faults.map((fault) => h("tr", {},
        h("td", {}, fault.file ?? ""), h("td", { class: "number" }, String(fault.row ?? "")), h("td", {}, h("code", {}, fault.field ?? "")),
        h("td", {}, fault.what ?? ""), h("td", {}, fault.remedy ?? "")))))),
  ];
}
