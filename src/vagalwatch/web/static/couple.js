// Ending a link with a partner, by the own side alone: one look at what it means, one tap, and no
// word of it to the other.

import { button, element, wish } from "./form.js";
import { line } from "./words.js";

export function ending({ consents }, then) {
  if (!consents.some(({ name }) => name)) return [];
  const made = element("details");
  const end = async () => {
    if (await wish("couple-link", null)) then();
  };
  made.append(
    element("summary", line("own.unlink")),
    element("p", line("own.unlink-why")),
    button(line("own.unlink-now"), end, "wide"),
  );
  return [made];
}
