// The header of a view: title, status, figures that count, buttons; what is to be said; the overall bar.

import { replaceKept } from "./blocks.js";
import { kernelTime, makeTicker } from "./clock.js";
import { h, setAttr, setText } from "./dom.js";
import { counted, dollars, duration, passing, plural, roughly, shown } from "./figures.js";
import { iconButton, kindIcon, markOf, setMark } from "./marks.js";

const BAR_ORDER = ["succeeded", "cached", "failed", "running", "retrying", "waiting", "ready", "pending", "skipped", "cancelled"];
const FINAL = new Set(["succeeded", "failed", "cancelled"]);
const ASKED = { run: "starting…", step: "starting…", cancel: "cancelling…" };
const ASK = { run: { call: "run", nodes: null, fresh: false }, step: { call: "step" }, cancel: { call: "cancel", path: null } };
const REFUSED_MS = 12_000;
const PATIENCE_WITH = { run: 20_000, step: 20_000 }; // ms after which what was asked for may be asked for again

/** Returns { el, update(changed), destroy() }. */
export function makeHead(source, view) {
  const status = makeStatus();
  const title = h("span", { class: "gb-name" });
  const facts = makeFacts();
  const bar = makeBar();
  const notes = h("div", { class: "gb-notes" });
  const buttons = makeButtons(ask);
  const line = h("div", { class: "gb-head" }, h("span", { class: "gb-title" }, kindIcon("workflow"), title), status.el, facts.el, buttons.el);
  const el = h("div", { class: "gb-top" }, line, buttons.refusal, notes, bar.el);
  const ticker = makeTicker(tellFacts);
  let runBefore = source.state().run;

  function ask(action) {
    source.call(ASK[action]);
    view.say(ASKED[action]);
  }

  function tellFacts() {
    facts.show(factsOf(source.state(), kernelTime(source)));
  }

  function update(changed) {
    const { workflow, run, actions, refused } = source.state();
    if (changed.has("workflow")) setText(title, shown(workflow));
    if (changed.has("run") || changed.has("actions")) settleButtons(run, changed);
    if (changed.has("refused") && refused) buttons.refuse(refused);
    if (changed.has("run")) {
      status.show(run);
      bar.show(run);
      ticker.set(source.live && isUnderWay(run));
    }
    if (changed.has("actions") || changed.has("run")) buttons.show(actions, Boolean(run));
    if (changed.has("notes")) showNotes(notes, source.state().notes.filter((note) => note.state));
    if (changed.has("run") || changed.has("nodes")) tellFacts();
  }

  /** Lets go of buttons whose wish was followed. */
  function settleButtons(run, changed) {
    const isOther = run?.id !== runBefore?.id || run?.status !== runBefore?.status;
    if (isOther || changed.has("actions")) buttons.release(["run", "step"]);
    if (run?.id !== runBefore?.id || !run || FINAL.has(run.status)) buttons.release(["cancel"]);
    runBefore = run;
  }

  update(new Set(["workflow", "run", "actions", "notes", "nodes"]));
  return {
    el, update,
    destroy() {
      ticker.set(false);
      buttons.destroy();
    },
  };
}

const isUnderWay = (run) => Boolean(run) && !FINAL.has(run.status);

function makeStatus() {
  const mark = markOf("pending", true);
  const word = h("span", { class: "gb-say" });
  const el = h("span", { class: "gb-status", hidden: true }, mark, word);
  return {
    el,
    show(run) {
      el.hidden = !run;
      if (!run) return;
      setAttr(el, "data-state", run.status);
      setMark(mark, run.status, true);
      setText(word, run.status === "waiting" ? "waits for you" : run.status);
      setAttr(el, "title", run.reason);
    },
  };
}

/** What the header tells: [name, figure] or [name]. */
function factsOf({ run, nodes }, now) {
  if (!run) return idleFacts(nodes);
  const isOver = !isUnderWay(run);
  const seconds = (run.ended ?? now) - run.began;
  const facts = [["done", `${counted(run.done)} of ${counted(run.total)} ${run.steps}`]];
  if (run.began !== null) facts.push(isOver ? ["took", duration(seconds)] : ["elapsed", passing(seconds)]);
  if (!isOver && run.left !== null) facts.push(["left", roughly(run.left - Math.max(0, now - run.now))]);
  if (run.tokens !== null) facts.push(["tokens", run.tokens < 1e6 ? counted(run.tokens) : `${(run.tokens / 1e6).toFixed(2)} M`]);
  if (run.calls) facts.push(["calls", counted(run.calls)]);
  if (run.cost) facts.push(["cost", dollars(run.cost)]);
  return facts;
}

