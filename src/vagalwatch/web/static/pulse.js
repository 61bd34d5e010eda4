// Heart rate as a number and a small curve, only while the person asks for it.

import { askForNumbers, state } from "./link.js";
import { line } from "./words.js";

const BROKEN_MS = 10000; // a longer silence is a gap: no number, no line across it
const WIDTH = 600;
const HEIGHT = 160;
const SPAN_MS = 600000;

const byId = (id) => document.getElementById(id);
let drawn = "";

export function start(redraw) {
  byId("numbers-toggle").onclick = () => {
    askForNumbers(!state.numbers);
    redraw();
  };
}

export function draw(offered) {
  if (!offered) askForNumbers(false); // asked for once is not asked for always
  const last = state.points.at(-1);
  const now = last && state.nowMs - last[0] <= BROKEN_MS ? last[1] : null;
  const picture = JSON.stringify([offered, state.numbers, now, last?.[0], state.points.length, state.usual]);
  if (picture === drawn) return;
  drawn = picture;
  byId("numbers").hidden = !offered;
  byId("pulse").hidden = !state.numbers;
  byId("numbers-toggle").textContent = line(state.numbers ? "page.hide-numbers" : "page.show-numbers");
  byId("numbers-toggle").setAttribute("aria-expanded", String(state.numbers));
  byId("bpm").textContent = now ?? "";
  byId("bpm-unit").textContent = line(now === null ? "page.no-bpm" : "page.bpm");
  byId("usual").textContent = state.usual === null ? "" : line("page.usual", { usual: state.usual });
  drawCurve(state.points, state.usual);
}

function drawCurve(points, usual) {
  const svg = byId("curve");
  svg.toggleAttribute("hidden", points.length < 2);
  svg.replaceChildren();
  if (points.length < 2) return;
  const heard = points.map(([, bpm]) => bpm);
  const all = usual === null ? heard : [...heard, usual];
  const low = Math.min(...all) - 5;
  const high = Math.max(...all) + 5;
  const x = (ms) => (WIDTH * (1 - (state.nowMs - ms) / SPAN_MS)).toFixed(1);
  const y = (bpm) => (HEIGHT * (1 - (bpm - low) / (high - low))).toFixed(1);
  if (usual !== null) svg.append(path(`M0 ${y(usual)}H${WIDTH}`, "usual"));
  const steps = points.map(([ms, bpm], n) => {
    const broken = n === 0 || ms - points[n - 1][0] > BROKEN_MS;
    return `${broken ? "M" : "L"}${x(ms)} ${y(bpm)}`;
  });
  svg.append(path(steps.join(""), "heart"));
  const values = { low: Math.min(...heard), high: Math.max(...heard) };
  svg.setAttribute("aria-label", line("page.curve", values));
}

function path(d, name) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "path");
  made.setAttribute("d", d);
  made.setAttribute("class", name);
  return made;
}
