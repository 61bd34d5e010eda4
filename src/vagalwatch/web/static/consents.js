// A consent as a person gives it and takes it back: a box a purpose, by the words that stand beside it.

import { check, element, group, wish } from "./form.js";
import { line } from "./words.js";

export const of = (own, key) => own.consents.find((each) => each.key === key);

// `then` is called when another box holds.
export function consent({ key, say, name, about, text, read, asked, purposes }, then = () => {}) {
  // One box alone: what else stands, the service knows, and this screen may be old.
  const send = (purpose) => async (on) => {
    const holds = await wish(key, { purpose, on, text, ...about });
    if (holds) then();
    return holds;
  };
  return group(
    name ? `${line(say)} (${name})` : line(say),
    ...(asked && read < text ? [element("p", line("own.new-words"))] : []),
    ...purposes.map((each) => check(line(`${say}-${each.name}`), each.given, send(each.name))),
  );
}
