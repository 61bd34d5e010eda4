// A shape to breathe with, for who wants one. One clock says where it stands, so it is right again
// after the page was hidden. It knows nothing of the body: it never quickens with it.

import { line } from "./words.js";

const FIRST = 0.7; // it begins nearer to a breath as it is, and reaches the full one
const FULL_AFTER_S = 90; // in a minute or two
const LEAST = 0.35; // of the full size, so that the shape never goes

// Where a pace stands after so many seconds: the part, and how full from 0 to 1; null: it is over.
export function where(pace, seconds) {
  let end = 0;
  for (let n = 0; pace.breaths === null || n < pace.breaths; n += 1) {
    const ease = Math.min(1, FIRST + ((1 - FIRST) * end) / FULL_AFTER_S);
    const part = pace.breaths === null ? ease : 1;
    for (const [name, full] of [["in", [0, 1]], ["hold", [1, 1]], ["out", [1, 0]]]) {
      const took = pace[`${name}_s`] * part;
      end += took;
      if (seconds >= end) continue;
      const done = 1 - (end - seconds) / took;
      const eased = (1 - Math.cos(Math.PI * done)) / 2;
      return { name, full: full[0] + (full[1] - full[0]) * eased };
    }
  }
  return null;
}

const byId = (id) => document.getElementById(id);
let pace = null; // of the step on the screen
let began = null;
let tell = () => {};

// `told` is called with true when the shape is followed, and with false when no longer.
export function start(told) {
  tell = told;
  byId("pace").onclick = () => follow(began === null);
}

function follow(on) {
  if (on !== (began !== null)) tell(on);
  began = on ? performance.now() : null;
  show();
}

// Called with the pace of the step on the screen, or null; another step ends what was followed.
export function draw(now) {
  if (JSON.stringify(now) === JSON.stringify(pace)) return;
  pace = now;
  follow(false);
}

function show() {
  byId("pace").hidden = pace === null;
  byId("pace").textContent = line(began === null ? "page.pace" : "page.stop");
  byId("pacer").hidden = began === null;
  if (began !== null) frame();
}

function frame() {
  if (began === null) return;
  const now = where(pace, (performance.now() - began) / 1000);
  if (now === null) {
    follow(false);
    return;
  }
  const word = line(`page.breath-${now.name}`);
  if (byId("pacer-word").textContent !== word) byId("pacer-word").textContent = word;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  byId("pacer-shape").style.transform = still ? "" : `scale(${LEAST + (1 - LEAST) * now.full})`;
  requestAnimationFrame(frame);
}
