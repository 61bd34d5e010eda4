// A consent as a person gives it and takes it back: a box a purpose, by the words that stand beside it.

import { check, element, group, wish } from "./form.js";
import { line } from "./words.js";

export const of = (own, key) => own.consents.find((each) => each.key === key);

// `then` is called when another box holds.
export function consent({ key, say, name, text, read, asked, purposes }, then = () => {}) {
  const given = new Map(purposes.map((each) => [each.name, each.given]));
  const send = (purpose) => async (on) => {
    const wanted = new Map(given).set(purpose, on);
    const to = [...wanted.keys()].filter((each) => wanted.get(each));
    if (!(await wish(key, { to, text }))) return false;
    given.set(purpose, on);
    then();
    return true;
  };
  return group(
    name ? `${line(say)} (${name})` : line(say),
    ...(asked && read < text ? [element("p", line("own.new-words"))] : []),
    ...purposes.map((each) => check(line(`${say}-${each.name}`), each.given, send(each.name))),
  );
}
