// The drawing itself: takes the kernel's SVG, keeps its cards true, and turns it into the next one.

import { readBoard } from "./board.js";
import { hs, readGroups, readSvg, setAttr } from "./dom.js";
import { MORPH_MS, morphGraph } from "./morph.js";
import { patchGroup } from "./patch.js";
import { makePieces } from "./pieces.js";
import { makeReader } from "./reader.js";
import { makeSight } from "./sight.js";
import { fitTexts } from "./texts.js";

const MOST_MOVING = 60; // cards; above, nothing moves, and only what is in sight is on the page
const NEW_MS = 2000; // that the halo of a new card stays
const PICTURE_SAYS = ["aria-label", "data-rankdir", "data-density"];
const PATCHED_AT_ONCE = 100; // cards; more would make a slow machine miss a frame

/**
 * @param svg the root that it is put into.
 * @param seen returns the part of the drawing that is in sight, { x, y, w, h }, or null while there is no stage.
 * @param shown called after another drawing was put there: ({ size, isAnimated, focused, added }) where `focused` is the id
 * of the card that had the focus, and `added` are those of the cards that are new.
 */
export function makePicture(source, svg, seen, shown) {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const unpatched = new Map(); // names such as "cards:draft" of what is not shown yet, and how it looked in the picture
  const pieces = makePieces();
  const reader = makeReader();
  const sight = makeSight(seen, freshen);
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
    reader.stop();
    unpatched.clear();
    const { picture, ...state } = source.state();
    const isLarge = picture?.cards > MOST_MOVING;
    if (isLarge && !pieces.isEmpty() && update(picture, state)) return;
    if (isLarge) reader.read(picture.svg, place);
    else place(picture && readSvg(picture.svg));
  }

  /** Puts a drawing that was read in the place of what stands there. */
  function place(fresh, groups) {
    const { picture, ...state } = source.state();
    const graph = fresh?.querySelector(".gb-graph");
    if (!graph) {
      takeAway();
      return;
    }
    const change = { isFirst: key === null, isOther: key !== picture.key, isCalm: picture.cards > MOST_MOVING || calm.matches };
    const isAnimated = change.isOther && !change.isFirst && !change.isCalm;
    const isLarge = picture.cards > MOST_MOVING;
    const focused = svg.querySelector(".gb-node:focus")?.dataset.id ?? null;
    key = picture.key;
    sight.end();
    setAttr(svg, "data-motion", change.isCalm ? null : "on");
    for (const name of PICTURE_SAYS) setAttr(svg, name, fresh.getAttribute(name));
    const added = isLarge ? putLarge(graph, change) : put(graph, change, isAnimated);
    board.setFlows(state.flows);
    flows = state.flows;
    markNew(added);
    if (isLarge) begin(state);
    else fit([...board.cards.values()]);
    shown({ size: sizeOfPicture(fresh, picture), isAnimated, focused, added: change.isFirst ? [] : idsOf(added) });
    if (isLarge && source.live) pieces.begin(groups, board.elements);
    else pieces.clear();
    if (isAnimated) rest();
  }

  /** Shows of a large drawing what is in sight; what looks different since it was drawn is patched when it is. */
  function begin(state) {
    for (const part of ["cards", "frames"]) for (const id of Object.keys(state[part])) unpatched.set(`${part}:${id}`, null);
    sight.begin(svg.querySelector(".gb-graph"), board.elements, board.placed);
  }

  /** Turns a large drawing into the next one, of which only what is new is read; false where that is not possible. */
  function update(picture, state) {
    const focused = svg.querySelector(".gb-node:focus")?.dataset.id ?? null;
    let left = PATCHED_AT_ONCE;
    const change = pieces.update(picture.svg, (el) => sight.has(el) && left-- > 0);
    if (!change) return false;
    const isOther = key !== picture.key;
    key = picture.key;
    for (const name of PICTURE_SAYS) setAttr(svg, name, change.root.getAttribute(name));
    const graph = svg.querySelector(".gb-graph");
    setAttr(graph, "transform", change.root.querySelector(".gb-graph").getAttribute("transform"));
    board = readBoard(graph, change.elements);
    fit(change.read.filter((el) => isCard(el) && sight.has(el)));
    if (isOther) markNew(change.added);
    for (const [el, text] of change.later) unpatched.set(nameOf(el), text);
    begin(state);
    board.setFlows(state.flows);
    flows = state.flows;
    if (isOther) shown({ size: sizeOfPicture(change.root, picture), isAnimated: false, focused, added: idsOf(change.added) });
    patchSome();
    return true;
  }

  function takeAway() {
    svg.replaceChildren();
    pieces.clear();
    sight.end();
    board = readBoard(hs("g"));
    key = null;
  }

  /** Turns what stands there into a graph, or puts it there; returns what is new in it. */
  function put(graph, { isFirst, isOther }, isAnimated) {
    bringUpToDate(graph, source.state());
    const before = svg.querySelector(".gb-graph");
    const added = before ? morphGraph(before, graph, isAnimated) : newIn([...graph.children]);
    if (!before) svg.replaceChildren(hs("g", { class: "gb-view" }, graph));
    board = readBoard(before ?? graph);
    return isFirst || isOther ? added : [];
  }

  /** Puts a large graph there, without its elements; returns what is new in it. */
  function putLarge(graph, { isFirst }) {
    const elements = [...graph.children];
    graph.replaceChildren();
    svg.replaceChildren(hs("g", { class: "gb-view" }, graph));
    board = readBoard(graph, elements);
    return isFirst ? newIn(elements) : [];
  }

  /** Gives a graph the looks that have come since it was drawn. */
  function bringUpToDate(graph, state) {
    const groups = readGroups([...Object.values(state.frames), ...Object.values(state.cards)]);
    const standing = new Map([...graph.children].filter((el) => el.dataset.id !== undefined).map((el) => [nameOf(el), el]));
    for (const group of groups) standing.get(nameOf(group))?.replaceWith(group);
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

  /** Patches what is due and in sight, some in each frame, so that no frame is late. */
  function patchSome() {
    const due = [...unpatched.keys()].filter((name) => isSeen(elementOf(name)));
    patchThese(due.slice(0, PATCHED_AT_ONCE));
    if (due.length > PATCHED_AT_ONCE) patchFrame = requestAnimationFrame(patchSome);
  }

  function patchThese(names) {
    const markups = names.map((name) => markupOf(source.state(), name) ?? unpatched.get(name)).filter(Boolean);
    for (const name of names) unpatched.delete(name);
    for (const group of markups.length ? readGroups(markups) : []) {
      const el = elementOf(nameOf(group));
      if (!el) continue;
      patchGroup(el, group);
      pieces.forget(el);
      fit([el].filter(isCard));
    }
  }

  /** Makes true what comes into sight. */
  function freshen(elements) {
    patchThese(elements.map(nameOf).filter((name) => unpatched.has(name)));
    fit(elements.filter(isCard));
  }

  /** The element that a name such as "cards:draft" stands for. */
  function elementOf(name) {
    const colon = name.indexOf(":");
    return board[name.slice(0, colon)].get(name.slice(colon + 1));
  }

  /** Whether something is on the page; what is no longer in the drawing has not to wait for it. */
  const isSeen = (el) => el === undefined || sight.has(el);

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
    const before = newIn([...board.cards.values()]);
    const takeOff = () => newIn([...board.cards.values()]).forEach((card) => card.removeAttribute("data-new"));
    if (cards.length === 0 && before.length) return; // those before have their time
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
    look: sight.look, hold: sight.hold,
    board: () => board,
    isEmpty: () => key === null && !reader.isReading(),
    /** Learns the page's font, once the drawing is on the page. */
    settleOnPage() {
      if (family) return;
      family = getComputedStyle(svg).fontFamily;
      fit([...board.cards.values()].filter(sight.has));
    },
    destroy() {
      cancelAnimationFrame(patchFrame);
      for (const part of [sight, reader]) part.stop();
      clearTimeout(moveTimer);
      clearTimeout(newTimer);
    },
  };
}

const newIn = (elements) => elements.filter((el) => el.hasAttribute("data-new"));

const idsOf = (elements) => elements.filter(isCard).map((el) => el.dataset.id);

const isCard = (el) => el.classList.contains("gb-node");

const nameOf = (el) => `${isCard(el) ? "cards" : "frames"}:${el.dataset.id}`;

function sizeOfPicture(root, { density, rankdir }) {
  return { w: Number(root.getAttribute("width")), h: Number(root.getAttribute("height")), density, rankdir };
}

/** The markup that a name such as "cards:draft" stands for. */
function markupOf(state, name) {
  const colon = name.indexOf(":");
  return state[name.slice(0, colon)][name.slice(colon + 1)];
}
