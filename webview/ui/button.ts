import "./toolkit.ts";

export interface ButtonOptions {
  readonly id: string;
  readonly label: string;
  readonly primary?: boolean;
  /** For a toggle: whether it is on. */
  readonly pressed?: boolean;
  /** Why it cannot be pressed now. */
  readonly unavailable?: string;
  readonly press: () => void;
}

/** A button as VS Code draws them. */
export function button({ id, label, primary = false, pressed, unavailable, press }: ButtonOptions): HTMLElement {
  const made = document.createElement("vscode-button");
  made.id = id;
  made.setAttribute("appearance", primary ? "primary" : "secondary");
  if (pressed !== undefined) {
    made.classList.add("toggle");
    Object.assign(made, { ariaPressed: String(pressed) });
  }
  if (unavailable !== undefined) {
    made.setAttribute("disabled", "");
    made.title = unavailable;
  }
  if (pressed === true) {
    const tick = document.createElement("span");
    tick.setAttribute("aria-hidden", "true");
    tick.slot = "start";
    tick.append("\u2713");
    made.append(tick);
  }
  made.append(label);
  made.addEventListener("click", press);
  return made;
}
