import type { EngineRow } from "../row.ts";

export const REFERENCE: EngineRow = {
  id: "reference",
  title: "Reference",
  noun: "reference",
  description: "plain float64 loops, for checking; slow",
  settings: [],
  caveat: "The reference engine runs plain float64 loops for checking: its times say nothing about any design.",
  natives: [],
  files: () => [],
  processes: [],
  devices: () => {
    const name = "float64 loops";
    return Promise.resolve([{ index: 0, name, description: name, software: true, address: name }]);
  },
  open: async () => new (await import("./engine.ts")).ReferenceEngine(),
};
