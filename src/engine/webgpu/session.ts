import { GpuAllocator } from "./allocator.ts";
import { GpuDevice, type OpenOptions } from "./device.ts";
import { Recorder } from "./recorder.ts";
import { Waker } from "./wake.ts";
import { Workspace } from "./workspace.ts";

/** An open device with the one allocator, recorder and workspace that everything on it shares. */
export class GpuSession {
  readonly device: GpuDevice;
  readonly allocator: GpuAllocator;
  readonly recorder: Recorder;
  readonly workspace: Workspace;
  readonly waker: Waker;

  private constructor(device: GpuDevice) {
    this.device = device;
    this.allocator = new GpuAllocator(device);
    this.recorder = new Recorder(device, this.allocator);
    this.workspace = new Workspace(this.allocator);
    this.waker = new Waker(device, this.allocator);
  }

  static async open(options: OpenOptions): Promise<GpuSession> {
    return new GpuSession(await GpuDevice.open(options));
  }

  close(): void {
    if (!this.device.lost) this.allocator.freeAll();
    this.device.destroy();
  }
}
