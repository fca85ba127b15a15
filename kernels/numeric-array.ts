/** What a reference kernel reads: engines and weights keep 32-bit values, the reference engine 64-bit ones. */
export type NumericArray = Float32Array | Float64Array;

/**
 * Refuses an array whose length is not the product of its shape.
 * @throws RangeError naming the array, its length and the shape it should have
 */
export function requireShape(name: string, array: { readonly length: number }, shape: readonly number[]): void {
  const size = shape.reduce((product, side) => product * side, 1);
  if (array.length !== size) {
    throw new RangeError(`${name} holds ${array.length} values, not [${shape.join(", ")}] = ${size}`);
  }
}
