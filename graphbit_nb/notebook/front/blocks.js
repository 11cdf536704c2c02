// What a tab of the inspector is made of: blocks that stay the same elements for as long as their data are the same, so
// that what is open stays open and a selected text stays selected while the node goes on.

import { inOrder } from "./patch.js";

/**
 * Returns { show(blocks), clear() }. A block is { key, data, make(), grow(el, before, data) -> whether it could }: `grow`
 * is tried first where there is one, on an element that was made of other data.
 */
export function makeBlocks(el) {
  let standing = new Map(); // key -> { text, data, el }

  function show(blocks) {
    const next = new Map();
    for (const block of blocks) next.set(block.key, kept(block, standing.get(block.key)));
    standing = next;
    replaceKept(el, [...next.values()].map((one) => one.el));
  }

  return {
    show,
    clear() {
      standing = new Map();
      el.replaceChildren();
    },
  };
}

function kept(block, old) {
  const text = JSON.stringify(block.data) ?? "";
  if (old && old.text === text) return old;
  if (old && block.grow?.(old.el, old.data, block.data)) return { text, data: block.data, el: old.el };
  const el = block.make();
  if (old) openAgain(old.el, el);
  return { text, data: block.data, el };
}

/** Opens what was open in the element before, as far as it has a name. */
function openAgain(before, el) {
  for (const one of before.querySelectorAll("details[data-key]")) {
    const same = el.querySelector(`details[data-key="${CSS.escape(one.dataset.key)}"]`);
    if (same && same.open !== one.open) same.open = one.open;
  }
}

/** Puts children in order and takes off those that are not wanted. */
export function replaceKept(el, wanted) {
  const keep = new Set(wanted);
  for (const old of [...el.children]) if (!keep.has(old)) old.remove();
  inOrder(el, wanted);
}
