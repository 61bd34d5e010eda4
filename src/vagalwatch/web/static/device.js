// The screen for this device: what it may do to the senses, each apart from the others.

import { canBuzz, senses, wish } from "./senses.js";
import { line } from "./words.js";

export function show(box) {
  const title = document.createElement("h1");
  title.textContent = line("page.device");
  const along = ["sound", ...(canBuzz ? ["touch"] : []), "light"];
  box.append(
    title,
    choice("follow", "shape", "words", "number"),
    choice("begin", "usual", "slow", "full"),
    group("along", along.map(toggle)),
    choice("dark", "phone", "night", "always"),
    group("leave", [toggle("forget")]),
  );
}

function toggle(name) {
  const input = document.createElement("input");
  Object.assign(input, { type: "checkbox", checked: senses[name] });
  input.onchange = () => wish(name, input.checked);
  return labelled(input, line(`device.${name}`));
}

function choice(name, ...values) {
  return group(name, values.map((value) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name, checked: senses[name] === value });
    input.onchange = () => wish(name, value);
    return labelled(input, line(`device.${name}-${value}`));
  }));
}

function group(name, rows) {
  const made = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = line(`device.${name}`);
  made.append(legend, ...rows);
  return made;
}

function labelled(input, text) {
  const made = document.createElement("label");
  made.append(input, text);
  return made;
}
