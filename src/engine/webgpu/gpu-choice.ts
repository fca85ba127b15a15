/** A GPU that the driver loader offers. */
export interface AdapterListing {
  /** Its place in the list, from 0: what `--gpu 1` means first of all. */
  readonly index: number;
  readonly backend: string;
  readonly name: string;
  /** Runs on the CPU: used only when asked for by name. */
  readonly software: boolean;
  /** What means this one and no other of the list: its name where that tells, else its index. */
  readonly address: string;
  /** Why it cannot be opened, with the way out. */
  readonly obstacle?: string;
}

/** As the driver names it. */
type Found = Omit<AdapterListing, "address" | "obstacle">;

/** What a choice needs to know of a GPU. */
type Named = Pick<AdapterListing, "index" | "name">;

/** The GPU that was meant, or why none is, as a clause. */
export type Choice<T extends Named> = { readonly chosen: T } | { readonly problem: string };

/**
 * The GPU of `list` that `wanted` means: its index; else its exact name; else a part that no other name has. Case does not
 * count. Digits are a part of a name only as a word of it: 4090 means an RTX 4090, while 1 never means an A100.
 */
export function chooseByText<T extends Named>(list: readonly T[], wanted: string): Choice<T> {
  const words = wanted.trim().toLowerCase();
  if (words === "") return { problem: "the GPU name is empty" };
  const digits = /^\d+$/.test(words);
  const byIndex = digits ? list.find(({ index }) => index === Number(words)) : undefined;
  if (byIndex !== undefined) return { chosen: byIndex };
  const exact = list.filter(({ name }) => name.toLowerCase() === words);
  const found = exact.length > 0 ? exact : list.filter(({ name }) => hasPart(name.toLowerCase(), words, digits));
  const [first] = found;
  if (first === undefined) return { problem: `unknown GPU "${wanted}"` };
  if (found.length === 1) return { chosen: first };
  const indices = found.map(({ index }) => index).join(", ");
  return { problem: `"${wanted}" matches more than one GPU (${indices}): give an index` };
}

function hasPart(name: string, part: string, asWord: boolean): boolean {
  return asWord ? name.split(/[^\p{L}\p{N}]+/u).includes(part) : name.includes(part);
}

/** The list of GPUs, from what the driver names in its order. */
export function listingOf(found: readonly Omit<Found, "index">[]): AdapterListing[] {
  const list = found.map((gpu, index): Found => ({ index, ...gpu }));
  return list.map((gpu): AdapterListing => {
    const byName = chooseByText(list, gpu.name);
    const tells = "chosen" in byName && byName.chosen === gpu;
    const obstacle = obstacleOf(list, gpu);
    return {
      ...gpu,
      address: tells ? gpu.name : String(gpu.index),
      ...(obstacle === undefined ? {} : { obstacle }),
    };
  });
}

/**
 * Dawn's binding opens by name alone: it takes the first adapter of a backend whose name contains the one asked for. So the
 * second of two equal cards can only be listed, and so can a card behind one whose name is its own and more.
 */
function obstacleOf(list: readonly Found[], { index, backend, name }: Found): string | undefined {
  const first = list.find((other) => other.backend === backend && other.name.includes(name));
  if (first === undefined || first.index === index) return undefined;
  const equal = list.filter((other) => other.backend === backend && other.name === name);
  const why =
    first.name === name
      ? `GPUs ${equal.map((other) => other.index).join(", ")} have the same name "${name}"`
      : `"${name}" is also part of the name of GPU ${first.index} ("${first.name}")`;
  return (
    `GPU ${index} cannot be opened: ${why}, and WebGPU opens by name, so only GPU ${first.index} is reachable; ` +
    "to use this one, hide the other from the driver (a container that is given one card does)"
  );
}

export function describeAdapter({ index, backend, name, software, obstacle }: AdapterListing): string {
  const notes = [
    ...(software ? ["software, runs on the CPU, used only when named"] : []),
    ...(obstacle === undefined ? [] : ["cannot be told apart from the one before it"]),
  ];
  return `${index}: ${name} (${[backend, ...notes].join(", ")})`;
}

export function describeAdapters(adapters: readonly AdapterListing[]): string {
  return adapters.map(describeAdapter).join("; ");
}
