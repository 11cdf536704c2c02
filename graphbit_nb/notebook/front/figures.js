// How times, counts, money and texts are written, as the drawing writes them (graphbit_nb/drawing/figures.py).

/** `40 ms`, `9.4 s`, `1:05`, `2:00:07` */
export function duration(seconds) {
  if (seconds < 0.0995) return `${Math.max(0, seconds * 1000).toFixed(0)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return clockTime(Math.round(seconds));
}

/** A time that goes by, without parts of a second: `7 s`, `1:05`. */
export function passing(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 60 ? `${whole} s` : clockTime(whole);
}

function clockTime(whole) {
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (figure) => String(figure).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A guess, no more precise than it is: `about 20 s`, `about 4 min`. */
export function roughly(seconds) {
  if (seconds < 5) return "a few seconds";
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s`;
  if (seconds < 5400) return `about ${Math.max(1, Math.round(seconds / 60))} min`;
  return `about ${(seconds / 3600).toFixed(1)} h`;
}

/** `4,312` */
export function counted(number) {
  return number.toLocaleString("en-US");
}

/** `1 node`, `4,312 nodes` */
export function plural(number, word) {
  return `${counted(number)} ${word}${number === 1 ? "" : "s"}`;
}

/** `$0.0213`, of which two digits count where it is less than a cent. */
export function dollars(cost) {
  if (cost >= 0.01 || cost === 0) return `$${cost.toFixed(cost === 0 ? 2 : 4)}`;
  if (cost >= 0.0001) return `$${Number(cost.toPrecision(2))}`;
  return `$${cost.toFixed(8).replace(/0+$/, "")}`;
}

/** A text as it is shown: what hides or turns text is shown by its code, colours of terminals are left out. */
export function shown(text) {
  return String(text).replace(COLOURS, "").replace(UNSEEN, (sign) => (sign === "\r" ? "\\r" : `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`));
}

const COLOURS = /\u001b\[[0-9;]*[A-Za-z]/g;
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]|\p{Cs}/gu;
