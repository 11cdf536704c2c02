// What a view shows and where it comes from: a widget's model, or a record that needs no kernel.
//
// A source is { state(), on(listener) -> off, call(message), inspect(path) -> Promise<NodeRecord|null>,
// problem(path) -> why there was no record, width(px), live, close() }. `state()` is the whole state, never changed in place; beside
// what the contract names it holds what came since the picture was drawn: `cards` {id: markup}, `frames` {id: markup},
// `flows` {key: [from, to, flow]}; and `refused` { of, text } | null, the latest call that was not followed.
//
// Listeners are told once in an animation frame, with a Set of the names of what has changed:
//   "workflow" "picture" "problem" "nodes" "run" "rows" "notes" "actions" "folds" "direction" "theme"
//   "nodes:ID"  what is said of one node       "cards:ID"  the look of one card       "frames:ID"  that of one frame
//   "flows"     how far links have come        "refused"   a call was not followed
// "picture" also comes when the same drawing was sent again; compare `picture.key` to tell.

const WHOLE_PARTS = ["workflow", "picture", "problem", "nodes", "run", "rows", "notes", "actions", "folds", "direction", "theme"];
const PLAIN_PARTS = ["workflow", "problem", "run", "notes", "actions", "folds", "direction"];
const setByViews = new WeakSet(); // states that the kernel has not sent whole
const openWidths = new WeakMap(); // model: { source: px } of the views that are open, which share one layout
const PATIENCE = 15_000; // ms that a kernel has to answer `inspect`

/** The source of a view in a notebook whose kernel runs. */
export function modelSource(model) {
  let state = withoutGaps(model.get("state"));
  let hasMissed = false; // whether a message was lost on the way since the state was whole
  let waiting = []; // for records: { path, resolve, timer }
  const problems = new Map();
  const news = newsRoom();
  const me = {};
  if (!openWidths.has(model)) openWidths.set(model, new Map());
  const open = openWidths.get(model);

  /** Tells the width of the widest view: two views of one drawing do not take it from each other. And what it has heard. */
  const tellWidth = () => model.send({ call: "width", px: Math.max(...open.values()), seq: state.seq });

  function keep(next) {
    state = next;
    // A view of the same model that is opened later begins with this; it is not sent to the kernel.
    setByViews.add(next);
    model.set?.("state", next);
  }

  function hearState() {
    const whole = model.get("state");
    if (setByViews.has(whole) || !whole?.version || whole.seq < state.seq) return;
    const isKnown = !hasMissed && whole.seq === state.seq + 1 && whole.picture?.key === state.picture?.key;
    hasMissed = false;
    if (isKnown) {
      const { cards, frames, flows, refused } = state; // which the new picture shows as well
      state = { ...withoutGaps(whole), cards, frames, flows, refused };
      return;
    }
    state = withoutGaps(whole);
    news.tell(WHOLE_PARTS);
  }

  function hearMessage(message) {
    if (message.kind === "delta" && message.seq > state.seq) {
      const names = [];
      hasMissed ||= message.seq !== state.seq + 1;
      keep(withDelta(state, message, names));
      news.tell(names);
    } else if (message.kind === "node") {
      if (message.problem) problems.set(message.path, message.problem);
      else problems.delete(message.path);
      settle(message.path, message.record);
    } else if (message.kind === "refused") {
      state = { ...state, refused: { of: message.of, text: message.text } };
      news.tell(["refused"]);
      if (message.of?.call === "inspect") settle(message.of.path, null);
    }
  }

  function settle(path, record) {
    const mine = waiting.filter((one) => one.path === path);
    waiting = waiting.filter((one) => one.path !== path);
    for (const one of mine) {
      clearTimeout(one.timer);
      one.resolve(record ?? null);
    }
  }

  function inspect(path) {
    return new Promise((resolve) => {
      const isAsked = waiting.some((one) => one.path === path);
      waiting.push({ path, resolve, timer: setTimeout(() => settle(path, null), PATIENCE) });
      if (!isAsked) model.send({ call: "inspect", path });
    });
  }

  model.on("change:state", hearState);
  model.on("msg:custom", hearMessage);
  return {
    live: true,
    state: () => state,
    on: news.on,
    call: (message) => model.send(message),
    inspect,
    problem: (path) => problems.get(path) ?? null,
    width(px) {
      open.set(me, px);
      tellWidth();
    },
    close() {
      const mine = open.get(me) ?? 0;
      open.delete(me);
      if (open.size && mine > Math.max(...open.values())) tellWidth();
      model.off("change:state", hearState);
      model.off("msg:custom", hearMessage);
      for (const one of waiting) clearTimeout(one.timer);
      news.close();
    },
  };
}

