// What goes along with a pace for who wants it: a soft tone, a soft buzz, a screen that stays on.
// The pacer's clock begins each part of a breath; nothing here knows of the body, or of a heart.

import { canBuzz, senses } from "./senses.js";

const LOW_HZ = 165; // e to a, sung softly: the tone rises with the breath in and falls with it
const HIGH_HZ = 220;
const LOUD = { in: 0.05, hold: 0.03, out: 0.015 }; // of full loudness
const SOFTLY_S = 0.4; // no cue starts or ends at once
const BUZZ_MS = { in: [160], hold: [], out: [60, 140, 60] }; // one for in, two for out

let sound = null; // { audio, tone, gain }
let lock = null;
let running = false;

export function begin() {
  running = true;
  stayOn();
}

// A part of a breath, `left_s` before its end, from `full` to `to` (0 to 1) of a breath.
export function part({ name, full, to, left_s }) {
  if (senses.sound) sing(name, full, to, left_s);
  else hush();
  if (senses.touch && canBuzz) navigator.vibrate(BUZZ_MS[name]);
}

export function end() {
  running = false;
  hush();
  if (canBuzz) navigator.vibrate(0);
  lock?.release().catch(() => {});
  lock = null;
}

function sing(name, full, to, leftS) {
  sound ??= open();
  const { audio, tone, gain } = sound;
  const now = audio.currentTime;
  const hz = (share) => LOW_HZ + (HIGH_HZ - LOW_HZ) * share;
  tone.frequency.cancelScheduledValues(now);
  tone.frequency.setValueAtTime(hz(full), now);
  tone.frequency.linearRampToValueAtTime(hz(to), now + leftS);
  gain.gain.setTargetAtTime(LOUD[name], now, SOFTLY_S);
}

function open() {
  const audio = new AudioContext();
  const tone = new OscillatorNode(audio, { frequency: LOW_HZ });
  const gain = new GainNode(audio, { gain: 0 });
  tone.connect(gain).connect(audio.destination);
  tone.start();
  return { audio, tone, gain };
}

function hush() {
  if (sound === null) return;
  const { audio, gain } = sound;
  sound = null;
  gain.gain.setTargetAtTime(0, audio.currentTime, SOFTLY_S / 4);
  setTimeout(() => audio.close(), SOFTLY_S * 1000);
}

// Some browsers have no such lock, or refuse it when the battery is low: then the screen goes dark.
function stayOn() {
  navigator.wakeLock?.request("screen").then((held) => {
    if (running) lock = held;
    else held.release();
  }).catch(() => {});
}

// A page that nobody sees makes no sound; the pacer begins the part anew when it is seen again.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hush();
  else if (running) stayOn();
});
