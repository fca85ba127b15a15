import { CudaAllocator } from "./allocator.ts";
import { CudaContext } from "./context.ts";
import type { CudaDevice } from "./devices.ts";
import type { CudaDriver } from "./driver.ts";
import { CudaWorkspace } from "./workspace.ts";

/** An open card and what all runners on it share. */
export class CudaSession {
  readonly context: CudaContext;
  readonly allocator: CudaAllocator;
  readonly workspace: CudaWorkspace;

  /** @throws UserError when the card is busy, or does not take the kernels */
  constructor(driver: CudaDriver, device: CudaDevice) {
    this.context = new CudaContext(driver, device);
    this.allocator = new CudaAllocator(this.context);
    this.workspace = new CudaWorkspace(this.allocator);
  }

  close(): void {
    this.workspace.clear();
    this.context.close();
  }
}

/** Lets events in, then comes back. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
