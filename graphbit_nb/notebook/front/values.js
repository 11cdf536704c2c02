// Texts, data and tables. Long ones are drawn bit by bit, as far as somebody looks.

import { h, setText } from "./dom.js";
import { counted, plural, shown } from "./figures.js";
import { iconButton } from "./marks.js";

const TEXT_FIRST = 20_000; // characters that are shown at once
const TEXT_MORE = 100_000;
const PIECE_COSTS = 60; // a tinted piece takes as long to lay out as so many characters
const TREE_BIT = 100; // entries of a list or object that are shown at once
const STRING_FIRST = 300;
const TABLE_ROWS = 200;
const TABLE_COLUMNS = 24;
const CELL_MOST = 300;
const CELL_LINE = 24;
const TINTS = 4;

/**
 * Shows a text.
 * @param options { prose, cut, where, pieces }: whether it is prose; characters that were left out (null: nobody counted), and what gives them;
 *   the text in pieces [{ text, name, tint }], of which those with a name came from elsewhere.
 */
export function textBlock(text, { prose = false, cut = 0, where = "", pieces = null } = {}) {
  const el = h("div", { class: prose ? "gb-prose" : "gb-text", dir: "auto" });
  const rest = [...(pieces ?? [{ text }])];
  const more = h("button", { type: "button", class: "gb-more", onclick: () => showMore(TEXT_MORE) });
  const end = cut !== 0 ? h("span", { class: "gb-cut-note" }, cutNote(cut, where)) : null;

  function showMore(room) {
    const hadFocus = more === el.ownerDocument.activeElement;
    more.remove();
    while (rest.length && room > 0) {
      const piece = rest.shift();
      const [now, later] = splitAt(piece.text, room);
      room -= now.length + (piece.name === undefined ? 0 : PIECE_COSTS);
      if (later) rest.unshift({ ...piece, text: later });
      el.append(pieceOf({ ...piece, text: now }));
    }
    const left = rest.reduce((count, piece) => count + piece.text.length, 0);
    if (left) el.append(more);
    setText(more, `${counted(left)} more characters`);
    if (end) el.append(end);
    if (hadFocus && left) more.focus({ preventScroll: true });
  }

  showMore(TEXT_FIRST);
  return el;
}

/** Cuts a text in two, not inside of a character that takes two units. */
function splitAt(text, room) {
  if (text.length <= room) return [text, ""];
  const at = /[\ud800-\udbff]/.test(text[room - 1]) ? room + 1 : room;
  return [text.slice(0, at), text.slice(at)];
}

function pieceOf({ text, name, tint }) {
  if (name === undefined) return document.createTextNode(shown(text));
  return h("span", { class: "gb-from", "data-o": tint, title: `from ${shown(name)}` }, h("sup", null, shown(name)), shown(text));
}

/** Says what was left out, and what gives all of it. */
function cutNote(cut, where) {
  return `… and ${cut === null ? "more" : `${counted(cut)} more characters`}${where ? `: ${where}` : ""}`;
}

