// What a node is a part of, told by its path.

/** The path of a node and of those that it is in: `a#2.b[3]` is in `a#2.b`, `a#2` and `a`. */
export function upwards(path) {
  const found = [path];
  for (let i = path.length - 1; i > 0; i -= 1) if ("[.#".includes(path[i])) found.push(path.slice(0, i));
  return found;
}

/** The node that a path is a part of, or null. */
export function parentOf(path) {
  return upwards(path).slice(1).map((one) => one.replace(/#\d+$/, "")).find((one) => one !== path.replace(/#\d+$/, "")) ?? null;
}
