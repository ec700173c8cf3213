/**
 * Who sits where, on as many pages as it takes for every name to be whole and legible, one after the other.
 *
 * With few people the letters grow; with many they shrink, but never below the screen's smallest, and there are pages.
 * Each stands for {@link PAGE_SECONDS} at most and {@link FASTEST_SECONDS} at least; in between, as long as lets
 * everybody be seen within {@link ROUND_TRIP_SECONDS}: so in a minute up to fifteen pages.
 */

import { fill, h } from "../base/dom.js";
import { tableName } from "../base/states.js";
import { t } from "../base/words.js";
import { leastSize } from "./fitting.js";

const PAGE_SECONDS = 10;
const FASTEST_SECONDS = 4;
const ROUND_TRIP_SECONDS = 60;
/** Sizes of letters that are tried, by the screen's smallest. */
const SIZES = [1.6, 1.25, 1];
/** A column is as wide as its longest word, but within these bounds; by the size of letters. */
const NARROWEST = 14;
const WIDEST = 24;
/** About how wide a letter and the name of a table with its margins are, by the size of letters. */
const LETTER = 0.62;
const MARGIN = 4.5;
/** Between columns and between tables, by the size of letters. */
const GAP = 0.35;

export class SeatPages {
  /**
   * @param {object} places elements
   * @param {HTMLElement} places.title what is shown
   * @param {HTMLElement} places.list who sits where; as high as there is room
   * @param {HTMLElement} places.turning buttons that are of use only where there are several pages
   */
  constructor({ title, list, turning }) {
    Object.assign(this, { title, list, turning, tables: [], heading: "", pages: [], at: 0, held: false, timer: null });
    new ResizeObserver(() => this.lay()).observe(list);
  }

  /** @param {{table: string, people: {name: string, quiet: boolean}[]}[]} tables in the order they are looked for */
  show(tables, heading) {
    Object.assign(this, { tables, heading, pages: [], room: null });
    this.lay();
  }

  /** Shares everybody out on pages for the room there is. */
  lay() {
    const { clientWidth: width, clientHeight: height } = this.list;
    const room = `${width} ${height} ${leastSize()}`;
    if (!width || room === this.room) return;
    this.room = room;
    const seen = this.pages[this.at]?.[0]?.[0]?.table ?? null;
    const found = this.tables.length ? arrange(this.list, this.tables, { width, height }) : { pages: [] };
    Object.assign(this, found);
    // Whoever was being looked at stays in sight when the window changes.
    this.at = Math.max(0, this.pages.findIndex((columns) => columns.flat().some((piece) => piece.table === seen)));
    this.draw();
    this.wind();
  }

  draw() {
    const { pages, at, size, columnWidth } = this;
    this.turning.hidden = pages.length < 2;
    if (!pages.length) {
      this.title.textContent = "";
      fill(this.list, h("p", {}, t("Nobody sits anywhere now.")));
      return;
    }
    const shown = pages[at].flat();
    this.title.textContent = pages.length < 2 ? this.heading : t("{heading} · tables {first}–{last} · page {page} of {pages}", {
      heading: this.heading, first: shown[0].table, last: shown.at(-1).table, page: at + 1, pages: pages.length,
    });
    this.list.style.fontSize = `${size}px`;
    fill(this.list, pages[at].map((pieces) => h("ul", { class: "plain" }, pieces.map(seatsAt))));
    for (const column of this.list.children) column.style.inlineSize = `${columnWidth}px`;
  }

  /** How long each of `pages` stands, s. */
  static secondsFor(pages) {
    return Math.min(PAGE_SECONDS, Math.max(FASTEST_SECONDS, ROUND_TRIP_SECONDS / pages));
  }

  wind() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.pages.length > 1 && !this.held) this.timer = setTimeout(() => this.turn(), SeatPages.secondsFor(this.pages.length) * 1000);
  }

  /** Shows the next page, or another one. */
  turn(step = 1) {
    if (!this.pages.length) return;
    this.at = (this.at + step + this.pages.length) % this.pages.length;
    this.draw();
    this.wind();
  }

  /** Stays at the page that is shown, or goes on. Returns whether it stays. */
  hold() {
    this.held = !this.held;
    this.wind();
    return this.held;
  }
}

/**
 * Who sits at each table, its host first, in the order in which people look for tables.
 *
 * @param {object[]} meetings of one round at one site
 * @param {(id: string) => string} name
 * @returns {{table: string, people: {name: string, quiet: boolean}[]}[]}
 */
