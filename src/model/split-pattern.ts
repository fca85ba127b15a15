import { toRegExp } from "oniguruma-to-es";
import { messageOf } from "./errors.ts";
import { OutOfTime, withinTime } from "./within-time.ts";

/** UTF-16 units of a pattern; those in use have some hundred. */
const LONGEST = 4096;
/** For translating one pattern and trying it on a line. */
const COMPILE_MS = 5000;
/** Makes the engine compile the pattern, which happens at the first match and may fail. */
const PROBE = " a's 1\u00e9\r\n\u597d--";

/** Sequences of letters that are also one letter when case is ignored, and such letters. JavaScript knows no such pairs. */
const FOLDS_TO_SEVERAL =
  /ss|ff|fi|fl|st|[\u00df\u0149\u01f0\u0390\u03b0\u0587\u1e96-\u1e9e\u1f50-\u1fff\ufb00-\ufb17]/iu;

function ignoresCase(source: string): boolean {
  return /\(\?[a-zA-Z]*i/.test(source);
}

/**
 * A regular expression of Oniguruma, the engine of Hugging Face's library, as one that JavaScript runs with the same
 * matches: white space, digits and word characters, inline flags, possessive quantifiers, atomic groups, POSIX classes and
 * anchors mean other things there or nothing at all.
 *
 * @param refuse is given what is wrong
 */
export function compilePattern(source: string, refuse: (why: string) => never): RegExp {
  if (source.length > LONGEST) {
    return refuse(`the pattern ${shortened(source)} has ${source.length} characters; at most ${LONGEST} are supported`);
  }
  if (ignoresCase(source) && FOLDS_TO_SEVERAL.test(source)) {
    return refuse(
      `the pattern ${shortened(source)} ignores case and holds letters that Oniguruma takes for one (as ss for \u00df)`,
    );
  }
  try {
    return withinTime(() => {
      const pattern = toRegExp(source, { global: true, accuracy: "strict" });
      PROBE.replace(pattern, "");
      return pattern;
    }, COMPILE_MS);
  } catch (error) {
    const why = error instanceof OutOfTime ? `trying it took over ${COMPILE_MS / 1000} s` : firstLine(messageOf(error));
    return refuse(`the pattern ${shortened(source)} cannot be used: ${why}`);
  }
}

/** A pattern that matches exactly this text. */
export function literalPattern(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "gu");
}

/** For messages. */
export function shortened(pattern: string): string {
  return JSON.stringify(pattern.length > 80 ? `${pattern.slice(0, 80)}...` : pattern);
}

function firstLine(message: string): string {
  const line = message.split("\n", 1)[0] ?? "";
  return line.length > 120 ? `${line.slice(0, 120)}...` : line;
}
