// What stands in the drawing that is shown: cards, links and frames by their ids, their boxes, and the ways between them.

import { setAttr } from "./dom.js";
import { placeOf } from "./morph.js";
import { endsKey } from "./store.js";

/** Reads a `g.gb-graph`. Boxes are found when they are first asked for. */
export function readBoard(graph) {
  const cards = new Map();
  const frames = new Map();
  const links = [];
  const byEnds = new Map();
  for (const el of graph.children) {
    if (el.classList.contains("gb-node")) cards.set(el.dataset.id, el);
    else if (el.classList.contains("gb-cluster")) frames.set(el.dataset.id, el);
    else if (el.dataset.from !== undefined) addLink(el);
  }
  const offset = placeOf(graph);
  let known = null;
  let ways = null;

  function addLink(el) {
    const { from, to } = el.dataset;
    links.push({ from, to, el, isLine: el.classList.contains("gb-edge") });
    const key = endsKey(from, to);
    if (!byEnds.has(key)) byEnds.set(key, []);
    byEnds.get(key).push(el);
  }

  /** Shows how far links have come; `flows` is as a source's state has it. */
  function setFlows(flows, before = {}) {
    for (const [key, flow] of Object.entries(flows)) {
      if (before[key] === flow) continue;
      for (const el of byEnds.get(key) ?? []) setAttr(el, "data-flow", flow[2]);
    }
  }

  function boxes() {
    known ??= new Map([...cards].map(([id, el]) => [id, boxOf(el, ".gb-card", placeOf(el), offset)]));
    return known;
  }

  /** The box of a card, or of a frame, in the coordinates of the whole drawing. */
  function box(id) {
    if (cards.has(id)) return boxes().get(id);
    const el = frames.get(id);
    return el ? boxOf(el, ".gb-frame", placeOf(el.querySelector(":scope > .gb-frame")), offset) : null;
  }

  function neighbours() {
    ways ??= waysOf(cards, links);
    return ways;
  }

  return {
    cards, frames, links, boxes, box, setFlows,
    after: (id) => neighbours().after.get(id) ?? [],
    before: (id) => neighbours().before.get(id) ?? [],
  };
}

function boxOf(el, inside, [x, y], [dx, dy]) {
  const [w, h] = sizeOf(el.querySelector(`:scope > ${inside}`)?.getAttribute("d") ?? "");
  return { x: x + dx, y: y + dy, w, h };
}

/** How far an outline reaches from the origin, where it begins. It is read, not measured: it may not be on a page yet. */
function sizeOf(d) {
  let [x, y, right, bottom] = [0, 0, 0, 0];
  for (const [, command, rest] of d.matchAll(/([MHVLa])([^A-Za-z]*)/g)) {
    const numbers = (rest.match(/-?[\d.]+/g) ?? []).map(Number);
    if (command === "H") [x] = numbers;
    else if (command === "V") [y] = numbers;
    else if (command === "a") [x, y] = [x + numbers[5], y + numbers[6]];
    else [x, y] = numbers;
    [right, bottom] = [Math.max(right, x), Math.max(bottom, y)];
  }
  return [right, bottom];
}

function waysOf(cards, links) {
  const after = new Map([...cards.keys()].map((id) => [id, []]));
  const before = new Map([...cards.keys()].map((id) => [id, []]));
  for (const { from, to, isLine } of links) {
    if (!isLine) continue;
    after.get(from)?.push(to);
    before.get(to)?.push(from);
  }
  return { after, before };
}

/** The card that shows a path: its own, or that of the node which it is a part of. Null if there is none. */
export function cardOf(board, path) {
  let plain = path;
  while (plain) {
    if (board.cards.has(plain)) return plain;
    const bare = plain.replace(/#\d+(?=\.|$)|\[[^\]]*\](?=\.|$)/g, "");
    if (board.cards.has(bare)) return bare;
    if (board.frames.has(bare)) return null;
    plain = bare.includes(".") ? bare.slice(0, bare.lastIndexOf(".")) : "";
  }
  return null;
}
