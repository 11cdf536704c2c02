// The kernel's time of day, and a tick once a second for what counts.

const clocks = new WeakMap(); // source -> { ahead, told }

/** The kernel's time now, in seconds since 1970. A record that is saved stands still at its last moment. */
export function kernelTime(source) {
  const { run } = source.state();
  if (!source.live) return run?.ended ?? run?.now ?? Date.now() / 1000;
  if (!clocks.has(source)) clocks.set(source, { ahead: -Infinity, told: null });
  const clock = clocks.get(source);
  if (run && run.now !== clock.told) {
    // A message that took its time makes the kernel's clock look late: the one that came fastest is the truest.
    clock.ahead = Math.max(clock.ahead, run.now - Date.now() / 1000);
    clock.told = run.now;
  }
  return Date.now() / 1000 + (Number.isFinite(clock.ahead) ? clock.ahead : 0);
}

/** Calls back once a second while it is on. Returns { set(isOn) }. */
export function makeTicker(tick) {
  let timer = 0;
  return {
    set(isOn) {
      if (isOn && !timer) timer = setInterval(tick, 1000);
      if (!isOn && timer) {
        clearInterval(timer);
        timer = 0;
      }
    },
  };
}
