// What is on the page of a large drawing: what is in sight, and some of what is around it. A browser would take a second to
// style, lay out and paint a thousand cards and their links, and Chromium takes as long where they are `display: none`.

import { meets } from "./geometry.js";
import { inOrder } from "./patch.js";

const AROUND = 0.25; // of the stage, on each side
const AT_ONCE = 80; // groups that come into sight in one frame
const REST_MS = 500; // after the drawing was moved; then what is out of sight is taken off

/**
 * @param seen returns the part of the drawing that the stage shows, { x, y, w, h }, or null while there is no stage.
 * @param came is told what will be on the page, right before it is: [element].
 */
export function makeSight(seen, came) {
  let graph = null; // null: everything is on the page
  let boxes = new Map(); // element: its box, in the order in which they are drawn
  let there = new Set(); // the elements that are on the page
  let held = null; // one of them that stays
  let frame = 0;
  let isOld = false; // whether the drawing was moved again in this frame
  let restTimer = 0;

  function stop() {
    cancelAnimationFrame(frame);
    clearTimeout(restTimer);
    frame = 0;
  }

  /** Takes a graph, its elements, and what tells their boxes; those that are on the page stay there. */
  function begin(next, elements, placed) {
    graph = next;
    boxes = new Map(elements.map((el) => [el, placed(el)]));
    there = new Set(elements.filter((el) => there.has(el)));
    if (!boxes.has(held)) held = null;
    for (const el of [...graph.children]) if (!there.has(el)) el.remove();
    write();
    look();
  }

  /** Lets all elements be on the page. */
  function end() {
    stop();
    if (graph) inOrder(graph, [...boxes.keys()]);
    graph = held = null;
    boxes = new Map();
    there = new Set();
  }

  /** Keeps one element on the page, wherever it is: the one that Tab reaches. */
  function hold(el) {
    held = el;
    if (graph && boxes.has(el) && !there.has(el)) bring([el]);
  }

  /** Looks what is in sight now. */
  function look() {
    if (!graph) return;
    clearTimeout(restTimer);
    restTimer = setTimeout(takeOff, REST_MS);
    isOld = frame !== 0;
    if (!isOld) bringSome();
  }

  function bringSome() {
    frame = 0;
    const due = comingInto(area());
    if (due.length === 0) return;
    bring(due.slice(0, AT_ONCE));
    isOld = due.length > AT_ONCE;
    frame = requestAnimationFrame(() => (isOld ? bringSome() : (frame = 0)));
  }

  function bring(elements) {
    came(elements);
    for (const el of elements) there.add(el);
    write();
  }

  function write() {
    inOrder(graph, [...boxes.keys()].filter((el) => there.has(el)));
  }

  function area() {
    const part = seen();
    if (!part) return null;
    const [dx, dy] = [part.w * AROUND, part.h * AROUND];
    return { x: part.x - dx, y: part.y - dy, w: part.w + 2 * dx, h: part.h + 2 * dy };
  }

  /** What is in an area and not on the page yet: cards before links, from the middle outwards. */
  function comingInto(part) {
    if (!part) return [];
    const due = [];
    for (const [el, box] of boxes) if (!there.has(el) && meets(box, part)) due.push(el);
    if (due.length <= AT_ONCE) return due;
    const away = new Map(due.map((el) => [el, farFrom(boxes.get(el), part) + (el.classList.contains("gb-node") ? 0 : 1e9)]));
    return due.sort((a, b) => away.get(a) - away.get(b));
  }

  function takeOff() {
    const part = area();
    if (!part) return;
    for (const el of there) {
      if (el === held || meets(boxes.get(el), part)) continue;
      there.delete(el);
      el.remove();
    }
  }

  return { begin, end, hold, look, stop, has: (el) => !graph || there.has(el) };
}

function farFrom(box, part) {
  return Math.hypot(box.x + box.w / 2 - part.x - part.w / 2, box.y + box.h / 2 - part.y - part.h / 2);
}
