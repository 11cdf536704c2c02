// Turns one drawing into the next: cards that stay glide to their new place, new ones fade in, others fade away.

import { hs } from "./dom.js";
import { PAIR, pairsOf, placeOf } from "./geometry.js";
import { inOrder, patchGroup } from "./patch.js";

export const MORPH_MS = 260;
const EASE = "cubic-bezier(.2, 0, 0, 1)";

/** What makes an element of one drawing the same thing as one of another. */
function keyOf(el) {
  const { id, from, to } = el.dataset;
  return JSON.stringify([el.classList[0], id ?? from ?? "", to ?? ""]);
}

/**
 * Makes `graph` what `fresh` is, keeping each element that stands for the same thing.
 * Returns the elements that are new. Nothing is measured.
 */
export function morphGraph(graph, fresh, isAnimated) {
  const shift = difference(placeOf(graph), placeOf(fresh));
  const old = new Map([...graph.children].map((el) => [keyOf(el), el]));
  const added = [];
  const moves = [];
  const wanted = [...fresh.children].map((el) => {
    const kept = old.get(keyOf(el));
    if (!kept) {
      added.push(el);
      return el;
    }
    old.delete(keyOf(el));
    const before = snapshotOf(kept);
    patchGroup(kept, el);
    moves.push([kept, before]);
    return kept;
  });
  graph.setAttribute("transform", fresh.getAttribute("transform"));
  for (const el of old.values()) el.remove();
  inOrder(graph, wanted);
  if (isAnimated) {
    for (const [el, before] of moves) glide(el, before, shift);
    for (const el of added) play(el, [{ opacity: 0 }, { opacity: 1 }]);
    fadeAway(graph, [...old.values()], shift);
  }
  return added;
}

function fadeAway(graph, gone, [x, y]) {
  if (gone.length === 0) return;
  for (const el of gone) {
    for (const name of ["data-id", "data-from", "data-to", "tabindex", "class"]) el.removeAttribute(name);
  }
  const ghosts = hs("g", { class: "gb-ghosts", "aria-hidden": "true", transform: `translate(${x} ${y})` }, gone);
  graph.prepend(ghosts);
  const fading = play(ghosts, [{ opacity: 0.6 }, { opacity: 0 }]);
  const remove = () => ghosts.remove();
  if (fading) fading.finished.then(remove, remove);
  else remove();
}

function snapshotOf(el) {
  const line = el.querySelector(":scope > .gb-line");
  return { place: placeOf(el), d: line?.getAttribute("d"), corner: cornerOf(el) };
}

/** Where something whose place is in its own coordinates stands: a tag, a frame, the head of an arrow. */
function cornerOf(el) {
  const box = el.querySelector(":scope > .gb-ebg");
  if (box) return [Number(box.getAttribute("x")), Number(box.getAttribute("y"))];
  const head = el.querySelector(":scope > polygon");
  if (head) return pairsOf(head.getAttribute("points"))[0] ?? [0, 0];
  return placeOf(el.querySelector(":scope > .gb-frame"));
}

function glide(el, before, shift) {
  if (el.classList.contains("gb-edge")) return glideEdge(el, before, shift);
  if (el.classList.contains("gb-node")) {
    const from = sum(before.place, shift);
    const to = placeOf(el);
    if (isFar(from, to)) play(el, [{ transform: moved(from) }, { transform: moved(to) }]);
    return;
  }
  const by = difference(sum(before.corner, shift), cornerOf(el));
  if (isFar(by, [0, 0])) play(el, [{ transform: moved(by) }, { transform: moved([0, 0]) }]);
}

function glideEdge(el, before, shift) {
  const line = el.querySelector(":scope > .gb-line");
  const d = line?.getAttribute("d") ?? "";
  const start = shifted(before.d ?? "", shift);
  if (start === d) return;
  if (pairsOf(start).length !== pairsOf(d).length || !CSS.supports("d", 'path("M0 0")')) {
    play(el, [{ opacity: 0 }, { opacity: 1 }]);
    return;
  }
  play(line, [{ d: `path("${start}")` }, { d: `path("${d}")` }]);
  const head = el.querySelector(":scope > polygon");
  const by = difference(sum(before.corner, shift), cornerOf(el));
  if (head) play(head, [{ transform: moved(by) }, { transform: moved([0, 0]) }]);
}

function play(el, frames) {
  return el.animate?.(frames, { duration: MORPH_MS, easing: EASE });
}

const moved = ([x, y]) => `translate(${x}px, ${y}px)`;
const sum = (a, b) => [a[0] + b[0], a[1] + b[1]];
const difference = (a, b) => [a[0] - b[0], a[1] - b[1]];
const isFar = (a, b) => Math.abs(a[0] - b[0]) > 0.3 || Math.abs(a[1] - b[1]) > 0.3;

/** Moves a path of absolute commands. */
function shifted(d, [x, y]) {
  return d.replace(PAIR, (_, a, b) => `${round2(Number(a) + x)},${round2(Number(b) + y)}`);
}

const round2 = (value) => Math.round(value * 100) / 100;
