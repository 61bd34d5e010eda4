// The screen for this device: what it may do to the senses, each apart from the others.

import { senses, wish } from "./senses.js";
import { line } from "./words.js";

export function show(box) {
  const title = document.createElement("h1");
  title.textContent = line("page.device");
  box.append(title, choice("dark", "phone", "night", "always"), toggle("forget"));
}

function toggle(name) {
  const input = document.createElement("input");
  Object.assign(input, { type: "checkbox", checked: senses[name] });
  input.onchange = () => wish(name, input.checked);
  return labelled(input, line(`device.${name}`));
}

function choice(name, ...values) {
  const made = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = line(`device.${name}`);
  made.append(legend, ...values.map((value) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name, checked: senses[name] === value });
    input.onchange = () => wish(name, value);
    return labelled(input, line(`device.${name}-${value}`));
  }));
  return made;
}

function labelled(input, text) {
  const made = document.createElement("label");
  made.append(input, text);
  return made;
}
