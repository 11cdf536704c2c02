// Shows the way: what is up- and downstream of a node stays, the rest fades. On hover after a moment, on focus at once.

const HOVER_MS = 180;

/** @param svg the drawing's root. @param board returns what stands in it. */
export function makePaths(svg, board) {
  let timer = 0;
  let hovered = null;
  let shown = null;
  let lit = [];

  function over(event) {
    const id = event.target.closest?.(".gb-node")?.dataset.id ?? null;
    if (id === hovered) return;
    hovered = id;
    clearTimeout(timer);
    timer = setTimeout(() => show(hovered ?? focused()), HOVER_MS);
  }

  function leave() {
    hovered = null;
    clearTimeout(timer);
    timer = setTimeout(() => show(focused()), HOVER_MS);
  }

  const focused = () => svg.querySelector(".gb-node:focus-visible")?.dataset.id ?? null;

  function show(id) {
    if (id === shown) return;
    shown = id;
    for (const el of lit) el.removeAttribute("data-on-path");
    lit = id === null ? [] : alongThe(board(), id);
    for (const el of lit) el.setAttribute("data-on-path", "");
    svg.toggleAttribute("data-focus", id !== null);
  }

  const focusIn = () => show(focused());
  const focusOut = () => show(hovered);

  svg.addEventListener("pointerover", over);
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("focusin", focusIn);
  svg.addEventListener("focusout", focusOut);
  return {
    /** Looks again, in a drawing that has changed. */
    refresh() {
      const id = shown;
      show(null);
      if (id !== null && board().cards.has(id)) show(id);
    },
    clear: () => show(null),
    destroy: () => clearTimeout(timer),
  };
}

/** All elements on a way through a card. */
function alongThe(board, id) {
  const up = reached(id, board.before);
  const down = reached(id, board.after);
  const found = [...new Set([...up, ...down])].map((one) => board.cards.get(one)).filter(Boolean);
  for (const { from, to, el } of board.links) {
    if ((up.has(from) && up.has(to)) || (down.has(from) && down.has(to))) found.push(el);
  }
  return found;
}

function reached(id, next) {
  const seen = new Set([id]);
  const open = [id];
  while (open.length) {
    for (const other of next(open.pop())) {
      if (seen.has(other)) continue;
      seen.add(other);
      open.push(other);
    }
  }
  return seen;
}
