// The stage's toolbar: search, zoom, fit, direction.

import { h, hs, setAttr, setText } from "./dom.js";

export const TOOLS_HIGH = 44; // px that the toolbar takes in its corner
const TOOLS_WIDE = 216;
const CORNERS = ["bottom right", "top right", "bottom left", "top left"];
const DIRECTIONS = ["auto", "LR", "TB"];
const DIRECTION_WORDS = { auto: "as it fits", LR: "left to right", TB: "top to bottom" };
const TOOL_ICONS = {
  search: "M7 2.6a4.4 4.4 0 1 1 0 8.8a4.4 4.4 0 1 1 0-8.8M10.2 10.2l3.4 3.4",
  minus: "M3.5 8h9",
  plus: "M3.5 8h9M8 3.5v9",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  auto: "M2.5 5.2h9M9 2.7l2.5 2.5L9 7.7M4.8 8.5v5M2.6 11.4l2.2 2.2l2.2-2.2",
  LR: "M2.5 8h11M10 4.5L13.5 8L10 11.5",
  TB: "M8 2.5v11M4.5 10L8 13.5l3.5-3.5",
};

/** @param acts { search(), zoomOut(), actual(), zoomIn(), fit(), direct(to) }; `direct` is null where there is no kernel. */
export function makeTools(acts) {
  let direction = "auto";
  const percent = h("button", { type: "button", class: "gb-percent", onclick: acts.actual, title: "actual size (0)" });
  const turn = acts.direct && tool("auto", "", () => acts.direct(DIRECTIONS[(DIRECTIONS.indexOf(direction) + 1) % DIRECTIONS.length]));
  const el = h(
    "div", { class: "gb-tools", role: "toolbar", "aria-label": "drawing" },
    tool("search", "find a node (/)", acts.search),
    tool("minus", "smaller (-)", acts.zoomOut), percent, tool("plus", "larger (+)", acts.zoomIn),
    tool("fit", "fit (f)", acts.fit), turn,
  );

  return {
    el,
    setScale(k) {
      setText(percent, `${Math.round(k * 100)} %`);
      setAttr(percent, "aria-label", `${Math.round(k * 100)} percent; to actual size`);
    },
    setDirection(next) {
      if (!turn) return;
      direction = next;
      turn.querySelector("path").setAttribute("d", TOOL_ICONS[next]);
      const words = `direction: ${DIRECTION_WORDS[next]}`;
      setAttr(turn, "title", words);
      setAttr(turn, "aria-label", words);
    },
  };
}

function tool(icon, label, act) {
  const drawn = hs("svg", { viewBox: "0 0 16 16", class: "gb-ico", "aria-hidden": "true" }, hs("path", { d: TOOL_ICONS[icon] }));
  return h("button", { type: "button", title: label, "aria-label": label.replace(/ \(.\)$/, ""), onclick: act }, drawn);
}

/** The first corner of the stage where a toolbar covers none of these boxes; undefined if there is none. */
export function freeCorner(boxes, port) {
  return CORNERS.find((corner) => !boxes.some((box) => isUnder(box, corner, port)));
}

function isUnder(box, corner, port) {
  const across = corner.includes("right") ? box.x + box.w > port.w - TOOLS_WIDE : box.x < TOOLS_WIDE;
  const down = corner.includes("bottom") ? box.y + box.h > port.h - TOOLS_HIGH : box.y < TOOLS_HIGH;
  return across && down;
}
