import type { Ceilings } from "../../../src/engine/engine.ts";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import type { Model } from "../../../src/model/model.ts";
import { profile } from "../../../src/profile/profile.ts";
import { reportSchema, type Report } from "../../../src/protocol/report.ts";
import type { ProfileRequest } from "../../../src/profile/request.ts";
import { tinyArchitecture, tinyModel } from "../../kernels/tiny-model.ts";

/** full, sparse, sparse, full; 2 blocks of 8 tokens selected, a window of 12. */
export const model: Model = { ...tinyModel(tinyArchitecture({ maxContext: 100 }), 5), origin: "trained" };
export const TEXT = "The quick brown fox.\n".repeat(5);

/** The reference engine on a machine whose speed is known: measuring it would take most of the test. */
export class QuickEngine extends ReferenceEngine {
  override measureCeilings(): Promise<Ceilings> {
    return Promise.resolve({ matrixGflops: 1, copyGBps: 1, reads: [{ bytes: 1, GBps: 1 }], method: "pretended" });
  }
}

export function request(changes: Partial<ProfileRequest> = {}): ProfileRequest {
  return {
    document: { name: "a.txt", text: TEXT },
    model,
    engine: new QuickEngine(),
    engineReason: "a test",
    variants: ["hysparse", "full"],
    decodeTokens: 0,
    repetitions: 1,
    warmup: 1,
    chunk: 32,
    importance: "last-token",
    includeText: false,
    measurePeak: () => Promise.resolve(1),
    ...changes,
  };
}

export async function reported(changes: Partial<ProfileRequest>): Promise<Report> {
  return reportSchema.parse(await profile(request(changes)));
}
