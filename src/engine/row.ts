import type { DeviceListing, EngineSetting } from "../protocol/engines.ts";
import type { Engine } from "./engine.ts";

/** The settings of engines. */
export interface EngineOptions extends Partial<Record<EngineSetting, unknown>> {
  /** A device's name, part of it, or its index, as the user wrote it. */
  readonly gpu?: string | undefined;
  /** What suits the machine when absent (machine.ts). */
  readonly threads?: number | undefined;
}

/** Something that an engine can run on; whose it is, the row knows. */
export type Device = Omit<DeviceListing, "engine">;

/** A platform that packages are made for, in Node's words: linux, x64. */
export interface Platform {
  readonly system: string;
  readonly arch: string;
}

/** Files by path from a folder: one, or all under a folder whose name fits. */
export type Taken = string | { readonly under: string; readonly name: RegExp };

/** A package of npm that cannot go into a bundle: it stays beside the runtime's, cut down to what a platform needs. */
export interface NativePackage {
  readonly name: string;
  /** How the table of a package's parts calls it; packages of one title are one part. */
  readonly title: string;
  /** What is taken of its folder, package.json left unsaid; nothing of it is where it has none for the platform. */
  readonly files: (platform: Platform) => readonly Taken[];
}

/**
 * All that the rest of the program knows of an engine. A row is light: what it imports with native code it imports when it
 * is asked for devices or opened, since that costs time and may be missing on a platform.
 */
export interface EngineRow {
  readonly id: string;
  /** For a picker. */
  readonly title: string;
  /** What one of its devices is called inside a sentence: "no GPU found". */
  readonly noun: string;
  /** A clause for help texts, lists and errors. */
  readonly description: string;
  readonly settings: readonly EngineSetting[];
  /** Why its times say nothing: every report says so, and the editor does not offer such an engine. */
  readonly caveat?: string;
  /** What a reader of its times on a device must know of its full attention, against which designs are held. */
  readonly note?: (device: string) => string | undefined;
  /** What may be missing where it finds no device. */
  readonly hint?: string;
  readonly natives: readonly NativePackage[];
  /** Files of ours that it reads by path, from the package's root. */
  readonly files: (platform: Platform) => readonly Taken[];
  /** Modules of ours that it runs as processes of their own, by their sources from the package's root. */
  readonly processes: readonly string[];
  /**
   * What it could run on here, without opening any; software devices are for whoever names them.
   * @throws UserError when nobody can look
   */
  readonly devices: () => Promise<readonly Device[]>;
  /** @throws UserError when there is no such device, or the engine cannot be loaded */
  readonly open: (options: EngineOptions) => Promise<Engine>;
}
