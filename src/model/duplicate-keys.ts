/**
 * The first key that some object of a JSON text holds twice. JSON.parse keeps the last one silently, which in a file of
 * tensors means that one of two tensors is ignored.
 *
 * @param json text that JSON.parse accepts
 */
export function duplicateKey(json: string): string | undefined {
  // One entry per open bracket: the keys seen in that object, or undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json.charAt(at);
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const end = stringEnd(json, at);
      if (isFollowedByColon(json, end)) {
        const key = JSON.parse(json.slice(at, end)) as string;
        const keys = open.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** The position behind the string that starts at `start`. By hand: a regular expression overflows on megabytes. */
function stringEnd(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json.charAt(at) !== '"') at += json.charAt(at) === "\\" ? 2 : 1;
  return at + 1;
}

function isFollowedByColon(json: string, at: number): boolean {
  let next = at;
  while (" \t\r\n".includes(json.charAt(next)) && next < json.length) next++;
  return json.charAt(next) === ":";
}
