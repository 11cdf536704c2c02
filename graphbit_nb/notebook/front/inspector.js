// Everything about the node that is selected, in tabs. It asks the source when a node is chosen and when that node changes.

import { upwards } from "./ancestry.js";
import { makeAsker } from "./asker.js";
import { makeBlocks } from "./blocks.js";
import { kernelTime, makeTicker } from "./clock.js";
import { h, setAttr, setText } from "./dom.js";
import { shown } from "./figures.js";
import { makeNodeHead } from "./nodehead.js";
import { isLiving, PANES } from "./panes.js";
import { makeTabs } from "./tabs.js";

const PATIENT_MS = 200; // for which what was shown before stands, while the answer is on its way
const FALLBACK = ["answer", "parts", "prompt", "cell", "context", "attempts", "timing"];
const LEAST_SEEN = 120; // px
const NEAR_END = 24; // px from the end within which a view follows a text that grows

/** Returns { el, update(changed), destroy() }. */
export function makeInspector(source, view) {
  const top = makeNodeHead(view, source);
  const tabs = makeTabs(choose);
  const pane = h("div", { class: "gb-body-pane", role: "tabpanel", tabindex: "0" });
  const blocks = makeBlocks(pane);
  const words = h("p", { class: "gb-insp-words", hidden: true });
  const el = h("section", { class: "gb-insp", "data-lm-suppress-shortcuts": "true", onkeydown: keydown }, top.el, tabs.el, words, pane);
  const ticker = makeTicker(tick);
  const modes = new Map(); // kind of answer -> how it is shown
  let path = null;
  let record = null;
  let chosen = null; // the tab a person chose; stays from node to node
  let current = null; // the tab that is shown
  let rowBefore = null;
  let runBefore = null;
  const asker = makeAsker(source, heard);
  let patience = 0;
  let wasClosed = true;
  let takesFocus = false; // whether the line above the tabs takes the focus when the next record comes

  const ui = {
    view,
    now: () => kernelTime(source),
    mayAnswer: () => source.state().actions.includes("answer"),
    open,
    mode: (name, choices) => (choices.includes(modes.get(name)) ? modes.get(name) : choices[0]),
    setMode(name, choice) {
      modes.set(name, choice);
      draw();
      pane.querySelector(`[data-mode="${choice}"]`)?.focus({ preventScroll: true });
    },
  };

  // ---- what is shown

  function select(next) {
    path = next;
    clearTimeout(patience);
    const isFirst = record === null;
    if (isFirst) wasClosed = true;
    record = null;
    if (path === null) {
      takesFocus = false;
      asker.stop();
      ticker.set(false);
      empty();
      return;
    }
    rowBefore = rowOf(path);
    runBefore = runKey();
    if (isFirst) empty();
    patience = setTimeout(() => wait("asking the kernel…"), PATIENT_MS);
    asker.ask(path);
  }

  function empty() {
    blocks.clear();
    tabs.show([], null);
    current = null;
    words.hidden = true;
    if (path !== null) top.show(path, null, source.state(), ui.now());
  }

  function wait(text) {
    empty();
    setText(words, text);
    words.hidden = false;
  }

  function heard(about, found) {
    if (about !== path) return;
    clearTimeout(patience);
    if (!found) {
      if (!record) wait(whyNothing());
      return;
    }
    const isFirst = record === null;
    record = found;
    ticker.set(source.live && isLiving(record));
    draw();
    if (takesFocus) top.focus();
    takesFocus = false;
    if (isFirst && wasClosed) bringIntoView();
    wasClosed = false;
  }

  function whyNothing() {
    const problem = source.problem?.(path);
    if (problem) return shown(problem);
    return source.live ? "The kernel has not answered. It may be at work on a cell." : "Nothing was saved of this node.";
  }

  function draw() {
    if (!record) return;
    words.hidden = true;
    top.show(path, record, source.state(), ui.now());
    const there = PANES.filter((one) => one.has(record));
    const next = there.find((one) => one.name === chosen) ?? FALLBACK.map((name) => there.find((one) => one.name === name)).find(Boolean) ?? null;
    tabs.show(there.map((one) => ({ name: one.name, word: one.word(record), count: one.count?.(record) })), next?.name ?? null);
    drawPane(next);
  }

  function drawPane(next) {
    const key = next && `${path} ${next.name}`;
    const isOther = key !== current;
    if (!isOther && isSelecting()) return; // it would take the selection away; the next change draws again
    const follows = (isOther && next?.name === "answer" && isLiving(record)) || (!isOther && isAtEnd());
    if (isOther) blocks.clear();
    current = key;
    setAttr(pane, "data-pane", next?.name ?? null);
    setAttr(pane, "aria-label", next ? next.word(record) : null);
    blocks.show(next ? next.blocks(record, ui) : []);
    if (follows && pane.querySelector(".gb-streamed")) pane.scrollTop = pane.scrollHeight;
    else if (isOther) pane.scrollTop = 0;
  }

  const isAtEnd = () => pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR_END;

  /** Below a drawing that is high it may have opened where nobody sees it. */
  function bringIntoView() {
    const { top: upper } = el.getBoundingClientRect();
    if (upper > window.innerHeight - LEAST_SEEN) el.scrollIntoView({ block: "nearest" });
  }

  function isSelecting() {
    const selection = el.ownerDocument.getSelection();
    return Boolean(selection) && !selection.isCollapsed && pane.contains(selection.anchorNode) && !pane.querySelector(".gb-streamed");
  }

  // ---- what a person does

  function choose(name) {
    chosen = name;
    draw();
  }

  function open(next) {
    const hadFocus = el.contains(el.ownerDocument.activeElement);
    takesFocus = hadFocus; // what was pressed goes away with the tab that it is in
    view.select(next);
  }

  function keydown(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    view.select(null);
  }

  // ---- what changes

  function update(changed) {
    if (path === null) return;
    if (changed.has("refused")) tellRefused(source.state().refused);
    if (changed.has("actions") || changed.has("nodes")) top.show(path, record, source.state(), ui.now());
    if (isTouched(changed)) asker.ask(path);
  }

  function tellRefused(refused) {
    if (!refused?.of || !["run", "cancel"].includes(refused.of.call) || (refused.of.from ?? refused.of.path) !== path) return;
    top.release();
    setText(words, shown(refused.text));
    words.hidden = false; // until the node is drawn again
  }

  function isTouched(changed) {
    const row = rowOf(path);
    const run = runKey();
    const isOther = row !== rowBefore || run !== runBefore;
    [rowBefore, runBefore] = [row, run];
    if (isOther) return true;
    if (changed.has("nodes") && ![...changed].some((name) => name.startsWith("nodes:"))) return true;
    return upwards(path).some((one) => changed.has(`nodes:${one}`));
  }

  function tick() {
    if (!record || !el.isConnected) return;
    const shownPane = PANES.find((one) => `${path} ${one.name}` === current);
    top.show(path, record, source.state(), ui.now());
    if (shownPane?.ticks) drawPane(shownPane);
    asker.ask(path); // a part of a node may change without a word about it
  }

  const rowOf = (one) => source.state().rows.find((row) => row.path === one) ?? null;
  const runKey = () => {
    const { run } = source.state();
    return run && `${run.id} ${run.status}`;
  };

  const off = view.on(select);
  if (view.selected() !== null) select(view.selected());
  return {
    el, update,
    destroy() {
      off();
      asker.stop();
      ticker.set(false);
      clearTimeout(patience);
      top.destroy();
    },
  };
}
