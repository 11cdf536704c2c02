// Reads a large drawing piece by piece: all of it at once would keep the page from answering.

import { readGroups, readSvg } from "./dom.js";
import { cutUp } from "./pieces.js";

const READ_AT_ONCE = 200; // groups in a frame

/**
 * Returns { read(svg, done), stop(), isReading() }; `done` is given the drawing's root, or null where it is none, and the
 * texts of its groups.
 */
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
      if (at >= groups.length) {
        done(graph.childElementCount === groups.length ? root : null, groups);
        return;
      }
      graph.append(...readGroups(groups.slice(at, at + READ_AT_ONCE)));
      at += READ_AT_ONCE;
      frame = requestAnimationFrame(some);
    };
    if (graph) some();
    else done(null, groups);
  }

  return { read, stop, isReading: () => frame !== 0 };
}