function idleFacts(nodes) {
  const kinds = Object.values(nodes).map((node) => node.kind);
  const inputs = kinds.filter((kind) => kind === "input").length;
  const told = [[plural(kinds.length - inputs, "node")]];
  if (inputs) told.push([plural(inputs, "input")]);
  if (kinds.length > inputs) told.push(["not run yet"]);
  return told;
}

function makeFacts() {
  const el = h("span", { class: "gb-facts" });
  const spans = new Map();
  function spanOf(name) {
    if (!spans.has(name)) {
      const figure = h("b");
      spans.set(name, { el: h("span", { "data-fact": name }, `${name} `, figure), figure });
    }
    return spans.get(name);
  }
  return {
    el,
    show(facts) {
      const wanted = facts.map(([name, figure]) => {
        const span = spanOf(name);
        setText(span.figure, figure ?? "");
        return span.el;
      });
      replaceKept(el, wanted);
    },
  };
}

/** The buttons. One that was pressed says so at once, and waits until the kernel has followed or refused. */
function makeButtons(ask) {
  const made = {
    step: iconButton("step", "Step", { "data-bare": true, title: "run the next node", onclick: () => press("step") }),
    run: iconButton("play", "Run", { onclick: () => press("run") }),
    cancel: iconButton("stop", "Cancel", { onclick: () => press("cancel") }),
  };
  const refusal = h("p", { class: "gb-note gb-refused", "data-state": "failed", hidden: true });
  const words = { step: "Step", run: "Run", cancel: "Cancel" };
  const timers = {};

  function press(action) {
    if (made[action].hasAttribute("aria-disabled")) return;
    refusal.hidden = true;
    say(action, ASKED[action]);
    setAttr(made[action], "aria-disabled", "true"); // it keeps the focus, which one that is disabled does not
    if (PATIENCE_WITH[action]) timers[action] = setTimeout(() => release([action]), PATIENCE_WITH[action]);
    ask(action);
  }

  function release(actions) {
    for (const action of actions) {
      clearTimeout(timers[action]);
      setAttr(made[action], "aria-disabled", null);
      say(action, words[action]);
    }
  }

  const say = (action, word) => setText(made[action].querySelector("span"), word);

  return {
    el: h("span", { class: "gb-push gb-acts" }, Object.values(made)),
    refusal, release,
    show(actions, hasRun) {
      words.run = hasRun ? "Run again" : "Run";
      if (!made.run.hasAttribute("aria-disabled")) say("run", words.run);
      for (const [action, button] of Object.entries(made)) button.hidden = !actions.includes(action);
    },
    refuse({ of, text }) {
      const action = of?.call;
      if (!Object.hasOwn(made, action) || of.path || of.from) return;
      release([action]);
      refusal.replaceChildren(markOf("failed"), h("span", null, shown(text)));
      refusal.hidden = false;
      clearTimeout(timers.refusal);
      timers.refusal = setTimeout(() => (refusal.hidden = true), REFUSED_MS);
    },
    destroy: () => Object.values(timers).forEach(clearTimeout),
  };
}

/** The overall bar and the counts beside it, one of each for each state there is. */
function makeBar() {
  const track = h("div", { class: "gb-bar", role: "progressbar", "aria-valuemin": "0", "aria-label": "progress of the run" });
  const list = h("ul", { class: "gb-counts" });
  const el = h("div", { class: "gb-over", hidden: true }, track, list);
  const parts = new Map(); // state -> { segment, item, figure }

  function partOf(state) {
    if (!parts.has(state)) {
      const figure = h("b");
      const item = h("li", { "data-state": state }, markOf(state, true), figure, state);
      parts.set(state, { segment: h("i", { "data-state": state }), item, figure });
    }
    return parts.get(state);
  }

  return {
    el,
    show(run) {
      const states = run ? BAR_ORDER.filter((state) => run.counts[state]) : [];
      el.hidden = states.length === 0;
      if (el.hidden) return;
      for (const state of states) {
        const { segment, figure } = partOf(state);
        segment.style.flexGrow = run.counts[state];
        setText(figure, counted(run.counts[state]));
      }
      replaceKept(track, states.map((state) => partOf(state).segment));
      replaceKept(list, states.map((state) => partOf(state).item));
      setAttr(track, "aria-valuemax", run.total);
      setAttr(track, "aria-valuenow", run.done);
      setAttr(track, "aria-valuetext", `${run.done} of ${run.total}: ${states.map((state) => `${run.counts[state]} ${state}`).join(", ")}`);
    },
  };
}

/** Shows notes, one line each. */
export function showNotes(el, notes) {
  el.replaceChildren(...notes.map(({ state, text }) => h("p", { class: "gb-note", "data-state": state || null }, state ? markOf(state) : null, h("span", null, shown(text)))));
  el.hidden = notes.length === 0;
}
