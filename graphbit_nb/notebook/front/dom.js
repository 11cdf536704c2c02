// Makes elements and reads the kernel's SVG. Texts become text nodes and attributes: nothing is ever read as HTML.

const SVG_SPACE = "http://www.w3.org/2000/svg";

/** Makes an HTML element. Attributes that are null, undefined or false are left out; functions named on… listen. */
export function h(tag, attrs, ...children) {
  return furnish(document.createElement(tag), attrs, children);
}

/** Makes an SVG element, as `h` does. */
export function hs(tag, attrs, ...children) {
  return furnish(document.createElementNS(SVG_SPACE, tag), attrs, children);
}

function furnish(el, attrs, children) {
  for (const [name, value] of Object.entries(attrs ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") el.addEventListener(name.replace(/^on/, "").toLowerCase(), value);
    else el.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) el.append(child instanceof Node ? child : String(child));
  }
  return el;
}

/** Reads an SVG document of the kernel, and returns its root as part of this page; null where it is none. */
export function readSvg(markup) {
  const root = new DOMParser().parseFromString(markup, "image/svg+xml").documentElement;
  return root.localName === "svg" && root.namespaceURI === SVG_SPACE ? document.adoptNode(root) : null;
}

/** Reads groups of a drawing that came alone, all in one go, and returns their elements. */
export function readGroups(markups) {
  const root = readSvg(`<svg xmlns="${SVG_SPACE}">${markups.join("")}</svg>`);
  return root ? [...root.children] : [];
}

/** Sets a text only if it is another one: an unchanged text costs no layout. */
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/** Sets an attribute, or takes it off where the value is null, only if that changes anything. */
export function setAttr(el, name, value) {
  if (value === null || value === undefined || value === false) {
    if (el.hasAttribute(name)) el.removeAttribute(name);
  } else if (el.getAttribute(name) !== String(value)) el.setAttribute(name, String(value));
}
