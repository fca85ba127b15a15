/**
 * Names and texts from files, arguments and drivers, on their way to a terminal, a notification or a log: nothing in them may
 * steer what shows them, and none may bury the rest. The only place where that is decided; our own colours and progress
 * frames are added afterwards.
 */

/** Of one quoted thing inside a message, in UTF-16 units. */
const LONGEST_WORD = 300;
/** Of a message. */
const LONGEST_MESSAGE = 2000;
/** What is looked at of a message at all: some quote whole files. */
const LONGEST_INPUT = 20_000;

/** Controls of C0 and C1, lone surrogates, separators that some take for line ends, and what turns the direction of text. */
const STEERING = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Everything that steers as something to see: ESC as ␛, a right-to-left override as \u202e. Line ends too. */
export function visible(text: string): string {
  return text.replace(STEERING, picture);
}

/** The same for a text of several lines, whose ends stay. */
export function visibleLines(text: string): string {
  return text.replace(STEERING, (character) => (character === "\n" ? character : picture(character)));
}

function picture(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

/** A text of at most about `limit` units: of a longer one both ends, and how much is missing between them. */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = Math.floor(limit / 4);
  // Never half of a surrogate pair.
  const head = text.slice(0, limit - end).replace(/[\uD800-\uDBFF]$/u, "");
  const tail = text.slice(text.length - end).replace(/^[\uDC00-\uDFFF]/u, "");
  return `${head}... (${text.length - head.length - tail.length} more characters) ...${tail}`;
}

/** A message on one line: long words and quotations shortened, then the whole, and nothing left in it that steers. */
export function message(text: string): string {
  const words = shortened(text, LONGEST_INPUT).replace(/"[^"]{301,}"|\S{301,}/gu, (word) =>
    shortened(word, LONGEST_WORD),
  );
  return shortened(visible(words.trim().replace(/\s*[\r\n]\s*/gu, " ")), LONGEST_MESSAGE);
}

/** Lines of a stack or of what a process printed: each shortened, their ends kept. */
export function messageLines(text: string): string {
  return text
    .split("\n")
    .map((line) => visible(shortened(line, LONGEST_MESSAGE)))
    .join("\n");
}

/** What steers and JSON.stringify leaves as it is; C0 and lone surrogates it escapes itself. */
const STEERING_IN_JSON = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The output of JSON.stringify with everything that steers escaped by JSON's own rules: harmless on a terminal, and the same JSON. */
export function visibleJson(json: string): string {
  return json.replace(STEERING_IN_JSON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
