/** Words of the memory that the pool's threads share. */
export const CONTROL = { wake: 0, done: 1, stop: 2, job: 3, scratchFloats: 4, most: 5, scratch: 16 } as const;
export const CONTROL_WORDS = 16 + 1024;

/**
 * What a helper thread runs: plain JavaScript that needs no loader, in its sources as in the bundle. It sleeps until it is
 * woken, takes units of the job that the pool prepared until none is left, and says that it is done. Native code takes
 * scratch of the helper's own and the job's memory; WebAssembly takes addresses.
 */
export const HELPER = `
const { workerData: { control, index, native, wasm } } = require("node:worker_threads");
const [WAKE, DONE, STOP, JOB, FLOATS, SCRATCH] = [0, 1, 2, 3, 4, 16];
const EVERYTHING = 0x3fffffff;
let work;
if (native) {
  const koffi = require(native.koffi);
  const call = koffi.load(native.file).func("int work" + native.suffix + "(uint8_t *job, float *scratch, int most)");
  const job = new Uint8Array(native.job);
  let scratch = new Float32Array(0);
  work = () => {
    const floats = Atomics.load(control, FLOATS);
    if (scratch.length < floats) scratch = new Float32Array(floats);
    call(job, scratch, EVERYTHING);
  };
} else {
  const { exports } = new WebAssembly.Instance(wasm.module, { env: { memory: wasm.memory } });
  exports.__stack_pointer.value = wasm.stack;
  work = () => exports.work(Atomics.load(control, JOB), Atomics.load(control, SCRATCH + index), EVERYTHING);
}
for (let seen = 0; ; ) {
  Atomics.wait(control, WAKE, seen);
  seen = Atomics.load(control, WAKE);
  if (Atomics.load(control, STOP) === 1) break;
  work();
  Atomics.add(control, DONE, 1);
  Atomics.notify(control, DONE);
}
`;
