// Reads a large drawing, and puts it onto the page, piece by piece: all of it at once would keep the page from answering
// for a second.

import { readGroups, readSvg } from "./dom.js";
import { cutUp } from "./pieces.js";

const READ_AT_ONCE = 200; // groups in a frame
const AT_ONCE = 80;

/** Returns { read(svg, done), stop(), isReading() }; `done` is given the drawing's root, or null where it is none. */
export function makeReader() {
  let frame = 0;

  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
  }

  function read(svg, done) {
    stop();
    const { around, groups } = cutUp(svg);
    const root = readSvg(around);
    const graph = root?.querySelector(".gb-graph");
    let at = 0;
    const some = () => {
      frame = 0;
      graph.append(...readGroups(groups.slice(at, at + READ_AT_ONCE)));
      at += READ_AT_ONCE;
      if (at < groups.length) frame = requestAnimationFrame(some);
      else done(graph.childElementCount === groups.length ? root : null);
    };
    if (graph) some();
    else done(null);
  }

  return { read, stop, isReading: () => frame !== 0 };
}

/** Returns { fill(graph, elements, placed), stop() }: puts elements into a graph, cards first. */
export function makeSlices() {
  let frame = 0;

  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
  }

  /** Puts these elements into a graph in their order, some in each frame; `placed` is told those of a frame. */
  function fill(graph, elements, placed) {
    stop();
    graph.replaceChildren();
    const cards = elements.filter((el) => el.classList.contains("gb-node"));
    const first = elements.indexOf(cards[0]);
    const others = elements.filter((el) => !el.classList.contains("gb-node"));
    const below = new Set(elements.slice(0, Math.max(0, first)));
    const due = [...cards, ...others];
    const some = () => {
      const now = due.splice(0, AT_ONCE);
      for (const el of now) graph.insertBefore(el, below.has(el) ? cards[0] : null);
      placed(now);
      if (due.length) frame = requestAnimationFrame(some);
    };
    some();
  }

  return { fill, stop };
}
