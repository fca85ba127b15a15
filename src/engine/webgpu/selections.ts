import type { LayerRole } from "../decoder/roles.ts";
import { DeviceSelections } from "../device-selections.ts";
import type { Shape } from "../shape.ts";
import type { GpuBlock } from "./allocator.ts";
import { download } from "./readback.ts";
import type { GpuSession } from "./session.ts";

export class GpuSelections extends DeviceSelections<GpuBlock> {
  readonly #session: GpuSession;

  constructor(session: GpuSession, roles: readonly LayerRole[], shape: Shape) {
    super(roles, shape);
    this.#session = session;
  }

  protected allocate(bytes: number, layer: number): Promise<GpuBlock> {
    return this.#session.allocator.allocate("selection", bytes, layer);
  }

  protected free(block: GpuBlock): void {
    this.#session.allocator.free(block);
  }

  protected copy(from: GpuBlock, to: GpuBlock, bytes: number): void {
    const { gpu } = this.#session.device;
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(from.buffer, 0, to.buffer, 0, bytes);
    gpu.queue.submit([encoder.finish()]);
  }

  protected download(block: GpuBlock, bytes: number): Promise<ArrayBuffer> {
    const { device, allocator } = this.#session;
    return download(device, allocator, block, 0, bytes);
  }
}
