// Finds nodes by name, kind or state: a small field in the corner of the stage.

import { h, hs } from "./dom.js";

/**
 * @param nodes returns what is said of each node, by id.
 * @param board returns what stands in the drawing.
 * @param acts { show(id) brings a card into the middle, leave(id|null) gives the focus back, say(text) }.
 */
export function makeSearch(nodes, board, acts) {
  let found = [];
  let at = -1;
  let marked = [];
  const field = h("input", {
    type: "text", class: "gb-find-field", placeholder: "name, kind, state", "aria-label": "find nodes by name, kind or state",
    spellcheck: "false", autocomplete: "off", oninput: () => look(false), onkeydown: keydown,
  });
  const count = h("span", { class: "gb-find-count" });
  const close = h("button", { type: "button", class: "gb-x", "aria-label": "close the search", onclick: () => hide(true) }, cross());
  const el = h("div", { class: "gb-find", role: "search", hidden: true }, field, count, close);

  function keydown(event) {
    event.stopPropagation(); // what is typed here is no command of the notebook
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") hide(true);
    else return;
    event.preventDefault();
  }

  /** Looks for what is typed. A search that is only kept up to date keeps its place. */
  function look(isKept) {
    const here = found[at];
    found = matching(field.value, nodes(), board());
    at = isKept ? found.indexOf(here) : -1;
    mark();
    tell();
  }

  function step(by) {
    if (found.length === 0) return tell();
    at = (at + by + (at < 0 && by < 0 ? 1 : 0) + found.length) % found.length;
    mark();
    acts.show(found[at]);
    tell();
    acts.say(`${at + 1} of ${found.length}: ${nodes()[found[at]]?.name ?? found[at]}, ${nodes()[found[at]]?.state ?? ""}`);
  }

  function tell() {
    if (!field.value.trim()) count.textContent = "";
    else if (found.length === 0) count.textContent = "none";
    else count.textContent = at < 0 ? `${found.length}` : `${at + 1} of ${found.length}`;
  }

  function mark() {
    for (const card of marked) {
      card.removeAttribute("data-match");
      card.removeAttribute("data-found");
    }
    marked = found.map((id) => board().cards.get(id)).filter(Boolean);
    for (const card of marked) card.setAttribute("data-match", "");
    board().cards.get(found[at])?.setAttribute("data-found", "");
  }

  function show() {
    el.hidden = false;
    field.focus({ preventScroll: true });
    field.select();
    look(false);
  }

  function hide(isLeft) {
    const last = found[at] ?? null;
    el.hidden = true;
    found = [];
    at = -1;
    mark();
    if (isLeft) acts.leave(last);
  }

  return {
    el, show,
    isOpen: () => !el.hidden,
    hide: () => hide(true),
    refresh: () => !el.hidden && look(true),
  };
}

/** The cards that have every word in their name, kind or state. */
function matching(text, nodes, board) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return [...board.cards.keys()].filter((id) => {
    const node = nodes[id] ?? {};
    const said = `${id} ${node.name ?? ""} ${node.kind ?? ""} ${node.state ?? ""}`.toLowerCase();
    return words.every((word) => said.includes(word));
  });
}

function cross() {
  return hs("svg", { viewBox: "0 0 16 16", class: "gb-ico", "aria-hidden": "true" }, hs("path", { d: "M4 4l8 8M12 4l-8 8" }));
}
