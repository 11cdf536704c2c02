// The tabs of the inspector: which there are for a node, and what stands in each, in blocks.
//
// `ui` is what a tab may use: { view, now() -> the kernel's time, mayAnswer(), open(path), mode(name, choices) -> choice,
// setMode(name, choice) }.

import { answerBlocks, hasAnswer } from "./answer.js";
import { h } from "./dom.js";
import { counted, dollars, duration, plural, shown } from "./figures.js";
import { attemptLane, endOf, laneChart, timingLanes } from "./lanes.js";
import { markOf } from "./marks.js";
import { copyButton, jsonTree, makeTints, piecesOf, placeOfNode, textBlock } from "./values.js";

const LIVING = new Set(["running", "retrying"]);

/** The tabs in their order: { name, word(record), count(record), has(record), blocks(record, ui), ticks }. */
export const PANES = [
  { name: "prompt", word: () => "Prompt", has: (record) => record.prompt.length > 0, blocks: promptBlocks },
  { name: "answer", word: () => "Answer", has: hasAnswer, blocks: answerBlocks },
  { name: "parts", word: partsWord, count: (record) => record.parts.length + record.more, has: (record) => record.parts.length > 0, blocks: partsBlocks },
  { name: "context", word: () => "Context", has: (record) => record.inputs.length > 0 || settingsOf(record).length > 0, blocks: contextBlocks },
  { name: "attempts", word: () => "Attempts", count: (record) => record.attempts.length, has: (record) => record.attempts.length > 0, blocks: attemptBlocks, ticks: true },
  { name: "timing", word: () => "Timing", has: (record) => record.timing.started !== null || record.timing.ready !== null, blocks: timingBlocks, ticks: true },
  { name: "cell", word: () => "Cell", has: (record) => record.cell !== null, blocks: cellBlocks },
];

/** A line with a title, what is to be said, and a button that copies. */
function toolLine(...children) {
  return h("div", { class: "gb-pane-tools" }, children);
}

const pushed = (child) => h("span", { class: "gb-push" }, child);

// ---- prompt

function promptBlocks(record, ui) {
  const { tintOf, names } = makeTints();
  for (const turn of record.prompt) for (const [, , name] of turn.origins) tintOf(name);
  const tokens = record.usage.input;
  const keys = names.map((name) => h("span", { class: "gb-key", "data-o": tintOf(name) }, h("i"), shown(name)));
  const whole = () => record.prompt.map((turn) => `${turn.role}\n${turn.text}`).join("\n\n");
  const top = () => {
    const pane = () => line.parentElement;
    const copy = copyButton(whole, pane, ui.view, record.prompt.length > 1 ? "Copy all" : "Copy");
    const line = toolLine(h("span", { class: "gb-keys" }, keys, tokens ? h("span", null, plural(tokens, "token")) : null), pushed(copy));
    return line;
  };
  const turns = record.prompt.map((turn, i) => ({ key: `turn ${i}`, data: turn, make: () => turnOf(turn, record, tintOf, ui) }));
  return [{ key: "top", data: [names, tokens, record.prompt.length, record.prompt.map((turn) => turn.text.length)], make: top }, ...turns];
}

function turnOf(turn, record, tintOf, ui) {
  const text = textBlock(turn.text, { cut: turn.cut, where: `${placeOfNode(record.path)}.messages`, pieces: piecesOf(turn.text, turn.origins, tintOf) });
  const copy = record.prompt.length > 1 && turn.text ? copyButton(() => turn.text, () => text, ui.view) : null;
  return h(
    "section", { class: "gb-turn-text" },
    h("h4", { class: "gb-role" }, turn.role, copy),
    turn.text ? text : null,
    turn.images ? h("p", { class: "gb-chip" }, plural(turn.images, "image")) : null,
    (turn.calls ?? []).map((call) => h("p", { class: "gb-chip gb-mono" }, `asks for ${shown(call)}`)),
  );
}

// ---- parts

function partsWord(record) {
  return record.parts[0]?.path.startsWith(`${record.path}[`) ? "Items" : "Nodes";
}

function partsBlocks(record, ui) {
  const rows = record.parts.map((part) => ({ key: part.path, data: part, make: () => partOf(part, ui) }));
  const more = { key: "more", data: record.more, make: () => h("p", { class: "gb-cut-note" }, `and ${counted(record.more)} more`) };
  return record.more ? [...rows, more] : rows;
}

function partOf(part, ui) {
  return h(
    "button", { type: "button", class: "gb-part", "data-state": part.state, onclick: () => ui.open(part.path) },
    markOf(part.state), h("b", null, shown(part.label)), h("span", { class: "gb-cut" }, shown(part.says)), h("span", { class: "gb-num gb-dim" }, part.took),
  );
}

// ---- context

