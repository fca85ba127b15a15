import { median } from "simple-statistics";
import type { Architecture } from "../../model/architecture.ts";
import { GpuSession } from "../../engine/webgpu/session.ts";
import { AttentionBench } from "./attention.ts";
import { onnxruntimeWebgpu, type ProviderTime } from "./onnxruntime-webgpu.ts";
import { say } from "../../cli/print.ts";

export interface PeerOptions {
  readonly gpu?: string;
  readonly shapes: readonly (readonly [string, Architecture])[];
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
  readonly chunk: number;
  readonly repetitions: number;
  readonly print: (line?: string) => void;
}

/** Our full attention beside onnxruntime's fused one on its WebGPU provider: same GPU, shapes and run, row by row. */
export async function peerTable({
  gpu,
  shapes,
  prefill,
  decode,
  chunk,
  repetitions,
  print,
}: PeerOptions): Promise<void> {
  print("\n### Full attention of one layer: onnxruntime's WebGPU provider (GroupQueryAttention) and ours, ms\n");
  print("| phase | shape | tokens | onnxruntime | its type and method | ours | with scores | onnxruntime / ours |");
  print("|---|---|---|---|---|---|---|---|");
  for (const [name, architecture] of shapes) {
    const shape = { name, Hq: architecture.queryHeads, Hkv: architecture.kvHeads, d: architecture.headDim };
    const theirs = await onnxruntimeWebgpu({
      shapes: [shape],
      prefill,
      decode,
      repetitions: Math.max(5, repetitions),
      say: say,
    });
    // Right after theirs, so that both meet the same state of the card.
    const session = await GpuSession.open(gpu === undefined ? {} : { gpu });
    for (const time of theirs) {
      const rows = time.phase === "prefill" ? Math.min(chunk, time.T) : 1;
      const bench = await AttentionBench.create(session, architecture, time.T, rows);
      const ours = await bench.measure(time.phase === "prefill" ? repetitions : Math.max(20, repetitions));
      bench.dispose();
      print(
        `| ${time.phase} | ${name} | ${time.T} | ${ms(time)} | ${time.dtype}, ${time.method} | ${ms(ours.full)} | ` +
          `${ms(ours.score)} | ${(time.medianMs / median(ours.full.samples)).toFixed(1)}x |`,
      );
    }
    session.close();
  }
}

function ms({ medianMs, minMs, maxMs }: Pick<ProviderTime, "medianMs" | "minMs" | "maxMs">): string {
  const short = (value: number): string => value.toFixed(value < 1 ? 3 : value < 100 ? 2 : 0);
  return `${short(medianMs)} (${short(minMs)} to ${short(maxMs)})`;
}