/** What gives the whole of something that is shown cut. */
export function placeOfNode(path) {
  const isPart = /[[.#]/.test(path);
  return `result.${isPart ? "snapshot.index" : "nodes"}[${JSON.stringify(path)}]`;
}

/** Cuts a text into the pieces that came from elsewhere and what is between; `origins` count code points. */
export function piecesOf(text, origins, tintOf) {
  if (!origins.length) return [{ text }];
  const at = unitsOf(text, origins.flatMap(([start, end]) => [start, end]));
  const pieces = [];
  let done = 0;
  for (const [start, end, name] of [...origins].sort((a, b) => a[0] - b[0])) {
    const [from, to] = [Math.max(done, at(start)), at(end)];
    if (to <= from) continue;
    if (from > done) pieces.push({ text: text.slice(done, from) });
    pieces.push({ text: text.slice(from, to), name, tint: tintOf(name) });
    done = to;
  }
  if (done < text.length) pieces.push({ text: text.slice(done) });
  return pieces;
}

/** Returns what turns places counted in code points into places in a text of JavaScript, which counts code units. */
function unitsOf(text, places) {
  if (!/[\ud800-\udbff]/.test(text)) return (place) => Math.min(place, text.length);
  const found = new Map();
  const wanted = [...new Set(places)].sort((a, b) => a - b);
  let [points, units] = [0, 0];
  for (const place of wanted) {
    while (points < place && units < text.length) {
      units += text.codePointAt(units) > 0xffff ? 2 : 1;
      points += 1;
    }
    found.set(place, units);
  }
  return (place) => found.get(place);
}

/** Returns what gives each name one of four tints, in the order in which they are first asked for. */
export function makeTints() {
  const names = [];
  const tintOf = (name) => {
    if (!names.includes(name)) names.push(name);
    return (names.indexOf(name) % TINTS) + 1;
  };
  return { tintOf, names };
}

// ---- data

const isBranch = (value) => value !== null && typeof value === "object";
const entriesOf = (value) => (Array.isArray(value) ? value.map((one, i) => [String(i), one]) : Object.entries(value));
const sizeIn = (value) => (Array.isArray(value) ? value.length : Object.keys(value).length);

/** Shows data as a tree that opens and closes. What is closed is not drawn before it is opened. */
export function jsonTree(value) {
  const room = { left: 40 }; // entries that are open from the beginning
  const el = h("div", { class: "gb-json" });
  el.append(isBranch(value) ? branch(null, value, room, 0) : leaf(null, value));
  return el;
}

function branch(key, value, room, depth) {
  const size = sizeIn(value);
  const isOpen = size > 0 && (depth === 0 || (depth < 4 && size <= room.left));
  if (isOpen) room.left -= Math.min(size, TREE_BIT);
  const inside = h("div", { class: "gb-branch" });
  const el = h("details", { open: isOpen }, h("summary", null, summaryOf(key, value, size)), inside);
  let isDrawn = false;

  function draw() {
    if (isDrawn || !el.open) return;
    isDrawn = true;
    drawBits(inside, entriesOf(value), ([name, one]) => (isBranch(one) ? branch(name, one, isOpen ? room : { left: 0 }, depth + 1) : leaf(name, one)));
  }

  el.addEventListener("toggle", draw);
  draw();
  return el;
}

/** Draws some entries, and a button for more. */
function drawBits(el, entries, drawOne) {
  let done = 0;
  let bit = TREE_BIT;
  const more = h("button", { type: "button", class: "gb-more", onclick: next });

  function next() {
    const hadFocus = more === el.ownerDocument.activeElement;
    const some = entries.slice(done, done + bit);
    done += some.length;
    bit = TREE_BIT * 5;
    more.remove();
    el.append(...some.map(drawOne));
    if (done >= entries.length) return;
    setText(more, `${counted(entries.length - done)} more`);
    el.append(more);
    if (hadFocus) more.focus({ preventScroll: true });
  }

  next();
}

function summaryOf(key, value, size) {
  const what = Array.isArray(value) ? plural(size, "item") : plural(size, "field");
  const isPeeked = !Array.isArray(value) && size > 0; // what is in it says more than how much
  return [
    key === null ? null : h("span", { class: "k" }, shown(key), " "),
    h("span", { class: "gb-dim gb-size", "data-peeked": isPeeked }, what), h("span", { class: "gb-peek" }, peek(value)),
  ];
}

/** What is in something that is closed, in short. */
function peek(value) {
  if (Array.isArray(value)) return shown(value.slice(0, 6).map(inShort).join(", ").slice(0, 120));
  return shown(Object.entries(value).slice(0, 4).map(([key, one]) => `${key} ${inShort(one)}`).join(", ").slice(0, 120));
}

function inShort(value) {
  if (!isBranch(value)) return typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : String(value);
  return Array.isArray(value) ? `[${value.length}]` : `{${Object.keys(value).length}}`;
}

function leaf(key, value) {
  return h("div", null, key === null ? null : h("span", { class: "k" }, shown(key), " "), scalar(value));
}

function scalar(value) {
  if (typeof value !== "string") return h("span", { class: "n" }, String(value));
  if (value.length <= STRING_FIRST) return h("span", { class: "s" }, `"${shown(value)}"`);
  const el = h("span", { class: "s" }, `"${shown(value.slice(0, STRING_FIRST))}`);
  const more = h("button", { type: "button", class: "gb-more" }, `${counted(value.length - STRING_FIRST)} more characters`);
  more.addEventListener("click", () => {
    setText(el, `"${shown(value)}"`);
    more.remove();
  });
  return [el, more];
}

// ---- tables

/** Whether a value is a list of records. */
export function isRecords(value) {
  return Array.isArray(value) && value.length > 0 && value.every((one) => isBranch(one) && !Array.isArray(one)) && value.some((one) => Object.keys(one).length > 0);
}

/** Shows a list of records. */
export function table(records) {
  const rows = records.slice(0, TABLE_ROWS);
  const all = [...new Set(rows.flatMap((one) => Object.keys(one)))];
  const columns = all.slice(0, TABLE_COLUMNS).map((name) => ({ name, isFigure: isFigureColumn(rows, name) }));
  const head = h("tr", null, columns.map(({ name, isFigure }) => h("th", { scope: "col", class: isFigure ? "gb-num" : null }, shown(name))));
  const body = rows.map((record) => h("tr", null, columns.map((column) => cellOf(record, column))));
  const left = [
    records.length > rows.length ? `and ${counted(records.length - rows.length)} more` : "",
    all.length > columns.length ? `${plural(all.length - columns.length, "column")} not shown` : "",
  ].filter(Boolean);
  return h(
    "div", { class: "gb-table-room", tabindex: "0", role: "group", "aria-label": `table, ${plural(records.length, "row")}` },
    h("table", { class: "gb-table" }, h("thead", null, head), h("tbody", null, body)),
    left.length ? h("p", { class: "gb-cut-note" }, left.join(", ")) : null,
  );
}

function isFigureColumn(rows, name) {
  const values = rows.map((row) => row[name]).filter((value) => value !== null && value !== undefined);
  return values.length > 0 && values.every((value) => typeof value === "number");
}

function cellOf(record, { name, isFigure }) {
  const value = record[name];
  if (value === undefined || value === null) return h("td", { class: "gb-none" }, value === null ? "null" : "");
  if (isFigure) return h("td", { class: "gb-num" }, String(value).replace(/^-/, "−"));
  const text = shown(isBranch(value) ? JSON.stringify(value).slice(0, CELL_MOST + 1) : String(value));
  const short = text.length > CELL_MOST ? `${text.slice(0, CELL_MOST)}…` : text;
  const shownIn = short.length > CELL_LINE ? h("span", { class: "gb-cell", title: short }, short) : short;
  return h("td", { class: isBranch(value) ? "gb-mono" : null }, shownIn);
}

// ---- copies

/** Makes the button that copies a text. Where that is not allowed it selects what `el()` returns instead. */
export function copyButton(text, el, view, label = "Copy") {
  const button = iconButton("copy", label, { "data-bare": true, class: "gb-btn gb-copy", onclick: copy });
  const word = button.querySelector("span");
  let timer = 0;

  async function copy() {
    const isCopied = await written(text());
    if (!isCopied) selectAll(el());
    const said = isCopied ? "Copied" : "Selected: Ctrl+C";
    setText(word, said);
    view.say(said);
    clearTimeout(timer);
    timer = setTimeout(() => setText(word, label), 1600);
  }

  return button;
}

async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // an insecure page, or a frame that may not
  }
}

function selectAll(el) {
  const range = document.createRange();
  range.selectNodeContents(el);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}
