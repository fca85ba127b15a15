import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { availableMemory, totalMemory } from "../machine.ts";
import type { AdapterListing } from "./gpu-choice.ts";

/** Memory of a GPU that is free for this process, and who says so. */
export interface DeviceMemory {
  readonly bytes: number;
  readonly source: string;
}

const MIB = 2 ** 20;
const QUERY_MS = 5000;
/** Share of the main memory that macOS lets its GPU hold at least. */
const UNIFIED_SHARE = 0.66;

/**
 * WebGPU does not tell how much memory a device has, so the driver's own tools are asked. Undefined where none answers:
 * then a run that does not fit is refused by the allocation itself.
 */
export async function deviceMemory({ name, software }: AdapterListing): Promise<DeviceMemory | undefined> {
  if (software) return { bytes: availableMemory(), source: "main memory (a software GPU)" };
  if (/nvidia/i.test(name)) return nvidiaMemory(name);
  if (process.platform === "darwin")
    return { bytes: UNIFIED_SHARE * totalMemory(), source: "two thirds of main memory" };
  if (process.platform === "linux" && /amd|radeon/i.test(name)) return amdMemory();
  return undefined;
}

async function nvidiaMemory(name: string): Promise<DeviceMemory | undefined> {
  try {
    const { stdout } = await promisify(execFile)(
      "nvidia-smi",
      ["--query-gpu=name,memory.free", "--format=csv,noheader,nounits"],
      { timeout: QUERY_MS },
    );
    const cards = stdout
      .trim()
      .split("\n")
      .map((line) => ({ card: line.slice(0, line.lastIndexOf(",")).trim(), free: Number(line.split(",").at(-1)) }));
    const exact = cards.filter(({ card }) => card === name);
    const alike = exact.length > 0 ? exact : cards.filter(({ card }) => name.includes(card) || card.includes(name));
    // Cards of one name cannot be told apart: the fullest counts.
    const free = Math.min(...alike.map((card) => card.free));
    return Number.isFinite(free) ? { bytes: free * MIB, source: "nvidia-smi, free" } : undefined;
  } catch {
    return undefined;
  }
}

function amdMemory(): DeviceMemory | undefined {
  const root = "/sys/class/drm";
  try {
    const free = readdirSync(root)
      .filter((entry) => /^card\d+$/.test(entry))
      .flatMap((card) => {
        try {
          const read = (file: string): number => Number(readFileSync(`${root}/${card}/device/${file}`, "utf8"));
          return [read("mem_info_vram_total") - read("mem_info_vram_used")];
        } catch {
          return [];
        }
      });
    return free.length === 0 ? undefined : { bytes: Math.max(...free), source: "amdgpu driver, free VRAM" };
  } catch {
    return undefined;
  }
}
