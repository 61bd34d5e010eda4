// Lines of the words file by key, and how they are put: no sentence stands in the code.

let words = { lang: "en", lines: {} };

// Tried until it works: the service may be starting anew just now.
export async function load() {
  try {
    words = await (await fetch("/words.json", { signal: AbortSignal.timeout(8000) })).json();
  } catch {
    await new Promise((wake) => setTimeout(wake, 1000));
    await load();
  }
}

// In the language of the words, by 12 or 24 hours as the browser has it, and not a mix of both.
export function timeOfDay(date) {
  const { hourCycle } = new Intl.DateTimeFormat([], { hour: "numeric" }).resolvedOptions();
  const own = navigator.languages.find((each) => each.split("-")[0] === words.lang) ?? words.lang;
  return date.toLocaleTimeString(own, { hour: "numeric", minute: "2-digit", hourCycle });
}

// An unknown key (a newer service, an older page) claims nothing: "not measuring".
export function line(key, values = {}) {
  const text = words.lines[key] ?? words.lines["state.unknown"];
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export const section = (prefix) =>
  Object.keys(words.lines).filter((key) => key.startsWith(prefix)).map((key) => line(key));

// The first sentence is the headline, the rest stands under it.
export function split(text) {
  const [, say, more] = /^(.+?[.?!])\s+(.+)$/s.exec(text) ?? [null, text, ""];
  return { say, more };
}

// Words to say to the other, each under what it is for.
export const say = (values, ...names) =>
  names.map((name) => [line(`purpose.${name}`), line(`say.${name}`, values)]);
