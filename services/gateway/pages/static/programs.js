import { furnish, get, listed, post, announce, showTrouble } from "./base/api.js";
import { fill, find, h, whileBusy } from "./base/dom.js";
import { keepFresh } from "./base/fresh.js";
import { firstStart, toSeeTo } from "./base/standing.js";
import { stateText } from "./base/states.js";
import { series, t } from "./base/words.js";

const NAMES = ["program.toml", "mentors.csv", "mentees.csv"];
/** The first bytes of ZIP archives, which workbooks are, and of Office's old files. */
const PACKED = [[0x50, 0x4b, 0x03, 0x04], [0xd0, 0xcf, 0x11, 0xe0]];
/** So many bytes tell what a file is. */
const ENOUGH = 4096;

let shown = "";

furnish();
show().catch((error) => {
  fill(find("#programs"));
  showTrouble(error);
});
keepFresh(show);
const input = find("#files");
/** The codes of what looked wrong in these files and has been said to be right. */
const confirmed = new Set();
input.addEventListener("change", () => {
  confirmed.clear();
  fill(find("#chosen"), [...input.files].map((file) => h("li", {}, file.name)));
});
find("#import").addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(find("#import button"), bringIn);
});

/** Draws the list where it has changed; who is at a link or a button stays there. */
async function show() {
  const programs = listed(await get("/programs"), "programs");
  const now = JSON.stringify(programs);
  if (now === shown) return;
  const place = find("#programs");
  const at = place.contains(document.activeElement) ? document.activeElement.closest("[data-program]")?.dataset.program : null;
  fill(place, programs.length ? h("ul", { class: "plain cards" }, programs.map(card)) : h("p", { class: "quiet" }, t("There is no program yet. Import one below.")));
  shown = now;
  if (at) find(`[data-program="${CSS.escape(at)}"] a`, place)?.focus();
}

function card(program) {
  const draft = program.state === "draft";
  return h("li", { class: "card", "data-program": program.program_id },
    h("h2", {}, h("a", { href: `/programs/${program.program_id}` }, program.title), " ", h("span", { class: `badge ${program.state}` }, stateText(program.state))),
    h("p", { class: "quiet" }, [
      firstStart(program),
      t("{mentors} mentors, {mentees} mentees", program),
      series((program.sites ?? []).map((site) => site.name ?? site.site_id ?? site)),
    ].filter(Boolean).join(" · ")),
    toSeeTo(program),
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
  const chosen = await Promise.all([...input.files].map(read));
  const files = Object.fromEntries(chosen.map(({ name, text }) => [name, text]));
  const missing = NAMES.filter((name) => !(name in files));
  fill(find("#faults"));
  // What is no text has a fault of its own, which says what it is and what to do.
  if (missing.length && chosen.every(({ isText }) => isText)) {
    showTrouble(new Error(t("Missing: {files}. Choose all three files together.", { files: missing.join(", ") })));
    return;
  }
  try {
    const made = await post("/programs:import", confirmed.size ? { files, confirmed: [...confirmed] } : { files });
    announce(t("Imported: {mentors} mentors, {mentees} mentees.", made));
    find("#import").reset();
    confirmed.clear();
    fill(find("#chosen"));
    fill(find("#faults"), notices(made.notices ?? []));
    await show();
  } catch (error) {
    if (!error.faults?.length) return showTrouble(error);
    find("#said").hidden = true;
    fill(find("#faults"), faults(error)).focus();
  }
}

/** A file's name and text; of what is packed, as workbooks are, only the beginning, by which the service knows what it is. */
async function read(file) {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  const begins = (octets) => octets.every((octet, at) => head[at] === octet);
  const isText = !PACKED.some(begins);
  // Excel's "Unicode text" is UTF-16, and says so.
  const encoding = begins([0xff, 0xfe]) ? "utf-16le" : begins([0xfe, 0xff]) ? "utf-16be" : "utf-8";
  const octets = await (isText ? file : file.slice(0, ENOUGH)).arrayBuffer();
  const text = new TextDecoder(encoding).decode(octets);
  return { name: file.name, isText, text: isText ? text : text.replaceAll("\0", " ") };
}

/** What has been read otherwise than it is written. */
function notices(said) {
  if (!said.length) return null;
  return h("div", { class: "notice" }, h("p", {}, t("Some of it was read otherwise than it is written:")),
    h("ul", {}, said.map((each) => h("li", {}, [each.file, each.row && t("row {row}", { row: each.row }), each.field].filter(Boolean).join(", "), ": ", each.what, " (", each.remedy, ")"))));
}

/** A box to tick where a fault may be none. */
function asked(fault) {
  if (!fault.confirm?.length) return null;
  const box = h("input", {
    type: "checkbox",
    onchange: () => fault.confirm.forEach((code) => (box.checked ? confirmed.add(code) : confirmed.delete(code))),
  });
  return h("label", { class: "inline" }, box, ` ${t("It is right as it is")}`);
}

/** Every fault with its place, as a spreadsheet counts. */
function faults(error) {
  const heads = [t("File"), t("Row"), t("Column"), t("What is wrong"), t("How to mend it")];
  return [
    h("div", { class: "notice bad", role: "alert" }, h("p", {}, error.message), h("p", {}, t("{count} faults. Nothing was imported.", { count: error.faults.length })),
      error.faults.some((fault) => fault.confirm?.length) ? h("p", {}, t("Tick what is right as it is, and import again.")) : null),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Faults") }, h("table", { class: "faults" },
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, error.faults.map((fault) => h("tr", {},
        h("td", {}, fault.file ?? ""), h("td", { class: "number" }, String(fault.row ?? "")), h("td", {}, h("code", {}, fault.field ?? "")),
        h("td", {}, fault.what ?? ""), h("td", {}, fault.remedy ?? "", asked(fault))))))),
  ];
}
