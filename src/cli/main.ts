import { run } from "./run.ts";

// A reader that has seen enough (head, less) closes the pipe: that is its right, not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

process.exitCode = await run(process.argv.slice(2));
