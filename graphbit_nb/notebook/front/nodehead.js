// The line above the tabs of the inspector.

import { parentOf } from "./ancestry.js";
import { h, setAttr, setText } from "./dom.js";
import { dollars, duration, shown } from "./figures.js";
import { iconButton, kindIcon, markOf, setMark } from "./marks.js";

const ACT_MS = 4000; // after which what was pressed may be pressed again

/** The line above the tabs: what it is, how it stands, its figures; back to what it is a part of, run from here, close. */
export function makeNodeHead(view, source) {
  const back = iconButton("back", "", { class: "gb-x", onclick: () => view.select(parent) });
  const title = h("span", { class: "gb-title" });
  const mark = markOf("pending", true);
  const word = h("span", { class: "gb-say" });
  const status = h("span", { class: "gb-status" }, mark, word);
  const facts = h("span", { class: "gb-facts" });
  const acts = {
    run: iconButton("again", "Run from here", { "data-bare": true, class: "gb-btn gb-act", onclick: () => press("run") }),
    cancel: iconButton("stop", "Cancel", { "data-bare": true, class: "gb-btn gb-act", onclick: () => press("cancel") }),
  };
  const close = iconButton("close", "", { class: "gb-x", "aria-label": "close (Escape)", title: "close (Esc)", onclick: () => view.select(null) });
  const el = h("div", { class: "gb-head" }, back, title, status, facts, h("span", { class: "gb-push gb-acts" }, acts.run, acts.cancel, close));
  let parent = null;
  let call = null;
  let titled = null;
  let timer = 0;

  function press(action) {
    if (!call || acts[action].hasAttribute("aria-disabled")) return;
    source.call(call);
    view.say(action === "cancel" ? `cancelling ${titled}` : `running from ${titled}`);
    setAttr(acts[action], "aria-disabled", "true");
    clearTimeout(timer);
    timer = setTimeout(release, ACT_MS);
  }

  function release() {
    clearTimeout(timer);
    for (const act of Object.values(acts)) setAttr(act, "aria-disabled", null);
  }

  function showActs(name) {
    const words = { run: `run from ${name}`, cancel: `cancel ${name}` };
    for (const [action, act] of Object.entries(acts)) {
      act.hidden = call?.call !== action;
      setAttr(act, "title", words[action]);
      setAttr(act, "aria-label", words[action]);
    }
  }

  function show(path, record, state, now) {
    const card = state.nodes[path];
    const said = card?.state === "stale" || !record ? card?.state : record.state;
    if (titled !== path) {
      titled = path;
      parent = parentOf(path);
      release();
      setAttr(el.parentElement, "aria-label", `inspector: ${path}`);
    }
    const name = card?.name ?? path.replace(/^input:/, "");
    replaceTitle(title, record?.kind ?? card?.kind ?? "", name);
    back.hidden = parent === null;
    setAttr(back, "aria-label", `back to ${parent}`);
    setAttr(back, "title", `back to ${parent}`);
    status.hidden = !said || record?.kind === "input" || card?.kind === "input";
    setAttr(status, "data-state", said);
    setMark(mark, said ?? "pending", true);
    setText(word, said === "waiting" ? "waits for you" : said ?? "");
    replaceFacts(facts, factsOfNode(record, now));
    call = callFor(path, said, card?.kind ?? record?.kind, state, parent);
    showActs(name);
  }

  return {
    el, show, release,
    focus: () => (back.hidden ? close : back).focus({ preventScroll: true }),
    destroy: () => clearTimeout(timer),
  };
}

function callFor(path, said, kind, { actions, run }, parent) {
  if (actions.includes("cancel") && ["running", "retrying", "waiting"].includes(said)) return { call: "cancel", path };
  if (actions.includes("run") && run && parent === null && kind !== "input") return { call: "run", from: path };
  return null;
}

function replaceTitle(title, kind, name) {
  const key = `${kind} ${name}`;
  if (title.dataset.key === key) return;
  title.dataset.key = key;
  title.replaceChildren(kindIcon(kind), h("span", { class: "gb-name", title: shown(name) }, shown(name)));
}

function replaceFacts(facts, told) {
  const key = told.join(" · ");
  if (facts.dataset.key === key) return;
  facts.dataset.key = key;
  facts.replaceChildren(...told.map((one) => h("span", null, shown(one))));
}

function factsOfNode(record, now) {
  if (!record) return [];
  const { started, finished } = record.timing;
  const told = [];
  if (record.model) told.push(record.model);
  if (started !== null && record.state !== "cached") told.push(duration(Math.max(0, (finished ?? now) - started)));
  if (record.cost) told.push(dollars(record.cost));
  return told;
}
