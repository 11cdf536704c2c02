// The live view: `render` shows a widget's model, `mount` a record that needs no kernel.
//
// Each part is made by makeX(source, view), and returns { el, update(changed), destroy() }. `view` is what one view on the
// page knows and the kernel does not: { selected() -> path|null, select(path|null), on(listener) -> off, say(text) };
// its listeners are told the path when the selection changes.

import { h, setAttr } from "./dom.js";
import { makeHead } from "./head.js";
import { makeInspector } from "./inspector.js";
import { makeRows } from "./rows.js";
import { makeSpoken } from "./spoken.js";
import { makeStage } from "./stage.js";
import { modelSource, recordSource } from "./store.js";

function render({ model, el }) {
  return openView(el, modelSource(model));
}

function mount(el, record) {
  return openView(el, recordSource(record));
}

function openView(el, source) {
  const spoken = makeSpoken(source);
  const view = makeSelection(spoken.say);
  const stage = makeStage(source, view);
  const head = makeHead(source, view);
  const inspector = makeInspector(source, view);
  const rows = makeRows(source, view);
  const parts = [head, stage, inspector, rows, spoken];
  const side = h("div", { class: "gb-side", hidden: true }, inspector.el);
  const split = h("div", { class: "gb-split" }, stage.el, side);
  const shell = h("section", { class: "gb-shell" }, head.el, split, rows.el, spoken.el);
  const root = h("div", { class: "gb gb-live", onkeydown: keydown }, shell);

  function keydown(event) {
    if (event.key !== "Escape" || event.defaultPrevented || view.selected() === null) return;
    event.stopPropagation();
    view.select(null);
  }

  function selected(path) {
    const hadFocus = side.contains(document.activeElement);
    side.hidden = path === null;
    split.toggleAttribute("data-open", path !== null);
    if (path === null && hadFocus) stage.focus();
  }

  function update(changed) {
    if (changed.has("workflow")) setAttr(shell, "aria-label", labelOf(source.state()));
    if (changed.has("theme")) setAttr(root, "data-theme", source.state().theme);
    for (const part of parts) {
      try {
        part.update(changed);
      } catch (error) {
        console.error("graphbit_nb:", error); // a part that fails takes no other with it
      }
    }
  }

  const offs = [view.on(selected), source.on(update)];
  setAttr(shell, "aria-label", labelOf(source.state()));
  setAttr(root, "data-theme", source.state().theme);
  el.replaceChildren(root);
  return () => {
    for (const off of offs) off();
    for (const part of parts) part.destroy();
    source.close();
    root.remove();
  };
}

const labelOf = (state) => `workflow ${state.workflow}`;

/** What is selected in one view, and who is told of it. */
function makeSelection(say) {
  const listeners = new Set();
  let path = null;
  return {
    say,
    selected: () => path,
    select(next) {
      if (next === path) return;
      path = next;
      for (const listener of [...listeners]) listener(path);
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export { mount };
export default { render };
