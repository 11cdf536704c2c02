// Makes a group of the drawing look like another one without replacing it, so that focus, selection and transitions stay.

import { setAttr, setText } from "./dom.js";

// These belong to the view: what the kernel sends neither sets nor takes them off.
const OF_THE_VIEW = new Set(["data-new", "data-selected", "data-on-path", "data-match", "data-found", "tabindex", "aria-pressed", "aria-keyshortcuts"]);

export function patchGroup(el, fresh) {
  patchAttributes(el, fresh);
  patchChildren(el, fresh);
}

function patchAttributes(el, fresh) {
  for (const name of el.getAttributeNames()) {
    if (!fresh.hasAttribute(name) && !OF_THE_VIEW.has(name)) el.removeAttribute(name);
  }
  for (const name of fresh.getAttributeNames()) {
    if (!OF_THE_VIEW.has(name)) setAttr(el, name, fresh.getAttribute(name));
  }
}

function patchChildren(el, fresh) {
  if (fresh.childElementCount === 0) {
    if (el.childElementCount === 0) setText(el, fresh.textContent);
    else el.replaceChildren();
    return;
  }
  const spare = new Map();
  for (const child of el.children) mineOf(spare, child).push(child);
  const wanted = [...fresh.children].map((child) => {
    const mine = mineOf(spare, child).shift();
    if (mine && !mine.isEqualNode(child)) patchGroup(mine, child);
    return mine ?? child;
  });
  for (const rest of spare.values()) for (const child of rest) child.remove();
  inOrder(el, wanted);
}

function mineOf(spare, child) {
  const kind = `${child.localName} ${child.getAttribute("class")}`;
  if (!spare.has(kind)) spare.set(kind, []);
  return spare.get(kind);
}

/** Puts these children into an element in this order, moving as few as it can: one that moves loses the focus. */
export function inOrder(el, wanted) {
  let next = el.firstElementChild;
  for (const child of wanted) {
    if (child === next) next = next.nextElementSibling;
    else el.insertBefore(child, next);
  }
}
