import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { linear } from "../linear/reference.ts";
import { Random } from "../random.ts";
import { copyGpu, copyTunings, FMA, fmaPeakGpu, matrixGpu, READ, readGpu } from "./gpu.ts";
import { MATRIX_PEAK, matrixPeakGpu } from "./matrix-peak.ts";

const VECTOR = 16;

/** Around a workgroup's share of vectors, in one dimension of workgroups and in two. */
const copies: readonly GpuCheck[] = copyTunings.flatMap((each) =>
  [1, 256 * each - 1, 256 * each, 256 * each + 1, 5 * 256 * each + 77].flatMap((vectors) =>
    [65_535, 2].map((maxWorkgroups) => ({
      name: `copy ${vectors * VECTOR} bytes each=${each} workgroups<=${maxWorkgroups}`,
      prepare: (seed, traits) => {
        const values = new Random(seed).normals(vectors * 4);
        const { op, run } = copyGpu({ ...traits, maxWorkgroups }, vectors * VECTOR, each);
        return checkOf({
          op,
          run,
          buffers: { source: values, target: { bytes: values.byteLength } },
          expected: { target: { format: "f32", values, tolerance: 0, per: 4 } },
        });
      },
    })),
  ),
);

/** Small whole numbers add up exactly: each invocation's vectors, counted one by one. */
const reads: readonly GpuCheck[] = [1, 256, 4096, 2 ** 17].flatMap((vectors) =>
  [0, 1, 3].map((rounds) => ({
    name: `read ${vectors * VECTOR} bytes rounds=${rounds}`,
    prepare: (seed, traits) => {
      const random = new Random(seed);
      const source = Float32Array.from({ length: vectors * 4 }, () => random.integer(8));
      const workgroups = 3;
      const { op, run, bytes } = readGpu(traits, vectors * VECTOR, { workgroups, rounds });
      const invocations = workgroups * READ.width;
      const each = (bytes / invocations - 4) / VECTOR;
      const values = Float64Array.from({ length: invocations }, (_, invocation) => {
        let sum = 0;
        for (let i = 0; i < each; i++) {
          const at = (invocation + i * (workgroups + READ.beyond) * READ.width) % vectors;
          for (let lane = 0; lane < 4; lane++) sum += source[4 * at + lane]!;
        }
        return sum;
      });
      return checkOf({
        op,
        run,
        buffers: { source, sums: { bytes: invocations * 4 } },
        expected: { sums: { format: "f32", values, tolerance: 0, per: 1 } },
      });
    },
  })),
);

/** With a scale and an addend of 1, every number counts the multiply-adds done to it: those that `flops` claims. */
const chains: readonly GpuCheck[] = (["arithmetic", "f32"] as const).flatMap((type) =>
  [0, 1, 7].map((rounds) => ({
    name: `fma peak ${type} rounds=${rounds}`,
    prepare: (_seed, traits) => {
      const workgroups = 3;
      const { op, run, flops } = fmaPeakGpu(traits, type, { workgroups, rounds, scale: 1, add: 1 });
      const steps = flops / 2 / FMA.numbers / (workgroups * FMA.width);
      const values = Float64Array.from({ length: workgroups * FMA.width }, (_, invocation) => {
        const starts = ((FMA.numbers - 1) * FMA.numbers) / 2 + (invocation % 8) * FMA.numbers;
        return starts + FMA.numbers * steps;
      });
      return checkOf({
        op,
        run,
        buffers: { sums: { bytes: values.length * 4 } },
        expected: { sums: { format: "f32", values, tolerance: 0, per: 1 } },
      });
    },
  })),
);

const matrix: GpuCheck = {
  name: "matrix rate 96^3",
  prepare: (seed, traits) => {
    const size = 96;
    const random = new Random(seed);
    const x = random.normals(size * size);
    const weight = random.normals(size * size, size ** -0.5);
    const { op, run } = matrixGpu(traits, size);
    return checkOf({
      op,
      run,
      buffers: { x, weight: packHalves(weight), y: { bytes: x.byteLength } },
      expected: {
        y: {
          format: "f32",
          values: linear({ x, weight: roundToHalf(weight), inputs: size }),
          tolerance: traits.arithmetic === "f16" ? 5e-3 : 2e-6,
          per: size,
        },
      },
    });
  },
};

/** The sums after some rounds are so many times the products: those that `flops` claims. */
const unitsPeak = (workgroups: number, rounds: number): GpuCheck => ({
  name: `matrix peak workgroups=${workgroups} rounds=${rounds}`,
  form: "matrix",
  prepare: (seed, traits) => {
    const { side, operands: count, subgroups } = MATRIX_PEAK;
    const size = side ** 2;
    if (traits.matrix !== "units") return { skip: "no matrix units" };
    const operands = new Random(seed).normals(2 * count * size);
    const kept = roundToHalf(operands);
    const matrix = (i: number): Float32Array => kept.subarray(i * size, (i + 1) * size);
    const products: number[] = [];
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        for (const value of linear({ x: matrix(i), weight: matrix(count + j), inputs: side })) {
          products.push(rounds * value);
        }
      }
    }
    const values = Array.from({ length: workgroups * subgroups }, () => products).flat();
    const { op, run } = matrixPeakGpu(traits, { workgroups, rounds });
    return checkOf({
      op,
      run,
      buffers: { operands: packHalves(operands), sums: { bytes: values.length * 4 } },
      expected: { sums: { format: "f32", values, tolerance: 1e-5, per: size } },
    });
  },
});

export const checks: readonly GpuCheck[] = [...copies, ...reads, ...chains, matrix, unitsPeak(1, 1), unitsPeak(3, 7)];
