// Where things stand in a drawing, read from its markup: nothing is measured, so it need not be on a page yet.

const PLACE = /translate\(\s*(-?[\d.]+)(?:[\s,]+(-?[\d.]+))?/;
export const PAIR = /(-?\d*\.?\d+(?:e-?\d+)?)[ ,](-?\d*\.?\d+(?:e-?\d+)?)/g;

/** Returns where a `translate` puts an element: [x, y]. */
export function placeOf(el) {
  const found = PLACE.exec(el?.getAttribute("transform") ?? "");
  return found ? [Number(found[1]), Number(found[2] ?? 0)] : [0, 0];
}

/** The points of a list, or of a path of absolute commands. */
export const pairsOf = (text) => [...text.matchAll(PAIR)].map((pair) => [Number(pair[1]), Number(pair[2])]);

/** The box of a card, a frame, a link or its tag, in the coordinates of the graph that it is in: { x, y, w, h }. */
export function boxOf(el) {
  if (el.classList.contains("gb-node")) return outlined(el, el.querySelector(":scope > .gb-card"));
  if (el.classList.contains("gb-cluster")) return outlined(el.querySelector(":scope > .gb-frame"));
  const plate = el.querySelector(":scope > .gb-ebg");
  if (plate) {
    const [x, y, w, h] = ["x", "y", "width", "height"].map((name) => Number(plate.getAttribute(name)));
    return { x, y, w, h };
  }
  return hull(pairsOf(el.querySelector(":scope > .gb-line")?.getAttribute("d") ?? ""));
}

export const meets = (a, b) => a.x <= b.x + b.w && b.x <= a.x + a.w && a.y <= b.y + b.h && b.y <= a.y + a.h;

function outlined(placed, outline = placed) {
  const [x, y] = placeOf(placed);
  const [w, h] = sizeOf(outline?.getAttribute("d") ?? "");
  return { x, y, w, h };
}

/** How far an outline reaches from the origin, where it begins. */
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

/** The control points of a curve are around it. */
function hull(points) {
  if (points.length === 0) return { x: 0, y: 0, w: 0, h: 0 };
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y };
}
