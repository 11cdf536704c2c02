// The drawing itself: takes the kernel's SVG, keeps its cards true, and turns it into the next one.

import { readBoard } from "./board.js";
import { hs, readGroups, readSvg, setAttr } from "./dom.js";
import { MORPH_MS, morphGraph } from "./morph.js";
import { patchGroup } from "./patch.js";
import { makePieces } from "./pieces.js";
import { makeReader, makeSlices } from "./slices.js";
import { fitTexts } from "./texts.js";

const MOST_MOVING = 60; // cards; above, nothing moves
const NEW_MS = 2000; // that the halo of a new card stays
const PICTURE_SAYS = ["aria-label", "data-rankdir", "data-density"];
const PATCHED_AT_ONCE = 100; // cards; more would make a slow machine miss a frame

/**
 * @param svg the root that it is put into.
 * @param shown called after another drawing was put there: ({ size, isAnimated, focused }) where `focused` is the id of the card that had the focus.
 */
export function makePicture(source, svg, shown) {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const unpatched = new Map(); // names such as "cards:draft" of what is not shown yet, and how it looked in the picture
  const pieces = makePieces();
  const slices = makeSlices();
  const reader = makeReader();
  let board = readBoard(hs("g"));
  let key = null;
  let flows = {};
  let family = ""; // of the page's font; known once the drawing is on the page
  let isMoving = false;
  let isLate = false; // whether a drawing came while the one before still moved
  let patchFrame = 0;
  let moveTimer = 0;
  let newTimer = 0;

  function show() {
    isLate = isMoving;
    if (isMoving) return;
    for (const part of [slices, reader]) part.stop();
    unpatched.clear();
    const { picture, ...state } = source.state();
    const isLarge = picture?.cards > MOST_MOVING;
    if (isLarge && !pieces.isEmpty() && update(picture, state)) return;
    if (isLarge) reader.read(picture.svg, place);
    else place(picture && readSvg(picture.svg));
  }

  /** Puts a drawing that was read in the place of what stands there. */
  function place(fresh) {
    const { picture, ...state } = source.state();
    const graph = fresh?.querySelector(".gb-graph");
    if (!graph) {
      takeAway();
      return;
    }
    bringUpToDate(graph, state);
    const change = { isFirst: key === null, isOther: key !== picture.key, isCalm: picture.cards > MOST_MOVING || calm.matches };
    const isAnimated = change.isOther && !change.isFirst && !change.isCalm;
    const focused = svg.querySelector(".gb-node:focus")?.dataset.id ?? null;
    key = picture.key;
    const elements = [...graph.children];
    const isLarge = picture.cards > MOST_MOVING;
    board = readBoard(graph);
    const added = put(graph, change, isAnimated, picture.cards);
    setAttr(svg, "data-motion", change.isCalm ? null : "on");
    for (const name of PICTURE_SAYS) setAttr(svg, name, fresh.getAttribute(name));
    if (!isLarge) {
      board = readBoard(svg.querySelector(".gb-graph"));
      fit([...board.cards.values()]);
    }
    markNew(added);
    shown({ size: sizeOfPicture(fresh, picture), isAnimated, focused });
    if (isLarge && source.live) begin(picture, state, elements);
    else pieces.clear();
    if (isAnimated) rest();
  }

  function begin(picture, state, elements) {
    pieces.begin(picture.svg, elements);
    for (const id of Object.keys(state.cards)) if (board.cards.has(id)) pieces.forget(board.cards.get(id));
    for (const id of Object.keys(state.frames)) if (board.frames.has(id)) pieces.forget(board.frames.get(id));
  }

  /** Turns a large drawing into the next one, of which only what is new is read; false where that is not possible. */
  function update(picture, state) {
    const focused = svg.querySelector(".gb-node:focus")?.dataset.id ?? null;
    const change = pieces.update(picture.svg, svg.querySelector(".gb-graph"), PATCHED_AT_ONCE);
    if (!change) return false;
    const isOther = key !== picture.key;
    key = picture.key;
    for (const name of PICTURE_SAYS) setAttr(svg, name, change.root.getAttribute(name));
    board = readBoard(svg.querySelector(".gb-graph"));
    fit(change.read.filter(isCard));
    if (isOther) markNew(change.added);
    for (const [el, text] of change.later) unpatched.set(`${isCard(el) ? "cards" : "frames"}:${el.dataset.id}`, text);
    for (const part of ["cards", "frames"]) for (const id of Object.keys(state[part])) unpatched.set(`${part}:${id}`, null);
    board.setFlows(state.flows);
    flows = state.flows;
    if (isOther) shown({ size: sizeOfPicture(change.root, picture), isAnimated: false, focused });
    if (unpatched.size) patchSome();
    return true;
  }

  function takeAway() {
    svg.replaceChildren();
    pieces.clear();
    board = readBoard(hs("g"));
    key = null;
  }

  /** Puts a graph in the place of the one before; returns what is new in it. */
  function put(graph, { isFirst, isOther }, isAnimated, cards) {
    const before = svg.querySelector(".gb-graph");
    if (before && (!isOther || cards <= MOST_MOVING)) {
      const added = morphGraph(before, graph, isAnimated);
      return isOther ? added : [];
    }
    const added = isFirst ? [...graph.querySelectorAll(":scope > [data-new]")] : [];
    if (cards > MOST_MOVING) slices.fill(graph, [...graph.children], (placed) => fit(placed.filter(isCard)));
    svg.replaceChildren(hs("g", { class: "gb-view" }, graph));
    return added;
  }

  /** Gives a graph the looks that have come since it was drawn. */
  function bringUpToDate(graph, state) {
    const groups = readGroups([...Object.values(state.frames), ...Object.values(state.cards)]);
    const standing = new Map([...graph.children].filter((el) => el.dataset.id !== undefined).map((el) => [nameOf(el), el]));
    for (const group of groups) standing.get(nameOf(group))?.replaceWith(group);
    readBoard(graph).setFlows(state.flows);
    flows = state.flows;
  }

  function patch(changed) {
    if (isLate || reader.isReading()) return; // what has changed will be in the drawing that comes
    for (const name of changed) if (/^(cards|frames):/.test(name)) unpatched.set(name, null);
    if (changed.has("flows")) {
      board.setFlows(source.state().flows, flows);
      flows = source.state().flows;
    }
    cancelAnimationFrame(patchFrame);
    patchSome();
  }

  /** Patches what is due, some in each frame, so that no frame is late. */
  function patchSome() {
    const due = [...unpatched].slice(0, PATCHED_AT_ONCE);
    for (const [name] of due) unpatched.delete(name);
    const markups = due.map(([name, text]) => markupOf(source.state(), name) ?? text).filter(Boolean);
    const cards = [];
    for (const group of markups.length ? readGroups(markups) : []) {
      const el = (isCard(group) ? board.cards : board.frames).get(group.dataset.id);
      if (!el) continue;
      patchGroup(el, group);
      pieces.forget(el);
      if (isCard(el)) cards.push(el);
    }
    fit(cards);
    if (unpatched.size) patchFrame = requestAnimationFrame(patchSome);
  }

  function rest() {
    isMoving = true;
    svg.setAttribute("data-moving", "");
    moveTimer = setTimeout(() => {
      isMoving = false;
      svg.removeAttribute("data-moving");
      if (isLate) show();
    }, MORPH_MS + 20);
  }

  function markNew(added) {
    const cards = added.filter(isCard);
    const takeOff = () => svg.querySelectorAll("[data-new]").forEach((card) => card.removeAttribute("data-new"));
    if (cards.length === 0 && svg.querySelector("[data-new]")) return; // those before have their time
    clearTimeout(newTimer);
    takeOff();
    for (const card of cards) card.setAttribute("data-new", "");
    if (cards.length) newTimer = setTimeout(takeOff, NEW_MS);
  }

  function fit(cards) {
    if (family) fitTexts(cards, family);
  }

  return {
    show, patch,
    board: () => board,
    isEmpty: () => key === null && !reader.isReading(),
    /** Learns the page's font, once the drawing is on the page. */
    settleOnPage() {
      if (family) return;
      family = getComputedStyle(svg).fontFamily;
      fit([...board.cards.values()].filter((card) => card.isConnected)); // the others follow, piece by piece
    },
    destroy() {
      cancelAnimationFrame(patchFrame);
      for (const part of [slices, reader]) part.stop();
      clearTimeout(moveTimer);
      clearTimeout(newTimer);
    },
  };
}

const isCard = (el) => el.classList.contains("gb-node");

const nameOf = (el) => `${el.classList[0]} ${el.dataset.id}`;

function sizeOfPicture(root, { density, rankdir }) {
  return { w: Number(root.getAttribute("width")), h: Number(root.getAttribute("height")), density, rankdir };
}

/** The markup that a name such as "cards:draft" stands for. */
function markupOf(state, name) {
  const colon = name.indexOf(":");
  return state[name.slice(0, colon)][name.slice(colon + 1)];
}
