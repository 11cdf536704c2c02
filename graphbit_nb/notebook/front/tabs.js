// Tabs that a keyboard reaches.

import { replaceKept } from "./blocks.js";
import { h, setAttr, setText } from "./dom.js";

/** A list of tabs: arrow keys go from one to the next. Returns { el, show(tabs, current) }. */
export function makeTabs(choose) {
  const el = h("div", { class: "gb-tabs", role: "tablist", "aria-label": "about this node", onkeydown: keydown });
  const buttons = new Map();
  let names = [];

  function buttonOf(name) {
    if (!buttons.has(name)) {
      const [word, count] = [h("span"), h("em")];
      const button = h("button", { type: "button", role: "tab", "data-tab": name, onclick: () => choose(name) }, word, count);
      buttons.set(name, { el: button, word, count });
    }
    return buttons.get(name);
  }

  function show(tabs, current) {
    names = tabs.map((tab) => tab.name);
    for (const { name, word, count } of tabs) {
      const button = buttonOf(name);
      setText(button.word, word);
      setText(button.count, count > 1 ? String(count) : "");
      setAttr(button.el, "aria-selected", String(name === current));
      setAttr(button.el, "tabindex", name === current ? "0" : "-1");
    }
    replaceKept(el, names.map((name) => buttonOf(name).el));
    el.hidden = names.length === 0;
  }

  function keydown(event) {
    const at = names.indexOf(event.target.closest("[role=tab]")?.dataset.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + names.length, Home: 0, End: names.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const name = names[to % names.length];
    choose(name);
    buttonOf(name).el.focus();
    buttonOf(name).el.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  return { el, show };
}
