// The look of all views on a page: one style sheet that they share. Each sheet that comes to a page, be it the same one
// again, makes the browser style anew whatever it may apply to, which takes half a second in a large drawing.

/** Gives the page this style sheet, unless it has it. */
export function wear(css) {
  if (document.adoptedStyleSheets.some((sheet) => sheet.graphbit === css)) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  sheet.graphbit = css;
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