/** The source of a view of a run that was saved: { state, nodes: {path: NodeRecord} }. */
export function recordSource(record) {
  const state = withoutGaps({ ...record.state, actions: [] });
  return {
    live: false,
    state: () => state,
    on: () => () => {},
    call() {},
    inspect: (path) => Promise.resolve(record.nodes?.[path] ?? null),
    problem: () => null,
    width() {},
    close() {},
  };
}

function withoutGaps(state) {
  return {
    seq: 0, workflow: "", theme: null, picture: null, problem: null, nodes: {}, run: null, rows: [], more: 0, notes: [],
    actions: [], folds: [], direction: "auto", refused: null, cards: {}, frames: {}, flows: {}, ...state,
  };
}

/** The key in `flows` of the link between two cards. */
export function endsKey(from, to) {
  return JSON.stringify([from, to]);
}

/** Returns the state after a delta; puts the names of what it changes into `names`. */
function withDelta(state, delta, names) {
  const next = { ...state, seq: delta.seq };
  for (const part of PLAIN_PARTS) {
    if (part in delta) {
      next[part] = delta[part];
      names.push(part);
    }
  }
  if ("picture" in delta) {
    Object.assign(next, { picture: delta.picture, cards: {}, frames: {}, flows: {} });
    names.push("picture");
  }
  for (const part of ["cards", "frames", "nodes"]) mergePart(next, delta, part, names);
  // A new picture comes with all of its nodes: those that are no longer in it are gone.
  if (delta.picture && delta.nodes) next.nodes = delta.nodes;
  if (delta.nodes) names.push("nodes");
  if (delta.flows) {
    next.flows = { ...next.flows };
    for (const flow of delta.flows) next.flows[endsKey(flow[0], flow[1])] = flow;
    names.push("flows");
  }
  if (delta.rows) {
    Object.assign(next, mergedRows(state, delta.rows));
    names.push("rows");
  }
  return next;
}

function mergePart(next, delta, part, names) {
  if (!delta[part]) return;
  next[part] = { ...next[part], ...delta[part] };
  for (const id of Object.keys(delta[part])) names.push(`${part}:${id}`);
}

function mergedRows(state, change) {
  const rows = new Map(state.rows.map((row) => [row.path, row]));
  for (const [path, row] of Object.entries(change.rows ?? {})) rows.set(path, row);
  return { rows: change.order.map((path) => rows.get(path)).filter(Boolean), more: change.more ?? 0 };
}

/** Gathers what has changed, and tells it to all who listen once in a frame. */
function newsRoom() {
  const listeners = new Set();
  let changed = new Set();
  let cancel = null;

  function flush() {
    cancel = null;
    const told = changed;
    changed = new Set();
    for (const listener of [...listeners]) {
      try {
        listener(told);
      } catch (error) {
        console.error("graphbit_nb:", error); // one panel that fails takes no other with it
      }
    }
  }

  return {
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tell(names) {
      for (const name of names) changed.add(name);
      cancel ??= soon(flush);
    },
    close() {
      cancel?.();
      listeners.clear();
    },
  };
}

/** Calls back in the next frame; a page that is hidden has no frames, so there a timer does. Returns what cancels it. */
function soon(callback) {
  if (document.hidden) {
    const timer = setTimeout(callback, 250);
    return () => clearTimeout(timer);
  }
  const frame = requestAnimationFrame(callback);
  return () => cancelAnimationFrame(frame);
}
