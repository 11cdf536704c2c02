// Buttons at the corners of sub-workflows: plus on a folded card, minus on an unfolded frame.

import { hs } from "./dom.js";

/** @param board returns what stands in the drawing. @param toggle called with a path and whether it shall be open. */
export function makeFolds(board, toggle) {
  const layer = hs("g", { class: "gb-folds", "aria-hidden": "true" }); // the key `o` does the same
  let states = new Map();

  /** Draws them anew, over the drawing. */
  function draw(view, folds) {
    states = new Map(folds.map(({ path, open }) => [path, open]));
    const buttons = folds.map((fold) => button(fold)).filter(Boolean);
    layer.replaceChildren(...buttons);
    view?.append(layer);
  }

  function button({ path, open }) {
    const box = board().box(path);
    if (!box || board().frames.has(path) !== open) return null;
    const [x, y] = [box.x + box.w - 1, open ? box.y + 1 : box.y + box.h - 1];
    return hs(
      "g", { class: "gb-fold", "data-path": path, transform: `translate(${x} ${y})` },
      hs("title", {}, open ? "fold (o)" : "unfold (o)"),
      hs("circle", { r: 13, class: "gb-fold-room" }),
      hs("circle", { r: 8, class: "gb-fold-disc" }),
      hs("path", { d: open ? "M-3.5 0h7" : "M-3.5 0h7M0 -3.5v7" }),
    );
  }

  /** The sub-workflow that a card is, or the innermost one that it is drawn in; null if neither. */
  function around(id) {
    if (states.get(id) === false) return id;
    const inside = [...states].filter(([path, open]) => open && (id === path || id.startsWith(`${path}.`)));
    return inside.map(([path]) => path).sort((a, b) => b.length - a.length)[0] ?? null;
  }

  return {
    draw, around,
    isFold: (id) => states.has(id),
    toggle(id) {
      const path = around(id);
      if (path === null) return false;
      toggle(path, !states.get(path));
      return true;
    },
  };
}
