/** A stretch of text: plain, or one that an added token spells. */
export interface Section {
  readonly text: string;
  readonly id?: number;
}

/** A token that is found in the text itself, before anything is split. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Looked for only after those that are not; without a normalizer that is all it means. */
  readonly normalized: boolean;
}

/**
 * Finds added tokens as Hugging Face's library does: those that are not `normalized` first, over the whole text, the others
 * in what is left; each time from left to right, the longest that starts at a place.
 */
export function addedTokenFinder(tokens: readonly AddedToken[]): (text: string) => Section[] {
  const rounds = [tokens.filter((token) => !token.normalized), tokens.filter((token) => token.normalized)]
    .filter((round) => round.length > 0)
    .map(finder);
  return (text) =>
    rounds.reduce<Section[]>(
      (sections, find) => sections.flatMap((section) => (section.id === undefined ? find(section.text) : [section])),
      [{ text }],
    );
}

/** By first characters, longest first: a file may hold thousands. */
function finder(tokens: readonly AddedToken[]): (text: string) => Section[] {
  const byStart = new Map<string, AddedToken[]>();
  for (const token of tokens) {
    const start = token.content.charAt(0);
    const known = byStart.get(start);
    if (known === undefined) byStart.set(start, [token]);
    else known.push(token);
  }
  for (const candidates of byStart.values()) candidates.sort((a, b) => b.content.length - a.content.length);
  return (text) => {
    const sections: Section[] = [];
    let plain = 0;
    for (let at = 0; at < text.length;) {
      const found = byStart.get(text.charAt(at))?.find(({ content }) => text.startsWith(content, at));
      if (found === undefined) {
        at++;
        continue;
      }
      if (plain < at) sections.push({ text: text.slice(plain, at) });
      sections.push({ text: found.content, id: found.id });
      at += found.content.length;
      plain = at;
    }
    if (plain < text.length) sections.push({ text: text.slice(plain) });
    return sections;
  };
}
