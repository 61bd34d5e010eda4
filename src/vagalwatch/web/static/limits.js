// Intended use and limits: for everybody, also where nothing is paired or measured.

import { callNumber, element, list } from "./form.js";
import { line } from "./words.js";

const LINES = [1, 2, 3, 4, 5, 6, 7, 8];

export const parts = () => [list(LINES.map((n) => line(`limits.${n}`, { number: callNumber() })))];

export function show(box) {
  box.append(element("h1", line("limits.title")), ...parts());
}
