import type { DeviceTraits, GpuOp } from "./gpu-op.ts";

/** Runs anywhere, or is made for matrix units. */
export type FormId = "portable" | "matrix";

/** One way to compute an op. All forms of an op have the same buffers and runs. */
export interface GpuForm<Shape, Run, Tuning = unknown> {
  readonly id: FormId;
  /** Whether it runs the shape on the device: by this tuning, or by one of its own choice. */
  fits(shape: Shape, traits: DeviceTraits, tuning?: Tuning): boolean;
  /** Runs that it is worth taking where another form fits too; all of them when absent. */
  takes?(shape: Shape, run: Run): boolean;
  /** @throws Error when the shape, or the tuning, cannot be run on the device */
  make(shape: Shape, traits: DeviceTraits, tuning?: Tuning): GpuOp<Run>;
}

/** The forms that fit, best first as they stand; without any the last one, whose `make` says why. */
function fitting<Form extends GpuForm<Shape, never>, Shape>(
  forms: readonly Form[],
  shape: Shape,
  traits: DeviceTraits,
): readonly Form[] {
  const found = forms.filter((form) => form.fits(shape, traits));
  return found.length > 0 ? found : forms.slice(-1);
}

/** The best form for the shape on the device. @param forms of one op, best first, the last one portable */
export function bestForm<Form extends GpuForm<Shape, never>, Shape>(
  forms: readonly Form[],
  shape: Shape,
  traits: DeviceTraits,
): Form {
  return fitting(forms, shape, traits)[0]!;
}

/** The op in the best form for the shape, the device and each run. @param forms of one op, best first, the last one portable */
export function makeOp<Shape, Run>(
  forms: readonly GpuForm<Shape, Run>[],
  shape: Shape,
  traits: DeviceTraits,
): GpuOp<Run> {
  const [best, second] = fitting(forms, shape, traits);
  const op = best!.make(shape, traits);
  if (best!.takes === undefined || second === undefined) return op;
  const other = second.make(shape, traits);
  const ofRun = (run: Run): GpuOp<Run> => (best!.takes!(shape, run) ? op : other);
  return {
    programs: [...other.programs, ...op.programs],
    scratch: (run) => ofRun(run).scratch(run),
    dispatches: (run) => ofRun(run).dispatches(run),
  };
}
