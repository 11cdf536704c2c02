// The keyboard in the drawing: its cards are one tab stop, and arrow keys go along the links.

const ALONG = { LR: { ArrowRight: "after", ArrowLeft: "before" }, TB: { ArrowDown: "after", ArrowUp: "before" } };
const TOWARDS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

/**
 * @param svg the drawing's root.
 * @param board returns what stands in it.
 * @param rankdir returns the way it goes.
 * @param acts what keys do: { open(id), escape() -> whether it did something, search(), fit(), fold(id), zoomIn(), zoomOut(), actual(), hold(el) keeps a card on the page, reached(id) }.
 */
export function makeKeys(svg, board, rankdir, acts) {
  let current = null;

  /** Makes a card the one that Tab reaches. */
  function setCurrent(id) {
    const cards = board().cards;
    if (current !== null) cards.get(current)?.setAttribute("tabindex", "-1");
    current = id;
    if (!cards.has(id)) return;
    acts.hold(cards.get(id));
    cards.get(id).setAttribute("tabindex", "0");
  }

  function focus(id) {
    setCurrent(id ?? current);
    board().cards.get(current)?.focus({ preventScroll: true });
  }

  function go(id) {
    if (id === null || id === undefined) return;
    focus(id);
    acts.reached(id);
  }

  /** Finds the tab stop again in a drawing that has changed. */
  function refresh() {
    const { cards } = board();
    const kept = cards.has(current) ? current : inReadingOrder(board(), rankdir())[0] ?? null;
    current = null;
    for (const el of cards.values()) if (el.getAttribute("tabindex") === "0") el.setAttribute("tabindex", "-1");
    setCurrent(kept);
  }

  function keydown(event) {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const id = event.target.closest?.(".gb-node")?.dataset.id ?? null;
    const act = actOf(event.key, id);
    if (!act || act() === false) return;
    event.preventDefault();
    event.stopPropagation();
  }

  function actOf(key, id) {
    if (key in TOWARDS) return () => go(id === null ? current : nextFrom(id, key));
    const anywhere = {
      Escape: acts.escape, "/": acts.search, f: acts.fit, "+": acts.zoomIn, "=": acts.zoomIn, "-": acts.zoomOut, 0: acts.actual,
      Home: () => go(inReadingOrder(board(), rankdir())[0]), End: () => go(inReadingOrder(board(), rankdir()).at(-1)),
    };
    const atCard = { Enter: acts.open, " ": acts.open, o: acts.fold };
    if (key in atCard) return id === null ? null : () => atCard[key](id);
    return Object.hasOwn(anywhere, key) ? anywhere[key] : null;
  }

  /** The card that an arrow key leads to: along a link if there is one this way, else the nearest on that side. */
  function nextFrom(id, key) {
    const along = ALONG[rankdir()][key];
    const linked = along ? board()[along](id) : [];
    return nearest(board().boxes(), id, linked) ?? nearestTowards(board().boxes(), id, TOWARDS[key]);
  }

  const focusIn = (event) => {
    const id = event.target.closest?.(".gb-node")?.dataset.id;
    if (id !== undefined) setCurrent(id);
  };

  svg.addEventListener("keydown", keydown);
  svg.addEventListener("focusin", focusIn);
  return { refresh, focus, go, current: () => current };
}

/** The ids of all cards, from the beginning of the drawing to its end. */
export function inReadingOrder(board, rankdir) {
  const boxes = board.boxes();
  const [along, across] = rankdir === "LR" ? [0, 1] : [1, 0];
  const places = [...boxes].map(([id, box]) => [id, middleOf(box)]);
  places.sort(([, a], [, b]) => a[along] - b[along] || a[across] - b[across]);
  return places.map(([id]) => id);
}

const middleOf = (box) => [box.x + box.w / 2, box.y + box.h / 2];

function nearest(boxes, id, others) {
  const [x, y] = middleOf(boxes.get(id));
  const away = (other) => Math.hypot(middleOf(boxes.get(other))[0] - x, middleOf(boxes.get(other))[1] - y);
  const known = others.filter((other) => boxes.has(other));
  return known.length ? known.reduce((a, b) => (away(b) < away(a) ? b : a)) : null;
}

/** The nearest card on one side; what lies aside counts twice, so that a row or column is kept. */
function nearestTowards(boxes, id, [right, down]) {
  const [x, y] = middleOf(boxes.get(id));
  let best = null;
  let least = Infinity;
  for (const [other, box] of boxes) {
    const [dx, dy] = [middleOf(box)[0] - x, middleOf(box)[1] - y];
    const ahead = dx * right + dy * down;
    const aside = Math.abs(dx * down) + Math.abs(dy * right);
    if (other === id || ahead < 4 || ahead < aside / 3) continue;
    if (ahead + 2 * aside < least) [best, least] = [other, ahead + 2 * aside];
  }
  return best;
}
