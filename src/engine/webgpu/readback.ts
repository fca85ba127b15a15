import type { GpuAllocator, GpuBlock } from "./allocator.ts";
import type { GpuDevice } from "./device.ts";

const MAP_READ = 1;

/** Copies the first `bytes` of a mappable block to the host, once the device has written them. */
export async function readBlock(device: GpuDevice, block: GpuBlock, bytes: number): Promise<ArrayBuffer> {
  try {
    await block.buffer.mapAsync(MAP_READ, 0, bytes);
  } catch (error) {
    throw device.fault(error);
  }
  const copy = block.buffer.getMappedRange(0, bytes).slice(0);
  block.buffer.unmap();
  device.assertSound();
  return copy;
}

/** Reads bytes of any block, through a mappable one of their own. */
export function download(
  device: GpuDevice,
  allocator: GpuAllocator,
  from: GpuBlock,
  offset: number,
  bytes: number,
): Promise<ArrayBuffer> {
  return downloadPieces(device, allocator, from, { offset, bytes: Math.ceil(bytes / 4) * 4, stride: 0, count: 1 });
}

/** Equal pieces of a block, `stride` bytes apart; all of them are multiples of 4 bytes. */
export interface Pieces {
  readonly offset: number;
  readonly bytes: number;
  readonly stride: number;
  readonly count: number;
}

/** Reads pieces of any block, one after the other. */
export async function downloadPieces(
  device: GpuDevice,
  allocator: GpuAllocator,
  from: GpuBlock,
  { offset, bytes, stride, count }: Pieces,
): Promise<ArrayBuffer> {
  const room = await allocator.allocate("readback", count * bytes);
  try {
    const encoder = device.gpu.createCommandEncoder();
    for (let i = 0; i < count; i++) {
      encoder.copyBufferToBuffer(from.buffer, offset + i * stride, room.buffer, i * bytes, bytes);
    }
    device.gpu.queue.submit([encoder.finish()]);
    return await readBlock(device, room, count * bytes);
  } finally {
    allocator.free(room);
  }
}
