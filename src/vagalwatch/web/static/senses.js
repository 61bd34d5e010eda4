// How this browser shows things: the person's wishes for this one device. They stay on it, and say
// nothing about the person.

const KEY = "senses";

const AS_IT_COMES = {
  follow: "shape", // a pace as a "shape", as "words", as a "number"
  begin: "usual", // the first breath: "usual", "slow" or "full" (pacer.js)
  sound: false, // what goes along with a pace, each apart from the others
  touch: false,
  light: false,
  dark: "phone", // "phone": by its own habit; "night": also from nine to seven; "always"
  forget: false, // whether "Leave" also clears what kept.js keeps
};

export const senses = { ...AS_IT_COMES, ...read() };

// There is no vibration in Safari on a phone, and none in most machines without a touch screen.
export const canBuzz = "vibrate" in navigator && matchMedia("(any-pointer: coarse)").matches;

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // no storage in this browser, or not ours
  }
}

export function wish(name, value) {
  senses[name] = value;
  try {
    localStorage.setItem(KEY, JSON.stringify(senses));
  } catch {
    // It holds until the page is closed.
  }
  darken();
}

// Dark at night, where the phone does not turn dark by itself. Called now and then.
export function darken(hour = new Date().getHours()) {
  const night = senses.dark === "night" && (hour >= 21 || hour < 7);
  const media = night || senses.dark === "always" ? "all" : "(prefers-color-scheme: dark)";
  for (const each of document.querySelectorAll(".dark")) if (each.media !== media) each.media = media;
}
