// The live view: `render` shows a widget's model, `mount` a record that needs no kernel, `join` a record until there is a
// model again.
//
// Each part is made by makeX(source, view), and returns { el, update(changed), destroy() }. `view` is what one view on the
// page knows and the kernel does not: { selected() -> path|null, select(path|null), on(listener) -> off, say(text) };
// its listeners are told the path, and the one before, when the selection changes.

import { h, setAttr } from "./dom.js";
import { makeHead } from "./head.js";
import { makeInspector } from "./inspector.js";
import { makeRows } from "./rows.js";
import { makeSpoken } from "./spoken.js";
import { makeStage } from "./stage.js";
import { modelSource, recordSource } from "./store.js";
import { wear } from "./wear.js";

function render({ model, el }) {
  return openView(el, modelSource(model));
}

function mount(el, record) {
  return openView(el, recordSource(record));
}

const MODELS = "graphbitModels"; // in the window: { key: model } of those whose kernel is there

/** Lets saved pictures of a run find the model of the run, see `join`. Called once for each model. */
function initialize({ model }) {
  const key = model.get("key");
  window[MODELS] ??= new Map();
  window[MODELS].set(key, model);
  window.dispatchEvent(new CustomEvent(MODELS, { detail: key }));
  return () => window[MODELS].delete(key);
}

/** Mounts a record; in its place, once there is a model of this key, the view of the model. */
function join(el, record, key) {
  let close = mount(el, record);
  function found() {
    window.removeEventListener(MODELS, heard);
    close();
    close = render({ model: window[MODELS].get(key), el });
  }
  function heard(event) {
    if (event.detail === key) found();
  }
  if (window[MODELS]?.has(key)) found();
  else window.addEventListener(MODELS, heard);
}

function openView(el, source) {
  wear(STYLE); // the style sheets, put before these modules
  const spoken = makeSpoken(source);
  const view = makeSelection(spoken.say);
  const offSelected = view.on(selected); // before the parts: the inspector that closes lets go of the focus
  const stage = makeStage(source, view);
  const head = makeHead(source, view);
  const inspector = makeInspector(source, view);
  const rows = makeRows(source, view);
  const parts = [head, stage, inspector, rows, spoken];
  const side = h("div", { class: "gb-side", hidden: true }, inspector.el);
  const split = h("div", { class: "gb-split" }, stage.el, side);
  const shell = h("section", { class: "gb-shell" }, head.el, split, rows.el, spoken.el);
  const root = h("div", { class: "gb-live", onkeydown: keydown }, shell);

  function keydown(event) {
    if (event.key !== "Escape" || event.defaultPrevented || view.selected() === null) return;
    event.stopPropagation();
    view.select(null);
  }

  function selected(path, before) {
    const hadFocus = side.contains(document.activeElement);
    side.hidden = path === null;
    split.toggleAttribute("data-open", path !== null);
    if (path === null && hadFocus) stage.focus(before);
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

  const offs = [offSelected, source.on(update)];
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
      const before = path;
      path = next;
      for (const listener of [...listeners]) listener(path, before);
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export { join, mount };
export default { initialize, render };