export function tablesOf(meetings, name) {
  const found = new Map();
  for (const meeting of meetings.toSorted((a, b) => a.table.localeCompare(b.table, undefined, { numeric: true }))) {
    if (!found.has(meeting.table)) found.set(meeting.table, { table: tableName(meeting), hosts: new Set(), guests: [] });
    found.get(meeting.table).hosts.add(meeting.mentor_id);
    found.get(meeting.table).guests.push(meeting.mentee_id);
  }
  return [...found.values()].map(({ table, hosts, guests }) => ({
    table,
    people: [...[...hosts].map((id) => ({ name: name(id), quiet: false })), ...guests.map((id) => ({ name: name(id), quiet: true }))],
  }));
}

function seatsAt({ table, people }) {
  return h("li", {}, h("b", {}, table), h("div", {}, people.map(({ name, quiet }) => h("p", { class: quiet ? "quiet" : null }, h("bdi", {}, name)))));
}

/** The largest letters with which everybody is on one page; else the fewest pages with the smallest ones. */
function arrange(list, tables, { width, height }) {
  const words = tables.flatMap(({ people }) => people.flatMap(({ name }) => name.split(/\s+/u).map((word) => word.length)));
  const wish = Math.min(WIDEST, Math.max(NARROWEST, Math.max(...words) * LETTER + MARGIN));
  let best = null;
  for (const size of SIZES.map((share) => Math.floor(share * leastSize() * 100) / 100)) {
    const gap = GAP * size;
    for (let columns = Math.max(1, Math.floor((width + gap) / (wish * size + gap))); columns > 0; columns -= 1) {
      const columnWidth = (width + gap) / columns - gap;
      const pieces = measure(list, tables, { size, columnWidth, height });
      const pages = pack(pieces, { height, gap, columns });
      const found = { pages, size, columnWidth };
      if (pages.length === 1) return found;
      if (!best || size < best.size || pages.length < best.pages.length) best = found;
    }
  }
  return best;
}

/** How high each table is in a column; a table that is higher than a page comes in several pieces. */
function measure(list, tables, { size, columnWidth, height }) {
  list.style.fontSize = `${size}px`;
  const column = h("ul", { class: "plain" }, tables.map(seatsAt));
  column.style.inlineSize = `${columnWidth}px`;
  fill(list, column);
  return tables.flatMap(({ table, people }, place) => {
    const item = column.children[place];
    const all = heightOf(item);
    if (all <= height) return [{ table, people, height: all }];
    const lines = [...item.querySelectorAll("p")].map(heightOf);
    const { paddingTop, paddingBottom } = getComputedStyle(item);
    const frame = Math.ceil(parseFloat(paddingTop) + parseFloat(paddingBottom));
    const pieces = [];
    people.forEach((person, index) => {
      const last = pieces.at(-1);
      if (last && last.height + lines[index] <= height) {
        last.people.push(person);
        last.height += lines[index];
      } else pieces.push({ table, people: [person], height: frame + lines[index] });
    });
    return pieces;
  });
}

const heightOf = (element) => Math.ceil(element.getBoundingClientRect().height);

/**
 * Pieces one below the other in columns, and columns side by side on pages, in their order.
 *
 * @param {{height: number}[]} pieces
 * @returns {object[][][]} pages of columns of pieces
 */
export function pack(pieces, { height, gap, columns }) {
  const pages = paged(filled(pieces, height, gap), columns);
  // The last page's columns are of one height, as far as that goes.
  const rest = pages.at(-1)?.flat() ?? [];
  const heights = rest.map((piece) => piece.height);
  let [low, high] = [Math.max(0, ...heights), height];
  while (high - low > 1) {
    const middle = (low + high) / 2;
    if (filled(rest, middle, gap).length <= columns) high = middle;
    else low = middle;
  }
  return rest.length ? [...pages.slice(0, -1), filled(rest, high, gap)] : pages;
}

function filled(pieces, height, gap) {
  const found = [];
  let used = Infinity;
  for (const piece of pieces) {
    if (used + gap + piece.height > height) {
      found.push([]);
      used = -gap;
    }
    found.at(-1).push(piece);
    used += gap + piece.height;
  }
  return found;
}

function paged(columns, most) {
  const pages = [];
  for (let first = 0; first < columns.length; first += most) pages.push(columns.slice(first, first + most));
  return pages;
}
