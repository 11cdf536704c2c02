// The tab that shows what a node gave: text, data or table; what it has written so far; why there is none.

import { h } from "./dom.js";
import { passing, plural, shown } from "./figures.js";
import { markOf } from "./marks.js";
import { copyButton, isRecords, jsonTree, placeOfNode, table, textBlock } from "./values.js";

const STREAM_MOST = 12_000; // characters of a text that is being written which are shown at least
const ADVICE = {
  AuthenticationError: "The provider did not accept the key. Check the key that this kernel was started with.",
  PermissionDeniedError: "The key may not use this. Choose another model, or ask for access.",
  NotFoundError: "The provider does not know this model. Check its name.",
  RateLimitError: "Run again later, or run fewer nodes at the same time.",
  QuotaExhaustedError: "The account has nothing left. Add to it, or choose another provider.",
  ServerError: "The provider had a problem of its own. Run again.",
  OverloadedError: "The provider had too much to do. Run again later, or choose another model.",
  ProviderTimeoutError: "No answer came in time. Run again, or allow more time.",
  TimeoutError: "It did not end in time. Run again, or allow more time.",
  ProviderConnectionError: "The provider could not be reached. Check the network and the address.",
  ContextTooLongError: "The prompt is longer than the model can read. Shorten what it reads, or choose another model.",
  ContentFilteredError: "The provider refused the content. Change the prompt.",
  BudgetExceeded: "Raise the budget, or run fewer nodes.",
  CircuitOpenError: "Many calls failed in a row, so no more were made for a while. Run again later.",
  OutputError: "The answer was not as declared. Read it under Attempts, then change the prompt or the declared output.",
  MissingInputError: "Give the input, then run again.",
  TemplateError: "Correct the prompt in its cell, then run it again.",
};

/** Whether there is anything to show. */
export function hasAnswer(record) {
  return Boolean(record.answer || record.streamed || record.printed || record.flags?.length || record.error || record.reason || record.question);
}

/** Returns the blocks of the tab; see `panes.js`. */
export function answerBlocks(record, ui) {
  const blocks = [];
  const add = (key, data, make, grow) => blocks.push({ key, data, make, grow });
  if (record.question !== null) add("question", [record.question, record.options, record.state, ui.mayAnswer()], () => questionOf(record, ui.mayAnswer()));
  if (record.error && !record.answer) add("error", [record.error, record.path], () => errorOf(record, ui));
  else if (record.reason) add("reason", [record.reason, record.state], () => reasonOf(record));
  if (record.answer) add("answer", [record.answer, modeOf(record, ui)], () => answerOf(record, ui));
  else if (record.streamed) add(`streamed ${record.state}`, record.streamed, () => streamedOf(record, ui), grown);
  const flags = (record.flags ?? []).join("\n");
  if (flags) add("flagged", flags, () => h("div", null, h("span", { class: "gb-role" }, "flagged"), textBlock(flags)));
  if (record.printed) add("printed", record.printed, () => printedOf(record, ui));
  return blocks;
}

