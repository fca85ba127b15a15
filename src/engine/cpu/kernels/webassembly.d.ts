/** The part of WebAssembly's JavaScript interface that we use: its types are among the browser's, which Node code has not. */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: SharedArrayBuffer;
    grow(pages: number): number;
  }
  const Memory: new (descriptor: { initial: number; maximum: number; shared: true }) => Memory;

  interface Global {
    value: number;
  }

  const Module: new (bytes: Uint8Array) => Module;

  const Instance: new (
    module: Module,
    imports: Readonly<Record<string, Readonly<Record<string, Memory>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> };

  function validate(bytes: Uint8Array): boolean;
}
