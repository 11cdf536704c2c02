// Fits the texts of cards into their room. The kernel measured them in one font, the page shows them in another.

const MOST_SQUEEZED = 1.06; // a text that is wider than this much of its room is cut
const BESIDE_FIGURE = 8;
const LEAST_LETTERS = 3; // fewer say nothing

const MOST_WIDTHS = 5000;

let ruler = null; // a canvas measures without a layout
let fontInUse = "";
const widths = new Map(); // the same few texts come again and again

/** Cuts or squeezes what does not fit in these cards. `family` is the font that the page shows them in. */
export function fitTexts(cards, family) {
  ruler ??= document.createElement("canvas").getContext("2d");
  for (const card of cards) {
    const texts = [...card.children].filter((el) => el.localName === "text");
    const figure = texts.find((el) => el.classList.contains("gb-meta"));
    for (const el of texts) {
      if (!el.dataset.room) continue;
      const isBesideFigure = figure?.textContent && el.classList.contains("gb-sub");
      fitText(el, el.dataset.room - (isBesideFigure ? widthOf(figure, family) + BESIDE_FIGURE : 0), family);
    }
  }
}

function fitText(el, room, family) {
  let wide = widthOf(el, family);
  if (wide > room * MOST_SQUEEZED) {
    el.textContent = cutTo(el, room, family);
    wide = widthOf(el, family);
  }
  if (wide > room && room > 0) {
    el.setAttribute("textLength", room);
    el.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
}

function cutTo(el, room, family) {
  const letters = [...el.textContent.replace(/…$/, "")];
  useFont(el, family);
  let count = letters.length;
  const cut = () => `${letters.slice(0, count).join("").trimEnd()}…`;
  while (count > 0 && ruler.measureText(cut()).width > room) count -= 1;
  return count < LEAST_LETTERS ? "" : cut();
}

function widthOf(el, family) {
  const text = el.textContent;
  if (!text) return 0;
  const key = `${useFont(el, family)} ${text}`;
  if (!widths.has(key)) {
    if (widths.size > MOST_WIDTHS) widths.clear();
    widths.set(key, ruler.measureText(text).width);
  }
  return widths.get(key);
}

function useFont(el, family) {
  const font = `${el.getAttribute("font-weight") ?? 400} ${el.getAttribute("font-size")}px ${family}`;
  if (font !== fontInUse) ruler.font = fontInUse = font; // setting it is slow
  return font;
}
