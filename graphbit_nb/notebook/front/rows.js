// A row for each node that runs, tries again, waits or failed. A row stays the same element for as long as its path does.

import { makeAsking } from "./asking.js";
import { replaceKept } from "./blocks.js";
import { kernelTime, makeTicker } from "./clock.js";
import { h, setAttr, setText } from "./dom.js";
import { passing, plural, shown } from "./figures.js";
import { showNotes } from "./head.js";
import { iconButton, markOf, setMark } from "./marks.js";

const STOPPABLE = new Set(["running", "retrying", "waiting"]);

/** Returns { el, update(changed), destroy() }. */
export function makeRows(source, view) {
  const list = h("ol", { class: "gb-rows", "aria-label": "nodes at work", "data-still": !source.live });
  const more = h("p", { class: "gb-note" });
  const notes = h("div", { class: "gb-notes" });
  const el = h("div", { class: "gb-progress" }, list, more, notes);
  const rows = new Map(); // path -> row
  const drafts = new Map();
  const ticker = makeTicker(() => countDown(kernelTime(source)));

  function update(changed) {
    const state = source.state();
    if (changed.has("rows") || changed.has("actions") || changed.has("run")) show(state);
    if (changed.has("refused") && state.refused) refuse(state.refused);
    if (changed.has("notes")) showNotes(notes, state.notes.filter((note) => !note.state));
    el.hidden = state.rows.length === 0 && notes.hidden;
  }

  function show(state) {
    const now = kernelTime(source);
    const wanted = new Set(state.rows.map((row) => row.path));
    for (const [path, row] of rows) {
      if (wanted.has(path)) continue;
      row.destroy();
      rows.delete(path);
    }
    for (const row of state.rows) {
      if (!rows.has(row.path)) rows.set(row.path, makeRow(source, view, row.path, drafts));
      rows.get(row.path).show(row, state, now);
    }
    putInOrder(list, state.rows.map((row) => rows.get(row.path).el));
    list.hidden = state.rows.length === 0;
    setAttr(list, "data-bars", state.rows.some(hasBar) ? "" : null);
    more.hidden = !state.more;
    setText(more, `and ${plural(state.more, "more row")}`);
    mark(view.selected());
    ticker.set(source.live && state.rows.some((row) => row.until !== null));
  }

  function countDown(now) {
    for (const row of rows.values()) row.count(now);
  }

  function refuse({ of, text }) {
    if (of?.path && ["answer", "cancel"].includes(of.call)) rows.get(of.path)?.refuse(of.call, text);
  }

  function mark(path) {
    for (const [own, row] of rows) row.select(own === path);
  }

  const off = view.on(mark);
  update(new Set(["rows", "notes"]));
  return {
    el, update,
    destroy() {
      off();
      ticker.set(false);
      for (const row of rows.values()) row.destroy();
    },
  };
}

const hasBar = (row) => row.items.length > 0 || row.until !== null;

/** Puts rows in order around the one that has the focus: an element that moves would lose it. */
function putInOrder(list, wanted) {
  const anchor = wanted.find((row) => row.contains(list.ownerDocument.activeElement));
  const isSame = list.children.length === wanted.length && wanted.every((row, i) => list.children[i] === row);
  if (isSame) return;
  if (!anchor || anchor.parentElement !== list) {
    replaceKept(list, wanted);
    return;
  }
  const at = wanted.indexOf(anchor);
  for (const old of [...list.children]) if (old !== anchor) old.remove();
  anchor.before(...wanted.slice(0, at));
  anchor.after(...wanted.slice(at + 1));
}

