/** Options of the command line, by which engine and profile name the way out, and the settings that are the same here. */
const SETTINGS: readonly (readonly [RegExp, string])[] = [
  [/--max-tokens\b/g, "hysparse.maxTokens"],
  [/--engine\b/g, "hysparse.engine"],
  [/--gpu\b/g, "hysparse.gpu"],
  [/--model\b/g, "hysparse.model"],
  [/--variants\b/g, "hysparse.variants"],
];

/** A message of the runtime with settings in place of command-line options. */
export function inSettings(message: string): string {
  return SETTINGS.reduce((text, [option, setting]) => text.replace(option, setting), message);
}

/** "there is no model" as "There is no model." */
export function sentence(message: string): string {
  const text = message.trim();
  const end = /[.!?]$/u.test(text) ? "" : ".";
  return capitalized(text) + end;
}

/** A clause as it begins a line. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
