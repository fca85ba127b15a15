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
export async function download(
  device: GpuDevice,
  allocator: GpuAllocator,
  from: GpuBlock,
  offset: number,
  bytes: number,
): Promise<ArrayBuffer> {
  const room = await allocator.allocate("readback", bytes);
  try {
    const encoder = device.gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(from.buffer, offset, room.buffer, 0, Math.ceil(bytes / 4) * 4);
    device.gpu.queue.submit([encoder.finish()]);
    return await readBlock(device, room, Math.ceil(bytes / 4) * 4);
  } finally {
    allocator.free(room);
  }
}
