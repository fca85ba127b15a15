import { messageOf, UserError, words } from "../../model/errors.ts";
import { chooseByText, describeAdapters, listingOf, type AdapterListing } from "./gpu-choice.ts";

/**
 * Features that Dawn keeps behind flags: f16 on NVIDIA's Vulkan driver, and timestamps in their full resolution. Bounds
 * checks and the clearing of workgroup memory are left out: the kernels write before they read, and stay in range.
 */
const FLAGS = [
  "enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,disable_robustness,disable_workgroup_init",
  "disable-dawn-features=timestamp_quantization",
] as const;

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|microsoft basic render|warp/i;

type Dawn = typeof import("webgpu");

/** Loads Dawn's native binding on first use, so that nobody without a GPU pays for it. */
async function loadDawn(): Promise<Dawn> {
  // Dawn hands out mapped memory of the GPU as an ArrayBuffer that it does not own, and Electron's V8 allows none such:
  // every result would fail on its way back. onnxruntime's binding copies instead.
  if (process.versions["electron"] !== undefined) {
    throw new UserError(
      "the Node.js inside Electron (desktop VS Code) cannot read a GPU's results; the setting hysparse.runtime.nodePath " +
        "selects another Node.js for the runtime, with which the GPU works",
    );
  }
  try {
    return await import("webgpu");
  } catch (error) {
    throw new UserError(
      words`cannot load the WebGPU runtime on ${process.platform}-${process.arch} (${messageOf(error)}); ${{ setting: "engine", value: "cpu" }} works everywhere`,
    );
  }
}

/** The GPUs of this machine, in the driver loader's order; empty when there is none or no loader. */
export async function listAdapters(): Promise<AdapterListing[]> {
  const { create } = await loadDawn();
  // The binding has no call that lists adapters: it names them when it is asked for one that cannot exist.
  const complaint = await create(["adapter=\u0001"])
    .requestAdapter()
    .then(() => "", messageOf);
  const found = [...complaint.matchAll(/backend: '([^']*)', name: '(.*?)'(?=\s*(?:;|$))/gm)]
    .map(([, backend = "", name = ""]) => ({ backend, name, software: SOFTWARE.test(name) }))
    .filter(({ backend }) => backend !== "null");
  return listingOf(found);
}

/**
 * Opens one adapter of the list, and no other.
 * @throws UserError when it cannot be opened, or another one was
 */
export async function requestAdapter(listing: AdapterListing): Promise<GPUAdapter> {
  const { create } = await loadDawn();
  const gpu = create([...FLAGS, `backend=${listing.backend}`, `adapter=${listing.name}`]);
  const adapter = await gpu.requestAdapter().catch((error: unknown) => {
    throw new UserError(`cannot open the GPU "${listing.name}": ${messageOf(error)}`);
  });
  if (adapter === null) throw new UserError(`WebGPU cannot open the GPU "${listing.name}"`);
  alive.push(gpu, adapter);
  const opened = lettersOf(adapter.info.device);
  if (opened === lettersOf(listing.name)) return adapter;
  // Backends are free in how they name a device here: only a name that is another card's of the list tells of a mistake.
  const other = (await listAdapters()).find(({ name }) => lettersOf(name) === opened);
  if (other !== undefined) {
    throw new UserError(`the driver opened "${other.name}" instead of "${listing.name}"; was a GPU added or removed?`);
  }
  return adapter;
}

/** WebGPU gives names as identifiers: "NVIDIA H200" as "nvidia-h200". */
function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** The binding frees instances and adapters that nobody holds, also under a device made from them, and then crashes. */
const alive: unknown[] = [];

/**
 * The GPU that `wanted` means (see chooseByText); when absent, the first real GPU that can be opened.
 * @throws UserError naming the GPUs there are
 */
export async function chooseAdapter(wanted?: string): Promise<AdapterListing> {
  return chooseFrom(await listAdapters(), wanted);
}

/** The same among the adapters of a list. */
export function chooseFrom(adapters: readonly AdapterListing[], wanted?: string): AdapterListing {
  if (wanted === undefined) {
    const real = adapters.find(({ software, obstacle }) => !software && obstacle === undefined);
    if (real !== undefined) return real;
    const only =
      adapters.length === 0
        ? ""
        : words`; ${describeAdapters(adapters)} runs only when named with ${{ setting: "gpu" }}`;
    throw new UserError(words`no GPU found (is a Vulkan, Metal or Direct3D 12 driver installed?)${only}`);
  }
  const known = adapters.length === 0 ? "none found" : `available: ${describeAdapters(adapters)}`;
  const choice = chooseByText(adapters, wanted);
  if ("problem" in choice) throw new UserError(`${choice.problem}; ${known}`);
  const { obstacle } = choice.chosen;
  if (obstacle !== undefined) throw new UserError(`${obstacle}; ${known}`);
  return choice.chosen;
}
