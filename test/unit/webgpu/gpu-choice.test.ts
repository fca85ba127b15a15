import assert from "node:assert/strict";
import { register } from "node:module";
import { before, describe, it } from "node:test";
import type * as Dawn from "../../../src/engine/webgpu/dawn.ts";
import type { AdapterListing } from "../../../src/engine/webgpu/gpu-choice.ts";

/** Stands in for Dawn's binding: lists `fakeGpus`, and opens the first one whose name contains the one asked for, as Dawn does. */
const BINDING = `
export function create(flags) {
  const names = globalThis.fakeGpus;
  const wanted = flags.find((flag) => flag.startsWith("adapter="))?.slice(8) ?? "";
  return { async requestAdapter() {
    const name = names.find((name) => name.includes(wanted));
    if (name === undefined) throw new Error("no suitable backends found\\nAvailable adapters:" + names.map((name) => "\\n * backend: 'vulkan', name: '" + name + "'").join(""));
    globalThis.opened = names.indexOf(name);
    return { info: { device: name } };
  } };
}`;

const asUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

const state = globalThis as { fakeGpus?: readonly string[]; opened?: number };

let dawn: typeof Dawn;

before(async () => {
  register(
    asUrl(
      `export async function resolve(name, context, next) {
         return name === "webgpu" ? { url: ${JSON.stringify(asUrl(BINDING))}, shortCircuit: true } : next(name, context);
       }`,
    ),
  );
  dawn = await import("../../../src/engine/webgpu/dawn.ts");
});

/** The index of what is opened when `wanted` is asked for on a machine with these GPUs, or the complaint. */
async function open(gpus: readonly string[], wanted?: string): Promise<number | string> {
  state.fakeGpus = gpus;
  delete state.opened;
  try {
    const listing = await dawn.chooseAdapter(wanted);
    await dawn.requestAdapter(listing);
    assert.equal(state.opened, listing.index, "another one was opened than was chosen");
    return listing.index;
  } catch (error) {
    if (error instanceof Error && error.name === "UserError") return error.message;
    throw error;
  }
}

const MIXED = ["NVIDIA A100-SXM4-80GB", "NVIDIA L4", "NVIDIA L40", "SwiftShader Device (Subzero)"];

describe("choosing a GPU", () => {
  it("an index before digits in a name", async () => {
    assert.equal(await open(MIXED, "1"), 1);
    assert.equal(await open(MIXED, "0"), 0);
    assert.equal(await open(MIXED, "3"), 3);
    assert.equal(await open(["GPU 1", "GPU 0"], "1"), 1);
  });

  it("an exact name before a longer one that comes earlier or later, whatever the case", async () => {
    assert.equal(await open(MIXED, "nvidia l4"), 1);
    assert.equal(await open(MIXED, "NVIDIA L40"), 2);
  });

  it("a part that no other name has", async () => {
    assert.equal(await open(MIXED, "a100"), 0);
    assert.equal(await open(MIXED, "swift"), 3);
    assert.equal(await open(["NVIDIA GeForce RTX 3060", "NVIDIA GeForce RTX 4090"], "4090"), 1);
  });

  it("refuses what means several or none, with the list", async () => {
    assert.match(
      String(await open(MIXED, "nvidia")),
      /more than one GPU \(0, 1, 2\).*give an index.*0: NVIDIA A100.*2: NVIDIA L40/u,
    );
    assert.match(String(await open(MIXED, "radeon")), /unknown GPU "radeon"; available: 0: NVIDIA A100/u);
    assert.match(String(await open([], "0")), /unknown GPU "0"; none found/u);
    assert.match(String(await open(MIXED, " ")), /name is empty/u);
  });

  it("never takes a number that is no index for digits inside a name", async () => {
    assert.match(String(await open(["NVIDIA A100"], "1")), /unknown GPU "1"/u);
    assert.match(String(await open(["NVIDIA A100"], "100")), /unknown GPU "100"/u);
  });

  it("equal cards: the first by its index, the others refused, the name ambiguous", async () => {
    const twins = ["NVIDIA H100 PCIe", "NVIDIA H100 PCIe"];
    assert.equal(await open(twins), 0);
    assert.equal(await open(twins, "0"), 0);
    assert.match(
      String(await open(twins, "1")),
      /GPU 1 cannot be opened: GPUs 0, 1 have the same name "NVIDIA H100 PCIe"/u,
    );
    assert.match(String(await open(twins, "NVIDIA H100 PCIe")), /more than one GPU \(0, 1\)/u);
  });

  it("a card behind one whose name is its own and more is refused, not silently another", async () => {
    const pair = ["NVIDIA L40", "NVIDIA L4"];
    assert.match(
      String(await open(pair, "1")),
      /GPU 1 cannot be opened: "NVIDIA L4" is also part of the name of GPU 0/u,
    );
    assert.equal(await open([...pair].reverse(), "0"), 0);
    assert.equal(await open([...pair].reverse(), "1"), 1);
  });

  it("the first real one when none is named", async () => {
    assert.equal(await open(["llvmpipe (LLVM 15)", "AMD Radeon RX 6800"]), 1);
    assert.match(String(await open(["llvmpipe (LLVM 15)"])), /no GPU found.*0: llvmpipe.*runs only when named/u);
  });

  it("tells what finds a card again: its name, or its index where the name does not", async () => {
    state.fakeGpus = ["NVIDIA L4", "Twin", "Twin", "it's odd", "7"];
    const listed = await dawn.listAdapters();
    assert.deepEqual(
      listed.map(({ name, address }: AdapterListing) => [name, address]),
      [
        ["NVIDIA L4", "NVIDIA L4"],
        ["Twin", "1"],
        ["Twin", "2"],
        ["it's odd", "it's odd"],
        ["7", "7"],
      ],
    );
    for (const { address, obstacle, index } of listed) {
      if (obstacle === undefined) assert.equal(await open(state.fakeGpus, address), index);
    }
  });

  it("notices when the driver opens another one than was asked for", async () => {
    state.fakeGpus = ["NVIDIA L4"];
    const [listing] = await dawn.listAdapters();
    state.fakeGpus = ["NVIDIA L40", "NVIDIA L4"];
    await assert.rejects(dawn.requestAdapter(listing!), /opened "NVIDIA L40" instead of "NVIDIA L4"/u);
  });
});