function contextBlocks(record, ui) {
  const blocks = [];
  const list = (key, title, items) => {
    if (!items.length) return;
    blocks.push({ key: `title ${key}`, data: title, make: () => h("h4", { class: "gb-role" }, title) });
    blocks.push(...items);
  };
  list("in", "read", record.inputs.map((one) => ({ key: `in ${one.name}`, data: one, make: () => readOf(one, ui, inputPlace(one)) })));
  list("set", "settings", settingsOf(record).map(([name, value, note]) => ({ key: `set ${name}`, data: [value, note], make: () => factOf(name, value, note, true) })));
  if (record.answer) {
    const gave = { name: "answer", from: "", ...record.answer };
    list("out", "gave", [{ key: "out", data: gave, make: () => readOf(gave, ui, `${placeOfNode(record.path)}.output`) }]);
  }
  return blocks;
}

const inputPlace = ({ name, from }) => (from === "input" ? `result.inputs[${JSON.stringify(name)}]` : `${placeOfNode(from)}.output`);

function settingsOf(record) {
  const last = record.attempts.at(-1);
  const model = record.model ? [["model", record.model, record.provider ?? ""]] : [];
  const set = Object.entries(last?.parameters ?? {}).filter(([, value]) => value !== null);
  return [...model, ...set.map(([name, value]) => [name, String(value), ""])];
}

function factOf(name, value, note = "", isCode = false) {
  return h(
    "div", { class: "gb-fact" },
    h("span", { class: isCode ? "gb-mono" : null, title: shown(name) }, shown(name)),
    h("span", { class: "gb-fact-value" }, shown(value)), h("span", { class: "gb-num gb-dim" }, shown(note)),
  );
}

/** Something that was read or given: a line that opens on the whole of it. */
function readOf(one, ui, where) {
  const inside = h("div", { class: "gb-read-in" });
  const size = sizeWords(one);
  const el = h(
    "details", { class: "gb-read", "data-key": one.name },
    summaryLine(h("span", { class: "gb-mono" }, shown(one.name)), oneLine(one.text), size),
    inside,
  );
  el.addEventListener("toggle", () => {
    if (!el.open || inside.firstChild) return;
    const body = one.value === undefined ? textBlock(one.text, { prose: true, cut: one.cut, where }) : jsonTree(one.value);
    inside.append(toolLine(h("span", null, fromWords(one)), pushed(copyButton(() => one.text, () => body, ui.view))), body);
  });
  return el;
}

function summaryLine(name, said, figure) {
  return h("summary", null, name, h("span", { class: "gb-cut" }, shown(said)), h("span", { class: "gb-num gb-dim" }, figure));
}

const oneLine = (text) => text.slice(0, 200).replace(/\s+/g, " ");

function fromWords({ name, from }) {
  if (!from) return "";
  return from === "input" ? "input of the run" : from === name ? `from ${shown(from)}` : `from ${shown(from)}, as ${shown(name)}`;
}

function sizeWords({ value, text, cut }) {
  if (Array.isArray(value)) return plural(value.length, "item");
  if (value !== null && typeof value === "object") return plural(Object.keys(value).length, "field");
  return value === undefined && cut !== null ? plural(text.length + cut, "character") : "";
}

// ---- attempts

function attemptBlocks(record, ui) {
  const now = ui.now();
  const { attempts } = record;
  const began = attempts[0].started;
  const ended = endOf(attempts, now);
  const lanes = attempts.map((attempt, i) => attemptLane(attempt, i + 1, now));
  const chart = { key: "lanes", data: [lanes, began, ended], make: () => laneChart(lanes, began, ended) };
  return [chart, ...attempts.map((attempt, i) => ({ key: `attempt ${i}`, data: attempt, make: () => attemptOf(attempt, i, record, ui) }))];
}

function attemptOf(attempt, i, record, ui) {
  const state = attempt.error ? "failed" : attempt.finished === null ? "running" : "succeeded";
  const facts = attemptFacts(attempt).map(([name, value, isCode]) => factOf(name, value, "", isCode));
  const inside = [facts, toolsOf(attempt.tools, i, ui), attemptText(attempt, i, record, ui)];
  if (record.attempts.length === 1) return h("div", { class: "gb-attempt" }, inside);
  return h(
    "details", { class: "gb-read gb-attempt", "data-key": `attempt ${i}`, open: i === record.attempts.length - 1 },
    summaryLine(h("span", null, markOf(state), ` attempt ${i + 1}`), attemptSays(attempt), attempt.cost ? dollars(attempt.cost) : ""),
    h("div", { class: "gb-read-in" }, inside),
  );
}

function attemptSays({ error, text, finish_reason: reason, tools }) {
  if (error) return error.message || error.type;
  if (text) return oneLine(text);
  if (tools.length) return `called ${[...new Set(tools.map((one) => one.tool))].join(", ")}`;
  return reason ?? "";
}

