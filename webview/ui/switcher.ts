import { element } from "../dom.ts";

interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
}

/** A choice of one of a few, side by side: radio buttons, so arrows and screen readers know what to do. */
export function switcher<Value extends string>(
  name: string,
  label: string,
  choices: readonly Choice<Value>[],
  current: Value,
  choose: (value: Value) => void,
): HTMLElement {
  return element(
    "fieldset",
    { class: "switcher" },
    element("legend", { class: "unseen" }, label),
    ...choices.map((choice) => {
      const input = element("input", {
        id: `${name}-${choice.value}`,
        attributes: { type: "radio", name, value: choice.value },
      });
      input.checked = choice.value === current;
      input.addEventListener("change", () => choose(choice.value));
      return element("label", {}, input, element("span", {}, choice.label));
    }),
  );
}
