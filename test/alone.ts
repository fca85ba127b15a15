/**
 * The test files that run with nothing beside them, by the beginning of their path under test/, and why: they measure time
 * or hold something to a deadline that a busy core would break. They come last, one at a time. Every other file, which may
 * take as long as it likes, runs beside one other.
 */
export const ALONE: Readonly<Record<string, string>> = {
  "embedded/floors": "measured times against what the hardware can do at best",
  "unit/cli/stopping": "a command that ends within a second",
  "unit/cpu/kernel-pool": "a cancelled call is shorter than a whole one",
  "unit/extension/highlights": "frames of milliseconds",
  "unit/model/bpe": "patterns that a limit of time ends, and texts that it must not",
  "unit/model/hostile": "refusals within seconds",
  "unit/profile/follow": "a cursor's blocks in under a millisecond",
  "unit/report/huge": "exports within seconds of processor time",
  "unit/runtime/client": "processes that answer, and end, within milliseconds",
  "unit/runtime/kept": "engines that are let go after milliseconds",
  "unit/runtime/orphans": "processes that end with their owner, within seconds",
  "unit/runtime/server": "answers within half a second while it works",
  "vscode/": "an editor, its server and a browser on all cores, with stories that must come to an end",
};
