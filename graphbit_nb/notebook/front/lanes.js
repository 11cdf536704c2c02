// Lanes in time: what an attempt, or a whole node, spent its time on. Waits are hatched, work is solid.

import { h } from "./dom.js";
import { duration, passing, shown } from "./figures.js";

const TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400];

/**
 * Shows lanes under one scale.
 * @param lanes [{ label, spans: [{ from, to, state, kind: "wait"|"soft"|"", what }], took, say }], in seconds.
 */
export function laneChart(lanes, began, ended) {
  const whole = Math.max(ended - began, 1e-3);
  const place = (time) => Math.min(100, Math.max(0, ((time - began) / whole) * 100));
  return h("div", { class: "gb-lanes" }, lanes.map((lane) => laneOf(lane, place)), axisOf(whole));
}

function laneOf({ label, spans, took, say }, place) {
  const bars = spans.filter((span) => span.to >= span.from).map((span) => barOf(span, place));
  const told = spans.map(({ what, from, to }) => `${what} ${duration(to - from)}`).join(", ");
  return h(
    "div", { class: "gb-lane" },
    h("span", null, label), h("span", { class: "gb-track", role: "img", "aria-label": told || label }, bars), h("span", { class: "gb-num" }, took),
    say ? h("span", { class: "gb-lane-say" }, shown(say)) : null,
  );
}

function barOf({ from, to, state, kind, what }, place) {
  const left = place(from);
  const el = h("i", { "data-state": state, "data-wait": kind === "wait", "data-soft": kind === "soft", title: `${what} ${duration(to - from)}` });
  el.style.setProperty("--a", `${left.toFixed(2)}%`);
  el.style.setProperty("--w", `${(place(to) - left).toFixed(2)}%`);
  return el;
}

function axisOf(whole) {
  const marks = ticksOf(whole).map((tick) => {
    const el = h("span", null, tick === 0 ? "0 s" : tickWords(tick, whole));
    el.style.setProperty("--a", `${((tick / whole) * 100).toFixed(2)}%`);
    return el;
  });
  return h("div", { class: "gb-axis", "aria-hidden": "true" }, h("span", { class: "gb-axis-marks" }, marks, h("span", { class: "gb-axis-end" }, duration(whole))));
}

/** Round times along the way, not so near to the end that its own figure would be written over. */
function ticksOf(whole) {
  const step = whole < 5 ? fineStep(whole / 5) : TICKS.find((one) => whole / one <= 5) ?? TICKS.at(-1);
  return Array.from({ length: Math.floor((whole * 0.82) / step) + 1 }, (_, i) => i * step);
}

function fineStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].find((one) => one * power >= least) * power;
}

function tickWords(tick, whole) {
  return whole >= 60 ? passing(tick) : String(Number(tick.toPrecision(3)));
}

/** The lane of one attempt, and the wait after it. */
export function attemptLane(attempt, number, now) {
  const { started, sent, first_token: first, finished, delay, limited } = attempt;
  const end = finished ?? now;
  const state = attempt.error ? "failed" : finished === null ? "running" : "succeeded";
  const spans = [];
  const isQueued = limited !== null && sent === null && finished === null;
  if (sent !== null || isQueued) spans.push({ from: started, to: sent ?? now, state: "pending", kind: "wait", what: "waited for a limit" });
  const begin = sent ?? started;
  if (!isQueued && first !== null) spans.push({ from: begin, to: first, state, kind: "soft", what: "to the first token" });
  if (!isQueued) spans.push({ from: first ?? begin, to: end, state, kind: "", what: first === null ? "call" : "answer" });
  if (delay !== null && finished !== null) spans.push({ from: finished, to: finished + delay, state: "retrying", kind: "wait", what: "wait before the next attempt" });
  return { label: `attempt ${number}`, spans, took: duration(end - started), say: attemptWords(attempt, isQueued, now) };
}

function attemptWords({ error, delay, limited, sent, started, finished }, isQueued, now) {
  if (isQueued) return `waits for the limit ${limited}`;
  const told = [];
  if (sent !== null) told.push(`${duration(sent - started)} for ${limited ? `the limit ${limited}` : "a limit"}`);
  if (error) told.push([error.status, error.type].filter(Boolean).join(" "));
  if (delay !== null) told.push(`${finished + delay > now ? "waits" : "waited"} ${duration(delay)}${error?.retry_after ? ", as the provider asked" : ""}`);
  return told.join("; ");
}

/** When the last of these attempts ends, its wait included. */
export function endOf(attempts, now) {
  return Math.max(...attempts.map(({ finished, delay }) => (finished === null ? now : Math.min(finished + (delay ?? 0), Math.max(now, finished)))));
}

/** The lanes of a node as a whole: queued, then what its last attempt spent. */
export function timingLanes({ timing, attempts }, now) {
  const { ready, started, finished } = timing;
  const end = finished ?? now;
  const lanes = [];
  const lane = (label, from, to, state, kind) => lanes.push({ label, spans: [{ from, to, state, kind, what: label }], took: duration(to - from) });
  if (ready !== null && (started ?? end) - ready >= 0.001) lane("queued", ready, started ?? end, "pending", "wait");
  if (started === null) return lanes;
  const last = attempts.at(-1);
  if (!last) {
    lane("work", started, end, finished === null ? "running" : "succeeded", "");
    return lanes;
  }
  if (attempts.length > 1) lane("earlier attempts", attempts[0].started, last.started, "retrying", "wait");
  const sent = last.sent ?? last.started;
  const stop = last.finished ?? end;
  if (last.sent !== null) lane("limit", last.started, sent, "pending", "wait");
  if (last.first_token !== null) {
    lane("first token", sent, last.first_token, "running", "soft");
    lane("tokens", last.first_token, stop, last.error ? "failed" : "running", "");
  } else lane("call", sent, stop, last.error ? "failed" : "running", "");
  return lanes;
}
