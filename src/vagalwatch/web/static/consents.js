// A consent as a person gives it and takes it back: a box a purpose, by the words that stand beside it.

import { check, element, group, say, wish } from "./form.js";
import { line } from "./words.js";

export const of = (own, key) => own.consents.find((each) => each.key === key);

const LOOK_MS = 1500; // so long nothing is taken for what a box said before it changed by itself
let turned = -LOOK_MS; // when one did

export function consent(each) {
  const { key, say: words, name, about, text, read, asked, purposes } = each;
  // One box alone: what else stands, the service knows, and this screen may be old.
  const send = (purpose) => (on) => {
    if (performance.now() - turned > LOOK_MS) return wish(key, { purpose, on, text, ...about });
    say(line("own.turned"));
    return false;
  };
  const made = group(
    name ? `${line(words)} (${name})` : line(words),
    ...(asked && read < text ? [element("p", line("own.new-words"))] : []),
    ...purposes.map(({ name: purpose, given }) => check(line(`${words}-${purpose}`), given, send(purpose))),
  );
  made.dataset.asks = asks(each);
  return made;
}

const asks = ({ key, name, about, text }) => JSON.stringify([key, name, about, text]);

// Each box says what stands by now, in its place: nothing moves under a finger. False where other
// things are asked by now.
export function renew(box, own) {
  const groups = [...box.querySelectorAll("[data-asks]")];
  const now = groups.map((made) => own.consents.find((each) => asks(each) === made.dataset.asks));
  if (now.includes(undefined)) return false;
  for (const [n, made] of groups.entries()) {
    for (const [m, input] of made.querySelectorAll("input").entries()) {
      const { given } = now[n].purposes[m];
      if (input.checked === given) continue;
      turned = performance.now();
      input.dispatchEvent(new CustomEvent("holds", { detail: given }));
      say(line("own.turned"));
    }
  }
  return true;
}
