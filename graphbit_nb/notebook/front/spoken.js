// For those who cannot see the drawing: a table of all nodes, and a line now and then about what has happened.

import { h, setText } from "./dom.js";

const APART = 2000; // ms from one line to the next
const TABLE_MS = 1000;
const ROWS_AT_ONCE = 60;
const COLUMNS = ["name", "kind", "state", "says", "took"];
const LOUD = { failed: 3, waiting: 3, retrying: 1 };
const ENDS = new Set(["succeeded", "failed", "cancelled", "partial", "interrupted"]);

/** Returns { el, say(text), update(changed), destroy() }. */
export function makeSpoken(source) {
  const lines = h("div", { role: "status", "aria-live": "polite" });
  // Roles, because the look takes the meaning from the elements: as a table, each change of a cell would lay out all of them.
  const body = h("tbody", { role: "rowgroup" });
  const caption = h("caption");
  const titles = ["node", "kind", "state", "what it says", "time"].map((name) => h("th", { role: "columnheader" }, name));
  const head = h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, titles));
  const table = h("table", { role: "table" }, caption, head, body);
  const el = h("div", { class: "gb-sr" }, lines, table);
  const cells = new Map(); // id -> the cells of its row
  let told = source.state();
  let next = null; // { text, weight }
  let timer = 0;
  let tableTimer = 0;
  let isOld = false; // whether the table has to be written again
  let spokenAt = -Infinity;

  /** Says a line; of several that come too close only the weightiest, and the latest of those, is said. */
  function say(text, weight = 4) {
    if (next && next.weight > weight) return;
    next = { text, weight };
    if (timer) return;
    timer = setTimeout(speak, Math.max(50, spokenAt + APART - performance.now()));
  }

  function speak() {
    timer = 0;
    spokenAt = performance.now();
    lines.textContent = next.text;
    next = null;
  }

  function update(changed) {
    const state = source.state();
    if (changed.has("nodes")) sayNodes(told.nodes, state.nodes);
    if (changed.has("run")) sayRun(told.run, state.run);
    if (changed.has("refused") && state.refused) say(state.refused.text);
    told = state;
    if (!changed.has("nodes") && !changed.has("workflow")) return;
    isOld = true;
    tableTimer ||= setTimeout(writeTable, TABLE_MS);
  }

  function sayNodes(before, now) {
    for (const [id, node] of Object.entries(now)) {
      const weight = LOUD[node.state];
      if (weight && before[id]?.state !== node.state) say(nodeLine(node), weight);
    }
  }

  function sayRun(before, now) {
    if (!now || (before?.id === now.id && before.status === now.status)) return;
    if (ENDS.has(now.status)) say(endLine(now), 5);
    else if (before?.id !== now.id) say(`run started: ${now.total} ${now.steps}`, 2);
  }

  function writeTable() {
    isOld = false;
    const { nodes, workflow } = source.state();
    setText(caption, `${workflow}: nodes and their states`);
    for (const [id, row] of cells) {
      if (id in nodes) continue;
      row[0].parentElement.remove();
      cells.delete(id);
    }
    writeRows(Object.entries(nodes));
  }

  /** Writes some rows, and the others a little later: many at once would keep the page from answering. */
  function writeRows(due) {
    for (const [id, node] of due.splice(0, ROWS_AT_ONCE)) {
      if (!cells.has(id)) cells.set(id, addRow(body));
      cells.get(id).forEach((cell, i) => setText(cell, String(node[COLUMNS[i]] ?? "")));
    }
    if (due.length) tableTimer = setTimeout(writeRows, 0, due);
    else tableTimer = isOld ? setTimeout(writeTable, TABLE_MS) : 0;
  }

  writeTable();
  return {
    el, say, update,
    destroy() {
      clearTimeout(timer);
      clearTimeout(tableTimer);
    },
  };
}

function addRow(body) {
  const row = COLUMNS.map((_, i) => (i === 0 ? h("th", { role: "rowheader" }) : h("td", { role: "cell" })));
  body.append(h("tr", { role: "row" }, row));
  return row;
}

function nodeLine({ name, state, says }) {
  if (state === "waiting") return `${name} waits for you${says ? `: ${says}` : ""}`;
  return `${name} ${state}${says ? `: ${says}` : ""}`;
}

function endLine({ status, counts, total }) {
  const good = (counts.succeeded ?? 0) + (counts.cached ?? 0);
  const verb = status === "cancelled" || status === "failed" ? status : "finished";
  return `run ${verb}: ${good} of ${total} succeeded`;
}
