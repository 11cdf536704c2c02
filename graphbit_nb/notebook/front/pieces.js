// A large drawing that changes little: the kernel's SVG is compared as text, group by group, and only what is another
// text than before is read. What merely moved gets its new place.

import { readGroups, readSvg, setAttr } from "./dom.js";
import { patchGroup } from "./patch.js";

const GROUP = /(?=<g class="gb-(?:cluster|edge|tag|node)" )/; // no text holds a "<": the kernel escapes all of them
const SVG_END = "</g></g></svg>";
const GROUP_KEY = /^<g class="gb-\w+"(?: data-id="[^"]*")?(?: data-from="[^"]*" data-to="[^"]*")?/;
const LOOSE = {
  "gb-node": [["", "transform"]],
  "gb-edge": [["", "data-flow"], [".gb-line", "d"], ["polygon", "points"]],
  "gb-tag": [["", "data-flow"]],
};

/** Cuts a drawing into its groups and what is around them: { around: an SVG without groups, groups: [text] }. */
export function cutUp(svg) {
  const [start, ...groups] = svg.split(GROUP);
  if (groups.length) groups.push(groups.pop().slice(0, -SVG_END.length));
  return { around: groups.length ? start + SVG_END : start, groups };
}

/** Returns what remembers the texts of one graph after the other. */
export function makePieces() {
  let known = new Map(); // key: { el, text, firm }; the text is null where the element looks like none that was sent
  let byElement = new Map();

  function remember(groups, elements) {
    known = new Map(groups.map((text, i) => [keyOfText(text), { el: elements[i], text }]));
    byElement = new Map([...known.values()].map((piece) => [piece.el, piece]));
  }

  /** Forgets how a group looked: it was patched since. */
  function forget(el) {
    const piece = byElement.get(el);
    if (piece) piece.text = null;
  }

  return {
    /** Takes the groups of a drawing that was just read as a whole, and its elements in their order. */
    begin: remember,
    forget,
    clear: () => remember([], []),
    isEmpty: () => known.size === 0,
    /**
     * Makes the elements what a drawing is. Returns { root: the drawing's root without groups, elements, added, read,
     * later }: all elements in their order, those that are new, all that were read, and [element, text] of the cards and
     * frames that look different but were left for later, because `isUrgent(element)` is false; null where the text is
     * no drawing.
     */
    update(svg, isUrgent) {
      const { around, groups } = cutUp(svg);
      const root = readSvg(around);
      if (!root) return null;
      const standing = groups.map((text) => known.get(keyOfText(text)));
      const other = groups.flatMap((text, i) => (looksLike(standing[i], text) ? [] : [i]));
      const late = new Set(other.filter((i) => standing[i] && isBox(standing[i].el) && !isUrgent(standing[i].el)));
      const unread = other.filter((i) => !late.has(i));
      const fresh = new Map(readGroups(unread.map((i) => groups[i])).map((el, k) => [unread[k], el]));
      const added = [];
      const wanted = groups.map((text, i) => {
        const mine = standing[i]?.el;
        if (!mine) added.push(fresh.get(i));
        else if (fresh.has(i)) patchGroup(mine, fresh.get(i));
        else if (standing[i].text !== text) moveTo(mine, text);
        return mine ?? fresh.get(i);
      });
      remember(groups, wanted);
      const later = [...late].map((i) => [wanted[i], groups[i]]);
      for (const [el] of later) forget(el); // until it is patched it looks like neither text
      return { root, elements: wanted, added, read: unread.map((i) => wanted[i]), later };
    },
  };
}

/** Whether a piece looks as a text says, wherever it stands. */
function looksLike(piece, text) {
  if (!piece || piece.text === null) return false;
  if (piece.text === text) return true;
  piece.firm ??= firmOf(piece.text);
  return piece.firm === firmOf(text);
}

const isBox = (el) => el.classList.contains("gb-node") || el.classList.contains("gb-cluster");

const keyOfText = (text) => GROUP_KEY.exec(text)?.[0] ?? "";

const looseIn = (text) => LOOSE[/gb-\w+/.exec(text)[0]] ?? [];

/** A group's text without what can be changed by itself. */
function firmOf(text) {
  return looseIn(text).reduce((left, [, name]) => left.replace(attribute(name), ""), text);
}

function moveTo(el, text) {
  for (const [inside, name] of looseIn(text)) {
    const value = attribute(name).exec(text)?.[1];
    if (value !== undefined) setAttr(inside ? el.querySelector(`:scope > ${inside}`) : el, name, value);
  }
}

const ATTRIBUTES = new Map();

function attribute(name) {
  if (!ATTRIBUTES.has(name)) ATTRIBUTES.set(name, new RegExp(` ${name}="([^"]*)"`));
  return ATTRIBUTES.get(name);
}
