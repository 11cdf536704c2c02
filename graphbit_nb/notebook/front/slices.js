// Puts a large drawing onto the page piece by piece, cards first: all of it at once would keep the page from answering
// for seconds.

const AT_ONCE = 80; // groups in a frame

/** Returns { fill(graph, elements), stop() }. */
export function makeSlices() {
  let frame = 0;

  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
  }

  /** Puts these elements into a graph in their order, some in each frame. */
  function fill(graph, elements) {
    stop();
    graph.replaceChildren();
    const cards = elements.filter((el) => el.classList.contains("gb-node"));
    const first = elements.indexOf(cards[0]);
    const others = elements.filter((el) => !el.classList.contains("gb-node"));
    const below = new Set(elements.slice(0, Math.max(0, first)));
    const due = [...cards, ...others];
    const some = () => {
      for (const el of due.splice(0, AT_ONCE)) graph.insertBefore(el, below.has(el) ? cards[0] : null);
      if (due.length) frame = requestAnimationFrame(some);
    };
    some();
  }

  return { fill, stop };
}
