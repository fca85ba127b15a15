/** Node's own module that turns bytes of the channel into messages. */
const READER = "node:internal/child_process/serialization";

/**
 * Keeps this process alive when a message cannot be read: one nested thousands deep overflows the stack inside Node's reader,
 * before any code of ours sees it. Node drops that message, but looks at what has already arrived behind it only when more
 * comes: `tell` should make the other end send something. Whatever else nobody caught ends the process as it would have.
 */
export function surviveUnreadable(tell: (why: string) => void): void {
  process.on("uncaughtException", (error) => {
    if (error.stack?.includes(READER) === true) {
      tell(`dropped an unreadable message: ${error.message}`);
      return;
    }
    console.error(error);
    process.exit(1);
  });
}
