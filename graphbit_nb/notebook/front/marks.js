// The 16 px paths: a mark for each state, an icon for each kind. The tables are those of graphbit_nb/drawing/marks.py.

import { h, hs } from "./dom.js";

const MARKS = {
  "pending": {"paint": "line", "body": "M6.1 1.8A6.5 6.5 0 0 1 9.9 1.8M12.2 3A6.5 6.5 0 0 1 14.2 6.1M14.2 9.9A6.5 6.5 0 0 1 12.2 13M9.9 14.2A6.5 6.5 0 0 1 6.1 14.2M3.8 13A6.5 6.5 0 0 1 1.8 9.9M1.8 6.1A6.5 6.5 0 0 1 3.8 3", "glyph": ""},
  "ready": {"paint": "line", "body": "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0 -13z", "glyph": "M8 7.9v.2"},
  "running": {"paint": "line", "body": "M8 1.5A6.5 6.5 0 1 1 1.5 8", "glyph": ""},
  "retrying": {"paint": "line", "body": "M13.6 6.2A6.1 6.1 0 1 0 14.1 8.6", "glyph": "M14.3 2.6v3.8h-3.8"},
  "waiting": {"paint": "solid", "body": "M8 0.8a7.2 7.2 0 1 1 0 14.4a7.2 7.2 0 1 1 0 -14.4z", "glyph": "M6.1 5.4v5.2M9.9 5.4v5.2"},
  "succeeded": {"paint": "solid", "body": "M8 0.8a7.2 7.2 0 1 1 0 14.4a7.2 7.2 0 1 1 0 -14.4z", "glyph": "M4.9 8.3l2.2 2.2 4.1-4.7"},
  "cached": {"paint": "solid", "body": "M9.6 .8L2.9 9.1h4.3L6.2 15.2L13.1 6.7H8.7z", "glyph": ""},
  "failed": {"paint": "solid", "body": "M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2z", "glyph": "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8"},
  "skipped": {"paint": "line", "body": "", "glyph": "M3.4 3.8L7.6 8l-4.2 4.2M8.6 3.8L12.8 8l-4.2 4.2"},
  "cancelled": {"paint": "line", "body": "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0 -13z", "glyph": "M5.9 5.9h4.2v4.2H5.9z"},
  "stale": {"paint": "line", "body": "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0 -13z", "glyph": "M8 4.4V8l2.5 1.7"}
};

const KINDS = {
  "prompt": "M2.5 3.2h11v7.3H7.8L5 13v-2.5H2.5z",
  "python": "M5.3 4.3L1.8 8l3.5 3.7M10.7 4.3L14.2 8l-3.5 3.7M9 3.2L7 12.8",
  "condition": "M1.8 8h3.7l4.3-4h4.2M12 2l2 2-2 2M5.5 8l4.3 4h4.2M12 10l2 2-2 2",
  "agent": "M3.2 5.6h9.6v7.2H3.2zM8 5.6V3M6.9 2.4h2.2M6.2 8.4v1.2M9.8 8.4v1.2M1.4 8.2v2.4M14.6 8.2v2.4",
  "human": "M8 2.2a2.7 2.7 0 1 1 0 5.4a2.7 2.7 0 1 1 0-5.4M2.9 13.8c.4-3 2.4-4.6 5.1-4.6s4.7 1.6 5.1 4.6",
  "embed": "M2.6 13.2V9M6.2 13.2V3.4M9.8 13.2V6.6M13.4 13.2v-2.4",
  "workflow": "M1.8 2.6h4.4V7H1.8zM9.8 9h4.4v4.4H9.8zM6.2 4.8h4.4a1.4 1.4 0 0 1 1.4 1.4V9",
  "input": "M1.8 8h7.4M6.4 5.2L9.2 8l-2.8 2.8M9.6 2.6h4v10.8h-4"
};
const OTHER_KIND = "M8 1.6l5.6 3.2v6.4L8 14.4l-5.6-3.2V4.8zM2.4 4.8L8 8l5.6-3.2M8 8v6.4";
const CONTROLS = {
  play: "M5 3.2v9.6L12.6 8z",
  again: "M13.4 6.4A5.8 5.8 0 1 0 13.6 9.6M13.8 2.8v3.6h-3.6",
  step: "M4 3.4v9.2L10.4 8zM12.4 3.4v9.2",
  stop: "M4.4 4.4h7.2v7.2H4.4z",
  copy: "M6 5.6h7.4V13H6zM10.2 3H2.8v7.2",
  close: "M4 4l8 8M12 4l-8 8",
  back: "M9.8 3.6L5.4 8l4.4 4.4",
};

/** Makes the mark of a state. One that stands beside the state's word is `silent`. */
export function markOf(state, silent = false) {
  const svg = hs("svg", { class: "gb-st", viewBox: "0 0 16 16" });
  setMark(svg, state, silent);
  return svg;
}

/** Makes a mark show another state. */
export function setMark(svg, state, silent = false) {
  if (svg.dataset.state === state) return;
  const { paint, body, glyph } = MARKS[state] ?? MARKS.pending;
  svg.setAttribute("data-state", state);
  for (const [name, value] of silent ? [["aria-hidden", "true"]] : [["role", "img"], ["aria-label", state]]) svg.setAttribute(name, value);
  svg.replaceChildren(
    hs("path", { class: "gb-body", "data-p": paint, d: body || null }),
    hs("path", { class: "gb-glyph", "data-on": paint === "solid", d: glyph || null }),
  );
}

/** Makes the icon of a kind of node. */
export function kindIcon(kind) {
  const d = Object.hasOwn(KINDS, kind) ? KINDS[kind] : OTHER_KIND;
  return hs("svg", { class: "gb-ico", viewBox: "0 0 16 16", "aria-hidden": "true" }, hs("path", { d }));
}

/** Makes a button with an icon and a word; without a word the label is what is read out. */
export function iconButton(icon, word, attrs) {
  const drawn = hs("svg", { class: "gb-ico", viewBox: "0 0 16 16", "aria-hidden": "true" }, hs("path", { d: CONTROLS[icon] }));
  return h("button", { type: "button", class: "gb-btn", ...attrs }, drawn, word ? h("span", null, word) : null);
}