function makeRow(source, view, path, drafts) {
  const mark = markOf("pending");
  const name = h("button", { type: "button", class: "gb-row-name" });
  const bar = makeRowBar();
  const said = h("bdi");
  const text = h("span", { class: "gb-row-text" }, said);
  const figure = h("span", { class: "gb-num gb-dim" });
  const stop = iconButton("close", "", { class: "gb-x", onclick: cancel });
  const el = h("li", { class: "gb-prow", onclick: () => view.select(path) }, mark, name, bar.el, text, figure, stop);
  let asking = null;
  let row = null;

  function cancel(event) {
    event.stopPropagation();
    if (stop.hasAttribute("aria-disabled")) return;
    setAttr(stop, "aria-disabled", "true");
    setText(figure, "cancelling…");
    source.call({ call: "cancel", path });
    view.say(`cancelling ${path}`);
  }

  function show(next, { actions }, now) {
    row = next;
    setAttr(el, "data-state", row.state);
    setAttr(el, "style", row.depth ? `--depth: ${row.depth}` : null);
    setMark(mark, row.state);
    setText(name, shown(row.label));
    setAttr(name, "title", shown(row.path));
    setAttr(figure, "title", row.figure.length > 24 ? shown(row.figure) : null);
    bar.show(row, now);
    tell(actions.includes("answer"));
    count(now);
    stop.hidden = !(actions.includes("cancel") && STOPPABLE.has(row.state));
    setAttr(stop, "aria-label", `cancel ${row.path}`);
    setAttr(stop, "title", `cancel ${row.path}`);
  }

  function tell(mayAnswer) {
    const isAsked = row.state === "waiting" && row.question !== null;
    const isForm = isAsked && mayAnswer;
    setText(said, isForm ? "waits for your answer" : shown(row.text));
    setAttr(text, "data-tail", row.tail && !isForm ? "" : null);
    if (isForm) openForm();
    else closeForm();
  }

  function openForm() {
    if (!asking) {
      asking = makeAsking(source, view, path, drafts);
      el.append(asking.el);
    }
    asking.show(row.question, row.options);
  }

  function closeForm() {
    asking?.el.remove();
    asking?.destroy();
    asking = null;
  }

  /** Says how long it is to the next attempt. */
  function count(now) {
    if (stop.hasAttribute("aria-disabled") && STOPPABLE.has(row.state)) return;
    const left = row.until === null ? null : row.until - now;
    if (left === null) setText(figure, asking ? "" : shown(row.figure));
    else if (!source.live) setText(figure, shown(row.figure));
    else setText(figure, left <= 0.5 ? "now" : `in ${passing(Math.ceil(left))}`);
  }

  return {
    el, show, count,
    select(isSelected) {
      setAttr(el, "data-selected", isSelected ? "" : null);
      setAttr(name, "aria-current", isSelected ? "true" : null);
    },
    refuse(call, why) {
      if (call === "answer") asking?.refuse(why);
      else {
        setAttr(stop, "aria-disabled", null);
        setText(figure, shown(why));
      }
    },
    destroy: closeForm,
  };
}

/** The bar of a row: a segment for each item of a fan-out, or the wait before the next attempt, which drains. */
function makeRowBar() {
  const el = h("span", { class: "gb-row-bar", "aria-hidden": "true" });
  let told = "";

  function show(row, now) {
    const key = JSON.stringify([row.items, row.until, row.wait]);
    if (key === told) return;
    told = key;
    if (row.items.length) showItems(row.items);
    else if (row.until !== null) showWait(row.until - now, row.wait ?? row.until - now);
    else el.replaceChildren();
  }

  function showItems(items) {
    if (!el.firstElementChild?.classList.contains("gb-mini")) el.replaceChildren(h("span", { class: "gb-mini" }));
    const mini = el.firstElementChild;
    while (mini.children.length > items.length) mini.lastElementChild.remove();
    while (mini.children.length < items.length) mini.append(h("i"));
    items.forEach((item, i) => setAttr(mini.children[i], "data-item", item));
  }

  function showWait(left, whole) {
    const fill = h("i");
    fill.style.setProperty("--for", `${Math.max(0.1, whole)}s`);
    fill.style.setProperty("--since", `${Math.min(0, left - whole)}s`);
    el.replaceChildren(h("span", { class: "gb-fillbar" }, fill));
  }

  return { el, show };
}