function attemptFacts({ provider, model, usage, cost, finish_reason: reason, request_id: id, error, parameters }) {
  const facts = [
    ["model", [provider, model].filter(Boolean).join(" · ")], ["error", error ? [error.type, error.status].filter(Boolean).join(" · ") : ""],
    ["tokens", usageWords(usage)], ["cost", cost ? dollars(cost) : ""],
  ];
  const set = Object.entries(parameters).filter(([, value]) => value !== null).map(([name, value]) => [name, String(value), true]);
  facts.push(...set, ["ended with", reason ?? ""], ["request id", id ?? error?.request_id ?? ""]);
  return facts.filter(([, value]) => value !== "");
}

function usageWords({ input, output, cached, reasoning }) {
  const told = [];
  if (input !== null) told.push(`${counted(input)} in${cached ? ` (${counted(cached)} cached)` : ""}`);
  if (output !== null) told.push(`${counted(output)} out${reasoning ? ` (${counted(reasoning)} reasoning)` : ""}`);
  return told.join(", ");
}

function attemptText(attempt, i, record, ui) {
  if (!attempt.text) return null;
  const body = textBlock(attempt.text, { prose: true, cut: attempt.cut, where: `${placeOfNode(record.path)}.attempts[${i}].text` });
  return [toolLine(h("span", { class: "gb-role" }, "text"), pushed(copyButton(() => attempt.text, () => body, ui.view))), body];
}

function toolsOf(tools, i, ui) {
  if (!tools.length) return null;
  return [h("h4", { class: "gb-role" }, "tool calls"), tools.map((used, k) => toolOf(used, `tool ${i} ${k}`, ui))];
}

function toolOf(used, key, ui) {
  const took = used.finished === null ? "running" : duration(used.finished - used.started);
  const inside = h("div", { class: "gb-read-in" });
  const el = h(
    "details", { class: "gb-read", "data-key": key },
    summaryLine(h("span", { class: "gb-mono" }, used.error ? [markOf("failed"), " "] : null, shown(used.tool)), oneLine(used.arguments.text), took),
    inside,
  );
  el.addEventListener("toggle", () => {
    if (!el.open || inside.firstChild) return;
    const { arguments: given, result, error } = used;
    inside.append(...valueIn("arguments", given, ui), ...valueIn(error ? "error" : "result", error ? { text: `${error.type}: ${error.message}`, cut: 0 } : result, ui));
  });
  return el;
}

function valueIn(title, { text, cut, value }, ui) {
  const body = value === undefined ? textBlock(text, { cut }) : jsonTree(value);
  return [toolLine(h("span", { class: "gb-role" }, title), pushed(copyButton(() => text, () => body, ui.view))), body];
}

// ---- timing

function timingBlocks(record, ui) {
  const now = ui.now();
  const lanes = timingLanes(record, now);
  const { ready, started, first_token: first, finished } = record.timing;
  const [began, ended] = [ready ?? started, finished ?? now];
  const facts = [["total", duration(ended - began)], ...usageFacts(record, finished, first)];
  return [
    { key: "lanes", data: [lanes, began, ended], make: () => laneChart(lanes, began, ended) },
    { key: "facts", data: facts, make: () => h("div", { class: "gb-facts-list" }, facts.map(([name, value, note]) => factOf(name, note ?? "", value))) },
  ];
}

function usageFacts({ usage, cost, attempts, state }, finished, first) {
  const facts = [];
  if (state === "cached") facts.push(["cache", "no call was made"]);
  if (usage.calls) facts.push(["calls", counted(usage.calls)]);
  if (usage.input !== null) facts.push(["tokens in", counted(usage.input), usage.cached ? `${counted(usage.cached)} of them cached` : ""]);
  if (usage.output !== null) facts.push(["tokens out", counted(usage.output), usage.reasoning ? `${counted(usage.reasoning)} of them reasoning` : ""]);
  const last = attempts.at(-1);
  const seconds = last && first !== null && last.finished !== null ? last.finished - first : 0;
  if (seconds > 0.05 && last.usage.output) facts.push(["speed", `${counted(Math.round(last.usage.output / seconds))} tokens a second`]);
  if (cost) facts.push(["cost", dollars(cost)]);
  return facts;
}

// ---- cell

function cellBlocks(record, ui) {
  const { place, source } = record.cell;
  const make = () => {
    const text = textBlock(source);
    return h("div", null, toolLine(h("span", null, shown(place)), pushed(copyButton(() => source, () => text, ui.view))), text);
  };
  return [{ key: "cell", data: record.cell, make }];
}

/** Whether a node goes on, so that what is shown of it gets old. */
export const isLiving = (record) => LIVING.has(record.state);
