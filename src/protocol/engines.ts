import { z } from "zod";

/** What an engine can be told beside the model. Each engine says which of them it understands. */
export const ENGINE_SETTINGS = ["gpu", "threads"] as const;

/** What the runtime says of engines and of what they can run on: all that pickers and lists know of them. */
export const engineSchema = z.strictObject({
  id: z.string(),
  title: z.string().describe("for a picker"),
  noun: z.string().describe("what one of its devices is called inside a sentence"),
  description: z.string(),
  settings: z.array(z.enum(ENGINE_SETTINGS)).describe("which of the settings of engines it understands"),
  caveat: z.string().optional().describe("why its times say nothing; such an engine is not offered in the editor"),
  hint: z.string().optional().describe("what may be missing where it finds no device"),
  trouble: z.string().optional().describe("why its devices could not be looked for"),
});

export const deviceSchema = z.strictObject({
  engine: z.string().describe("the id of the engine that lists it"),
  index: z.int().nonnegative().describe("its place in the engine's list"),
  name: z.string(),
  description: z.string().describe("as --list-devices prints it"),
  software: z.boolean().describe("a program in the place of a device: chosen only by name"),
  address: z.string().describe("what means this one and no other: its name where that tells, else its index"),
  obstacle: z.string().optional().describe("why it cannot be opened"),
});

export type EngineSetting = (typeof ENGINE_SETTINGS)[number];
export type EngineListing = z.infer<typeof engineSchema>;
export type DeviceListing = z.infer<typeof deviceSchema>;