function modesOf(answer) {
  if (isRecords(answer.value)) return ["Table", "Tree", "Text"];
  if (isStructure(answer)) return ["Tree", "Text"];
  return answer.cut !== 0 && /^\s*[[{]/.test(answer.text) ? ["Raw", "Text"] : ["Text", "Raw"]; // data that was cut is no data
}

function modeOf(record, ui) {
  const modes = modesOf(record.answer);
  return ui.mode(modes[0], modes);
}

function answerOf(record, ui) {
  const { answer } = record;
  const modes = modesOf(answer);
  const mode = modeOf(record, ui);
  const body = bodyOf(answer, mode, `${placeOfNode(record.path)}.output`);
  const choice = h("span", { class: "gb-seg-ctl", role: "group", "aria-label": "show as" }, modes.map((one) => modeButton(one, mode, modes, ui)));
  return h(
    "div", null,
    h("div", { class: "gb-pane-tools" }, choice, h("span", { class: "gb-dim" }, answerFigures(record)), h("span", { class: "gb-push" }, copyButton(() => answer.text, () => body, ui.view))),
    answer.note ? h("p", { class: "gb-answer-note", "data-state": "retrying" }, shown(answer.note)) : null,
    body,
  );
}

function modeButton(one, mode, modes, ui) {
  return h("button", { type: "button", "aria-pressed": String(one === mode), "data-mode": one, onclick: () => ui.setMode(modes[0], one) }, one);
}

const isStructure = ({ value }) => value !== null && typeof value === "object";

function bodyOf(answer, mode, where) {
  if (mode === "Table") return table(answer.value);
  if (mode === "Tree") return jsonTree(answer.value);
  return textBlock(answer.text, { prose: mode === "Text" && !isStructure(answer), cut: answer.cut, where });
}

function answerFigures({ usage, answer, attempts }) {
  if (Array.isArray(answer.value)) return plural(answer.value.length, "item");
  const last = attempts.at(-1);
  const told = usage.output ? [plural(usage.output, "token")] : [];
  const seconds = last?.first_token && last.finished ? last.finished - last.first_token : 0;
  if (seconds > 0.05 && last.usage.output) told.push(`${Math.round(last.usage.output / seconds)} a second`);
  return told.join(", ");
}

// ---- what comes

function streamedOf(record, ui) {
  const whole = record.streamed;
  const text = document.createTextNode(shown(whole.slice(-STREAM_MOST)));
  const caret = record.state === "running" ? h("span", { class: "gb-caret", "aria-hidden": "true" }) : null;
  const body = h("div", { class: "gb-prose gb-streamed", "aria-live": "off", dir: "auto" }, text, caret);
  const count = h("span", { class: "gb-streamed-count" }, streamedWords(whole));
  const el = h("div", null, h("div", { class: "gb-pane-tools" }, count, h("span", { class: "gb-push" }, copyButton(() => el.streamed, () => body, ui.view))), body);
  el.streamed = whole;
  return el;
}

function streamedWords(text) {
  const said = `${plural(text.length, "character")} so far`;
  return text.length > STREAM_MOST ? `${said}; the last of them:` : said;
}

/** Appends to a text that goes on, so that what is read, or selected, stays where it is. */
function grown(el, before, now) {
  if (!now.startsWith(before)) return false;
  const text = el.querySelector(".gb-streamed").firstChild;
  text.appendData(shown(now.slice(before.length)));
  // What is long is laid out anew with each word: the beginning goes, the whole of it comes with the answer.
  if (text.length > 2 * STREAM_MOST) text.deleteData(0, text.length - STREAM_MOST);
  el.querySelector(".gb-streamed-count").textContent = streamedWords(now);
  el.streamed = now;
  return true;
}

function printedOf(record, ui) {
  const body = textBlock(record.printed);
  return h("div", null, h("div", { class: "gb-pane-tools" }, h("span", { class: "gb-role" }, "printed"), h("span", { class: "gb-push" }, copyButton(() => record.printed, () => body, ui.view))), body);
}

// ---- why there is none

function questionOf({ question, options, state }, mayAnswer) {
  return h(
    "div", { class: "gb-box", "data-state": state === "waiting" ? "waiting" : null },
    h("h4", { class: "gb-role" }, state === "waiting" ? "asks you" : "asked"), h("div", { class: "gb-prose", dir: "auto" }, shown(question)),
    options.length ? h("p", { class: "gb-dim" }, `one of: ${options.map(shown).join(", ")}`) : null,
    state === "waiting" && mayAnswer ? h("p", { class: "gb-dim" }, "Its row below the drawing takes your answer.") : null,
  );
}

function reasonOf({ reason, state }) {
  return h("p", { class: "gb-box gb-reason", "data-state": state }, markOf(state), h("span", null, shown(reason)));
}

function errorOf({ error }, ui) {
  const advice = adviceFor(error);
  const message = h("div", { class: "gb-prose", dir: "auto" }, shown(error.message || error.type));
  const facts = [
    error.place, error.status ? `status ${error.status}` : "", error.attempts > 1 ? plural(error.attempts, "attempt") : "",
    error.request_id ? `request ${error.request_id}` : "",
  ].filter(Boolean);
  const whole = () => [`${error.type}: ${error.message}`, ...facts, error.traceback].filter(Boolean).join("\n");
  return h(
    "div", { class: "gb-box", "data-state": "failed" },
    h("div", { class: "gb-pane-tools" }, markOf("failed", true), h("b", { class: "gb-say" }, shown(error.type)), h("span", { class: "gb-push" }, copyButton(whole, () => message, ui.view))),
    message,
    facts.length ? h("p", { class: "gb-dim" }, shown(facts.join(" · "))) : null,
    advice ? h("p", { class: "gb-advice" }, advice) : null,
    error.traceback ? tracebackOf(error.traceback) : null,
  );
}

function tracebackOf(text) {
  return h("details", { class: "gb-traceback", "data-key": "traceback" }, h("summary", null, "Traceback"), textBlock(text));
}

/** Says what to do about an error, in a sentence. */
function adviceFor({ type, status, retry_after: after, place }) {
  if (after) return `Run again in ${passing(Math.ceil(after))}, or run fewer nodes at the same time.`;
  if (Object.hasOwn(ADVICE, type)) return ADVICE[type];
  if (status >= 500) return ADVICE.ServerError;
  return place ? `Look at ${place}, correct it, then run again.` : "";
}
