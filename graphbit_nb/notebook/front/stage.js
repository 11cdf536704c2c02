// The stage: puts the drawing together with what moves it, lights it, finds in it; and passes on what a person does there.

import { cardOf } from "./board.js";
import { makeCamera } from "./camera.js";
import { h, hs, setAttr } from "./dom.js";
import { makeFolds } from "./folds.js";
import { inReadingOrder, makeKeys } from "./keys.js";
import { makePaths } from "./paths.js";
import { makePicture } from "./picture.js";
import { makeSearch } from "./search.js";
import { freeCorner, makeTools, TOOLS_HIGH } from "./tools.js";

const WIDTH_STEP = 80; // px by which the stage changes before the kernel is told
const WIDTH_MS = 150;
const SIDES = 16; // px of the stage beside the drawing
const DOUBLE_MS = 240; // a click on a sub-workflow waits so long for a second one
const MOST_SHOWN = 3; // cards that come together; of more, none is the one to look at
const STAGE_NOTE_MS = 6000;
const KEYS_SAID = "arrow keys follow the links, Enter opens, o unfolds, slash searches, f fits";

/** Returns { el, update(changed), destroy(), focus(path) }. */
export function makeStage(source, view) {
  const svg = hs("svg", { class: "gb-svg gb-live-svg", role: "group", tabindex: "-1", "aria-description": KEYS_SAID });
  const empty = h("div", { class: "gb-empty", hidden: true });
  const refusal = h("div", { class: "gb-stage-note", role: "note", hidden: true });
  let port = { w: 0, h: 0 }; // the stage's own size, as it was seen last: reading it again would cost a layout
  let strip = 0; // px below the drawing for the toolbar
  let toldWidth = 0;
  let widthTimer = 0;
  let clickTimer = 0;
  let refusalTimer = 0;

  const camera = makeCamera(svg, moveOn);
  const picture = makePicture(source, svg, camera.seen, settle);
  const rankdir = () => source.state().picture?.rankdir ?? "TB";
  const folds = makeFolds(picture.board, (path, isOpen) => source.call({ call: "fold", path, open: isOpen }));
  const paths = makePaths(svg, picture.board);
  const search = makeSearch(() => source.state().nodes, picture.board, { show: reveal, leave: giveFocus, say: view.say });
  const direct = source.live ? (to) => source.call({ call: "direction", to }) : null;
  const acts = { zoomIn: camera.zoomIn, zoomOut: camera.zoomOut, actual: camera.actual, fit: () => camera.fit(), search: search.show };
  const tools = makeTools({ ...acts, direct });
  const keys = makeKeys(svg, picture.board, rankdir, {
    ...acts, open, escape, fold: (id) => void folds.toggle(id), hold: picture.hold, reached: (id) => camera.show(picture.board().box(id)),
  });
  const el = h("div", { class: "gb-dag gb-scene", "data-lm-suppress-shortcuts": "true" }, svg, empty, refusal, search.el, tools.el);

  // ---- what is shown

  function update(changed) {
    const state = source.state();
    if (changed.has("picture") || changed.has("problem")) show();
    else picture.patch(changed);
    if (changed.has("folds")) drawFolds();
    if (changed.has("direction")) tools.setDirection(state.direction);
    if (changed.has("nodes")) search.refresh();
    if (changed.has("refused")) tellRefusal(state.refused);
  }

  function show() {
    picture.show();
    setEmpty(source.state());
  }

  /** After another drawing was put in the place of the one before. */
  function settle({ size, isAnimated, focused, added }) {
    camera.setSize({ ...size, start: beginning() }, isAnimated);
    setHeight();
    markSelected(view.selected());
    keys.refresh();
    paths.refresh();
    drawFolds();
    search.refresh();
    if (focused !== null) keys.focus(heirOf(focused));
    setCorner();
    keepInSight(added.length <= MOST_SHOWN ? added[0] : null);
  }

  function moveOn() {
    tools.setScale(camera.scale());
    picture.look();
  }

  /** The box of the first card: what does not fit is seen from there. */
  function beginning() {
    const board = picture.board();
    return board.box(inReadingOrder(board, rankdir())[0]);
  }

  /** The card that stands for one which may be gone: folded into another, or unfolded into several. */
  function heirOf(id) {
    const board = picture.board();
    return cardOf(board, id) ?? [...board.cards.keys()].find((other) => other.startsWith(`${id}.`)) ?? null;
  }

  function drawFolds() {
    folds.draw(svg.querySelector(".gb-view"), source.live ? source.state().folds : []);
    for (const [id, card] of picture.board().cards) setAttr(card, "aria-keyshortcuts", folds.around(id) === null ? null : "o");
  }

  function setEmpty({ problem }) {
    const isEmpty = picture.isEmpty();
    for (const part of [svg, tools.el]) part.toggleAttribute("hidden", isEmpty);
    empty.hidden = !isEmpty;
    el.toggleAttribute("data-empty", isEmpty);
    if (!isEmpty) return;
    const [title, text] = problem ? ["No picture", problem] : ["No nodes yet", "Define one with %%graphbit; it will appear here."];
    empty.replaceChildren(h("strong", null, title), h("span", null, text));
  }

  function tellRefusal(refused) {
    if (!["fold", "direction", "width"].includes(refused?.of?.call)) return;
    refusal.textContent = refused.text;
    refusal.hidden = false;
    clearTimeout(refusalTimer);
    refusalTimer = setTimeout(() => (refusal.hidden = true), STAGE_NOTE_MS);
  }

  // ---- what a person does

  function click(event) {
    const fold = event.target.closest(".gb-fold");
    const id = event.target.closest(".gb-node")?.dataset.id;
    clearTimeout(clickTimer);
    if (fold) folds.toggle(fold.dataset.path);
    // The inspector would move the card from under a second click.
    else if (id !== undefined && source.live && folds.isFold(id)) clickTimer = setTimeout(open, DOUBLE_MS, id);
    else if (id !== undefined) open(id);
  }

  /** Gives the card under the pointer its tooltip: a thousand of them would cost as much as the cards. */
  function entitle(event) {
    const card = event.target.closest(".gb-node");
    if (card && !card.querySelector(":scope > title")) card.prepend(hs("title", null, card.getAttribute("aria-label")));
  }

  function doubleClick(event) {
    const id = event.target.closest(".gb-node, .gb-cluster")?.dataset.id;
    if (id === undefined || !source.live || !folds.isFold(id)) return;
    clearTimeout(clickTimer);
    folds.toggle(id);
  }

  /** Opens the inspector on a card; an input of the workflow has nothing to inspect. */
  function open(id) {
    if (picture.board().cards.get(id)?.dataset.kind !== "input") view.select(id);
  }

  function escape() {
    if (search.isOpen()) search.hide();
    else if (view.selected() !== null) view.select(null);
    else return false;
    return true;
  }

  function markSelected(path) {
    const board = picture.board();
    const shown = path === null ? null : cardOf(board, path);
    for (const [id, card] of board.cards) {
      setAttr(card, "data-selected", id === shown ? "" : null);
      if (card.dataset.kind !== "input") setAttr(card, "aria-pressed", id === shown ? "true" : "false");
    }
    return shown;
  }

  function select(path) {
    const shown = markSelected(path);
    if (shown !== null) camera.show(picture.board().box(shown));
  }

  function reveal(id) {
    const box = picture.board().box(id);
    if (box) camera.show(box, { centre: true });
  }

  function giveFocus(id) {
    keys.go(id !== null && picture.board().cards.has(id) ? id : keys.current());
  }

  /** Shows again what a person looks at, in a drawing or a stage that has changed; or else a card that was just added. */
  function keepInSight(added = null) {
    if (camera.isByHand() || port.w === 0) return;
    const focused = svg.querySelector(".gb-node:focus")?.dataset.id;
    const selected = view.selected() === null ? null : cardOf(picture.board(), view.selected());
    const id = focused ?? selected ?? added ?? null;
    if (id !== null) camera.show(picture.board().box(id));
  }

  // ---- how large it is

  function resized([{ contentRect }]) {
    const { width: w, height: high } = contentRect;
    if (w === 0) return;
    port = { w, h: high };
    picture.settleOnPage();
    if (!picture.isEmpty()) {
      setHeight();
      camera.setPort(w, high);
      setCorner();
      keepInSight();
    }
    clearTimeout(widthTimer);
    const whole = el.parentElement?.clientWidth ?? w; // the inspector takes room beside it, and is gone again
    if (Math.abs(whole - toldWidth) > WIDTH_STEP) widthTimer = setTimeout(tellWidth, toldWidth ? WIDTH_MS : 0, whole);
  }

  function tellWidth(w) {
    toldWidth = w;
    source.width(Math.round(w - SIDES));
  }

  function setHeight() {
    if (port.w > 0) el.style.setProperty("--gb-stage-high", `${camera.wantedHeight(port.w)}px`);
  }

  /** Puts the toolbar where it covers no card; where there is no such corner, the stage grows by a strip for it. */
  function setCorner() {
    if (camera.isByHand() || port.w === 0) return;
    const bare = { w: port.w, h: port.h - strip };
    const cards = [...picture.board().boxes().values()].map(camera.onStage);
    const corner = freeCorner(cards, bare);
    const isWhole = cards.every((card) => card.y + card.h <= bare.h);
    strip = corner || !isWhole ? 0 : TOOLS_HIGH;
    el.style.setProperty("--gb-strip", `${strip}px`);
    setAttr(el, "data-corner", corner ?? "bottom right");
  }

  svg.addEventListener("click", click);
  svg.addEventListener("dblclick", doubleClick);
  svg.addEventListener("pointerover", entitle);
  const sight = new ResizeObserver(resized);
  sight.observe(el);
  const off = view.on(select);
  tools.setDirection(source.state().direction);
  show();

  return {
    el, update,
    focus: (path) => giveFocus(path === null ? null : cardOf(picture.board(), path)),
    destroy() {
      off();
      sight.disconnect();
      for (const part of [picture, camera, paths]) part.destroy();
      for (const timer of [widthTimer, clickTimer, refusalTimer]) clearTimeout(timer);
    },
  };
}
