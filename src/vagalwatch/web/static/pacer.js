// A pace to breathe with, for who wants one: a shape, words or a count. One clock says where it
// stands, so it is right again after the page was hidden. It knows nothing of the body: it never
// quickens with it.

import { senses } from "./senses.js";
import { line } from "./words.js";

// How long the first breath is, as a share of the full one. At rest, adults breathe about twelve
// times a minute and more; half of ten seconds is that. It grows to the full one.
const FIRST = { usual: 0.5, slow: 0.7, full: 1 };
const FULL_AFTER_S = 90; // in a minute or two
const LEAST = 0.35; // of the full size, so that the shape never goes

// Where a pace stands after so many seconds: the part, its count (1 to its seconds), how full from
// 0 to 1, how full at its end, and the seconds until then; null: it is over.
export function where(pace, seconds, first = FIRST.usual) {
  let end = 0;
  for (let n = 0; pace.breaths === null || n < pace.breaths; n += 1) {
    const ease = Math.min(1, first + ((1 - first) * end) / FULL_AFTER_S);
    const part = pace.breaths === null ? ease : 1;
    for (const [name, from, to] of [["in", 0, 1], ["hold", 1, 1], ["out", 1, 0]]) {
      const counts = pace[`${name}_s`];
      const took = counts * part;
      end += took;
      if (seconds >= end) continue;
      const done = 1 - (end - seconds) / took;
      const eased = (1 - Math.cos(Math.PI * done)) / 2;
      const count = Math.min(counts, Math.floor(done * counts) + 1);
      return { n, name, count, full: from + (to - from) * eased, to, left_s: end - seconds };
    }
  }
  return null;
}

const byId = (id) => document.getElementById(id);
const LABELS = { shape: "page.pace", words: "page.pace-words", number: "page.pace-number" };

let pace = null; // of the step on the screen
let began = null;
let cued = ""; // the part that was begun last
let cues = null; // cues.js, fetched when a pace is first followed
let tell = () => {};

// `told` is called with true when the pace is followed, and with false when no longer.
export function start(told) {
  tell = told;
  byId("pace").onclick = () => (began === null ? begin() : end());
  document.addEventListener("visibilitychange", () => { cued = ""; });
}

// Called with the pace of the step on the screen, or null; another step ends what was followed.
export function draw(now) {
  if (JSON.stringify(now) !== JSON.stringify(pace)) {
    if (began !== null) end();
    pace = now;
  }
  byId("pace").hidden = pace === null;
  label();
}

function label() {
  const text = line(began === null ? LABELS[senses.follow] ?? LABELS.shape : "page.stop");
  if (byId("pace").textContent !== text) byId("pace").textContent = text;
}

async function begin() {
  began = performance.now();
  tell(true);
  cued = "";
  byId("pacer").hidden = false;
  label();
  frame();
  cues ??= await import("./cues.js");
  if (began !== null) cues.begin();
}

function end() {
  began = null;
  tell(false);
  cues?.end();
  byId("pacer").hidden = true;
  label();
}

// At once, and touching nothing on the page: it may be gone.
export function hush() {
  began = null;
  cues?.end();
}

function frame() {
  if (began === null) return;
  const now = where(pace, (performance.now() - began) / 1000, FIRST[senses.begin]);
  if (now === null) {
    end();
    return;
  }
  show(now);
  const part = `${now.n} ${now.name}`;
  if (cues && part !== cued && !document.hidden) {
    cued = part;
    cues.part(now);
  }
  requestAnimationFrame(frame);
}

function show({ name, count, full }) {
  const word = line(`page.breath-${name}`);
  const text = senses.follow === "number" ? `${word} ${count}` : word;
  if (byId("pacer-word").textContent !== text) byId("pacer-word").textContent = text;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  byId("pacer").dataset.follow = senses.follow;
  byId("pacer-shape").style.transform = still ? "" : `scale(${LEAST + (1 - LEAST) * full})`;
  byId("pacer").style.setProperty("--glow", senses.light ? full.toFixed(3) : 0);
}
