// The form in which a person answers a node: a button for each option, else a field.

import { h, setAttr, setText } from "./dom.js";
import { shown } from "./figures.js";

const ANSWER_MS = 20_000; // after which it may be sent again

/** Returns { el, show(question, options), refuse(text), destroy() }. `drafts` is a Map that keeps what was typed, by path. */
export function makeAsking(source, view, path, drafts) {
  const question = h("p", { class: "gb-question" });
  const place = h("div", { class: "gb-answer" });
  const note = h("p", { class: "gb-asking-note", hidden: true });
  const el = h("div", { class: "gb-asking", "data-lm-suppress-shortcuts": "true", onclick: (event) => event.stopPropagation() }, question, place, note);
  let told = null; // what the form was made for
  let timer = 0;

  function send(value) {
    if (place.hasAttribute("inert")) return;
    setAttr(place, "inert", "");
    say("sending…", null);
    view.say("answer sent");
    timer = setTimeout(open, ANSWER_MS);
    source.call({ call: "answer", path, value });
  }

  function open() {
    clearTimeout(timer);
    setAttr(place, "inert", null);
    note.hidden = true;
  }

  function say(text, state) {
    setText(note, text);
    setAttr(note, "data-state", state);
    note.hidden = false;
  }

  function show(text, options) {
    const key = JSON.stringify([text, options]);
    if (key === told) return;
    told = key;
    open();
    setText(question, shown(text));
    place.replaceChildren(...(options.length ? options.map(choice) : field(text)));
  }

  function choice(option) {
    return h("button", { type: "button", class: "gb-btn", onclick: () => send(option) }, shown(option));
  }

  function field(text) {
    const area = h("textarea", {
      class: "gb-field", rows: "2", "aria-label": `answer: ${text}`, placeholder: "your answer",
      oninput: () => {
        drafts.set(path, area.value);
        fitRows(area);
      },
      onkeydown: (event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        event.stopPropagation();
        send(area.value);
      },
    });
    area.value = drafts.get(path) ?? "";
    const button = h("button", { type: "button", class: "gb-btn", "data-main": true, onclick: () => send(area.value), title: "Ctrl+Enter" }, "Send");
    return [area, button];
  }

  return {
    el, show,
    refuse(text) {
      open();
      say(shown(text), "failed");
    },
    destroy: () => clearTimeout(timer),
  };
}

function fitRows(area) {
  area.rows = Math.min(10, Math.max(2, area.value.split("\n").length));
}
