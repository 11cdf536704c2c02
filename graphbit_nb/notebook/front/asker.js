// Asks a source for the records of nodes.

const ASK_MS = 250; // from one question for the same node to the next

/** Asks for the record of a node, one question at a time and not too often. */
export function makeAsker(source, heard) {
  let wanted = null;
  let isAsking = false;
  let askedAt = -Infinity;
  let asked = null;
  let timer = 0;

  function ask(path) {
    wanted = path;
    if (asked !== path) askedAt = -Infinity;
    go();
  }

  function go() {
    if (wanted === null || (isAsking && asked === wanted)) return;
    clearTimeout(timer);
    const rest = askedAt + ASK_MS - performance.now();
    if (rest > 0) timer = setTimeout(go, rest);
    else void put(wanted);
  }

  async function put(path) {
    wanted = null;
    asked = path;
    isAsking = true;
    askedAt = performance.now();
    const found = await source.inspect(path);
    if (asked !== path) return; // another node was chosen since
    isAsking = false;
    heard(path, found);
    go();
  }

  return {
    ask,
    stop() {
      clearTimeout(timer);
      wanted = asked = null;
      isAsking = false;
    },
  };
}
