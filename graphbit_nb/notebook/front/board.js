// What stands in the drawing that is shown: cards, links and frames by their ids, their boxes, and the ways between them.

import { setAttr } from "./dom.js";
import { boxOf, placeOf } from "./geometry.js";
import { endsKey } from "./store.js";

/** Reads a `g.gb-graph`, of whose elements not all have to be in it. Boxes are found when they are first asked for. */
export function readBoard(graph, elements = [...graph.children]) {
  const cards = new Map();
  const frames = new Map();
  const links = [];
  const byEnds = new Map();
  for (const el of elements) {
    if (el.classList.contains("gb-node")) cards.set(el.dataset.id, el);
    else if (el.classList.contains("gb-cluster")) frames.set(el.dataset.id, el);
    else if (el.dataset.from !== undefined) addLink(el);
  }
  const [dx, dy] = placeOf(graph);
  const places = new Map();
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

  /** The box of anything in the graph, in the coordinates of the whole drawing. */
  function placed(el) {
    if (!places.has(el)) {
      const { x, y, w, h } = boxOf(el);
      places.set(el, { x: x + dx, y: y + dy, w, h });
    }
    return places.get(el);
  }

  function boxes() {
    known ??= new Map([...cards].map(([id, el]) => [id, placed(el)]));
    return known;
  }

  /** The box of a card, or of a frame, in the coordinates of the whole drawing. */
  function box(id) {
    if (cards.has(id)) return boxes().get(id);
    const el = frames.get(id);
    return el ? placed(el) : null;
  }

  function neighbours() {
    ways ??= waysOf(cards, links);
    return ways;
  }

  return {
    elements, cards, frames, links, placed, boxes, box, setFlows,
    after: (id) => neighbours().after.get(id) ?? [],
    before: (id) => neighbours().before.get(id) ?? [],
  };
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
