// What this browser keeps of a person, so that a break goes on where there is no line: times of
// return, small steps, and "I need a break" on its way. No word of the person's own and no
// measurement; what can be told from it all the same, docs/page.md says. It goes when this browser is no longer paired, and with "Leave" for who
// wants that (device.js).

const KEY = "kept";
const DAY_MS = 86400000; // no break lasts longer

// ready: { minutes, steps } of a break that would begin now; here also the sign of having been
//   paired. break: { id, until_ms, minutes, steps } by the service's clock, with skewMs.
// alone: { until_ms, minutes, trying } of one that only this page knows of, by the phone's clock.
// dizzy: the break in which breathing did no good: its id, or "alone".
// pending: { body, at } of "I need a break" until it is heard.
export function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // no storage in this browser, or not ours
  }
}

let left = false;

export function keep(part) {
  if (left) return;
  const before = JSON.stringify(kept());
  const after = JSON.stringify({ ...kept(), ...part }); // another tab may have kept something
  if (after === before) return;
  try {
    localStorage.setItem(KEY, after);
  } catch {
    // Then it is known as long as the page is open.
  }
}

// With what this tab keeps of the person: which screens were read, or put off until later.
export function forget() {
  try {
    localStorage.removeItem(KEY);
    sessionStorage.clear();
  } catch {
    // There is nothing.
  }
}

// For good: the next page may be slow to come, and until then pictures come in here.
export function forgetAndLeave() {
  left = true;
  forget();
}

export const RUNS = ["break", "time-up"]; // screens of a break that is on
const plain = (steps) => steps.filter(({ own }) => !own);

export function keepPicture({ screen, ready, break: pause }, skewMs) {
  if (!ready) return; // a service from before there was this
  const { id, until_ms, minutes, steps } = pause ?? {};
  const { dizzy } = kept();
  keep({
    dizzy: dizzy === id || dizzy === "alone" ? dizzy : null,
    ready: { minutes: ready.minutes, steps: plain(ready.steps) },
    break: RUNS.includes(screen) ? { id, until_ms, minutes, steps: plain(steps), skewMs } : null,
  });
}

// The picture of the break that ran when there was a line last; or null.
export function lastPicture() {
  const { break: pause } = kept();
  if (!pause || Date.now() - pause.skewMs > pause.until_ms + DAY_MS) return null;
  return {
    screen: "break",
    break: { ...pause, say: "break.on", about: null, agreed: [] },
    recording: true,
    paused: null,
  };
}

export function lastAlone() {
  const { alone, ready } = kept();
  if (!alone || !ready || Date.now() > alone.until_ms + DAY_MS) return null;
  return { ...alone, steps: ready.steps };
}
