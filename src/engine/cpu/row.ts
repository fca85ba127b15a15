import os from "node:os";
import { messageOf, UserError, words } from "../../model/errors.ts";
import { KOFFI } from "../koffi.ts";
import { checkThreads } from "../machine.ts";
import type { EngineRow, Platform } from "../row.ts";

/**
 * What onnxruntime's binding links to. Not taken: on Windows the shader compiler (dxcompiler, dxil) of a provider that we
 * do not use; on macOS a second copy of the library under its long name. DirectML is linked lazily.
 */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  linux: ["libonnxruntime.so.1"],
  darwin: ["libonnxruntime.1.dylib"],
  win32: ["onnxruntime.dll", "DirectML.dll"],
};

/** Ends of the names of our own kernels' libraries. */
const EXTENSIONS: Readonly<Record<string, string>> = { linux: "so", darwin: "dylib", win32: "dll" };

const BUILT = "kernels/built";

export const CPU: EngineRow = {
  id: "cpu",
  title: "CPU",
  noun: "CPU",
  description: "own attention kernels and onnxruntime on the CPU, float32",
  settings: ["threads"],
  natives: [
    {
      name: "onnxruntime-node",
      title: "onnxruntime",
      files: ({ system, arch }) => [
        { under: "dist", name: /\.js$/ },
        ...["onnxruntime_binding.node", ...(LIBRARIES[system] ?? [])].map(
          (file) => `bin/napi-v6/${system}/${arch}/${file}`,
        ),
      ],
    },
    { name: "onnxruntime-common", title: "onnxruntime", files: () => [{ under: "dist/cjs", name: /\.(js|json)$/ }] },
    KOFFI,
  ],
  // WebAssembly goes along: it runs where the system does not load the library.
  files: ({ system, arch }: Platform) =>
    [`${system}-${arch}.${EXTENSIONS[system] ?? "so"}`, "relaxed.wasm", "plain.wasm"].map((file) => `${BUILT}/${file}`),
  processes: [],
  devices: () => {
    const cores = os.cpus();
    const name = cores[0]?.model.trim() ?? "unknown CPU";
    const description = `${name} (${cores.length} logical core${cores.length === 1 ? "" : "s"})`;
    return Promise.resolve([{ index: 0, name, description, software: false, address: name }]);
  },
  open: async ({ threads }) => {
    if (threads !== undefined) checkThreads(threads);
    let module: typeof import("./engine.ts");
    try {
      module = await import("./engine.ts");
    } catch (error) {
      throw new UserError(
        words`cannot load onnxruntime on ${process.platform}-${process.arch} (${messageOf(error)}); ${{ setting: "engine", value: "webgpu" }} does not need it`,
      );
    }
    return new module.CpuEngine(threads);
  },
};
