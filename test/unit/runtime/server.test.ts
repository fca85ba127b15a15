import assert from "node:assert/strict";
import { execFile, fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { CancellationTokenSource, ErrorCodes, ResponseError, type MessageConnection } from "vscode-jsonrpc/node";
import { manifest, packageFile, processModule } from "../../../src/model/package-root.ts";
import {
  devicesSchema,
  ERROR_CODE,
  handshakeSchema,
  profileResultSchema,
  PROTOCOL_VERSION,
  type ProfileParams,
} from "../../../src/protocol/jobs.ts";
import { METHOD, openChannel } from "../../../src/runtime/rpc.ts";

const SERVER = processModule("src/runtime/server.ts");
const SAMPLE = packageFile("media/samples/retry-queue.ts");

/** The real runtime, spoken to without our client. */
function server(context: TestContext): MessageConnection {
  const { connection } = openChannel(forked(context), (line) => assert.fail(line));
  connection.listen();
  return connection;
}

function forked(context: TestContext): ChildProcess {
  const child = fork(SERVER, [String(process.pid)], {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  context.after(() => child.kill("SIGKILL"));
  return child;
}

function params(changes: Partial<ProfileParams> = {}): ProfileParams {
  return {
    engine: "cpu",
    model: "embedded",
    folder: "/",
    selectionTable: true,
    settings: {
      document: { name: "retry-queue.ts", text: readFileSync(SAMPLE, "utf8") },
      variants: ["hysparse", "full"],
      decodeTokens: 1,
      repetitions: 1,
      warmup: 1,
      importance: "document",
      maxTokens: 128,
      includeText: false,
    },
    ...changes,
  };
}

function code(expected: number, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ResponseError, String(error));
    assert.match(error.message, message);
    assert.equal(error.code, expected);
    return true;
  };
}

describe("the runtime process", { concurrency: 1, timeout: 180_000 }, () => {
  it("says what it is, before any engine is loaded, and what can be chosen", async (t) => {
    const connection = server(t);
    const hello = handshakeSchema.parse(await connection.sendRequest(METHOD.handshake, {}));
    assert.equal(hello.protocol, PROTOCOL_VERSION);
    assert.equal(hello.version, manifest().version);
    assert.equal(hello.node, process.version);
    const { engines, models } = devicesSchema.parse(await connection.sendRequest(METHOD.devices, {}));
    assert.deepEqual(
      engines.map(({ id }) => id),
      ["webgpu", "cuda", "cpu", "reference"],
    );
    assert.deepEqual(
      models.map(({ id }) => id),
      ["embedded", "paper-7b", "paper-80b-a3b"],
    );
  });

  it("refuses what is no request of its protocol", async (t) => {
    const connection = server(t);
    await assert.rejects(connection.sendRequest("dance", {}), code(ErrorCodes.MethodNotFound, /dance/));
    const invalid = (message: RegExp): ReturnType<typeof code> => code(ErrorCodes.InvalidParams, message);
    await assert.rejects(connection.sendRequest(METHOD.profile, {}), invalid(/invalid profile request/));
    await assert.rejects(connection.sendRequest(METHOD.profile), invalid(/invalid profile request/));
    const extra = { ...params(), surprise: 1 };
    await assert.rejects(connection.sendRequest(METHOD.profile, extra), invalid(/surprise/));
    const cyclic: Record<string, unknown> = params();
    cyclic["self"] = cyclic;
    await assert.rejects(connection.sendRequest(METHOD.profile, cyclic), invalid(/self/));
    const keys = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`\u001b${i}`, i]));
    await assert.rejects(connection.sendRequest(METHOD.profile, keys), (error: Error) => error.message.length < 2100);
    // None of them left it busy.
    await assert.rejects(
      connection.sendRequest(METHOD.profile, params({ model: "gpt" })),
      code(ERROR_CODE.user, /Unknown model "gpt"/),
    );
  });

  it("lives through messages that nobody could read, and answers what comes after them", async (t) => {
    const child = forked(t);
    const { connection } = openChannel(child, (line) => assert.fail(line));
    connection.onNotification(METHOD.unreadable, () => connection.sendNotification(METHOD.readOn, {}));
    connection.listen();
    handshakeSchema.parse(await connection.sendRequest(METHOD.handshake));
    for (const depth of [10, 500, 1000, 1500, 2000]) {
      const nested: unknown = Array.from({ length: depth }).reduce<unknown>((inner) => ({ inner }), 1);
      for (const message of [
        { jsonrpc: "2.0", method: METHOD.profile, params: nested },
        { jsonrpc: "2.0", id: "nobody waits", method: "dance", params: { settings: nested } },
        { jsonrpc: "2.0", id: "nobody waits", result: nested },
        nested,
      ]) {
        child.send(message as object);
      }
      handshakeSchema.parse(await connection.sendRequest(METHOD.handshake));
    }
    const huge = "x".repeat(2 ** 24);
    child.send({ jsonrpc: "2.0", id: huge, method: huge, params: {} });
    await assert.rejects(
      connection.sendRequest(METHOD.profile, { ...params(), model: { huge } }),
      code(ErrorCodes.InvalidParams, /at model/),
    );
    handshakeSchema.parse(await connection.sendRequest(METHOD.handshake));
    assert.equal(child.exitCode, null);
  });

  it("answers and stops while it tokenizes a large document", async (t) => {
    const connection = server(t);
    const text = "Not one of these words, 42 of them, is like the other: naïve 漢字 🙂.\n".repeat(110_000);
    assert.ok(Buffer.byteLength(text) > 7 * 2 ** 20);
    let reading: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => (reading = resolve));
    connection.onNotification(METHOD.progress, (said: { readonly phase?: string }) => {
      if (said.phase === "reading the document") reading?.();
    });
    const stop = new CancellationTokenSource();
    const settings = { ...params().settings, document: { name: "a.md", text } };
    const profile = connection.sendRequest(METHOD.profile, params({ settings, engine: "reference" }), stop.token);
    profile.catch(() => undefined);
    await begun;
    const waits: number[] = [];
    const asked = async (): Promise<void> => {
      const from = performance.now();
      handshakeSchema.parse(await connection.sendRequest(METHOD.handshake));
      waits.push(performance.now() - from);
    };
    for (let i = 0; i < 10; i++) await asked();
    devicesSchema.parse(await connection.sendRequest(METHOD.devices));
    await assert.rejects(connection.sendRequest(METHOD.profile, params()), code(ERROR_CODE.busy, /another document/));
    const from = performance.now();
    stop.cancel();
    await assert.rejects(profile, code(ERROR_CODE.cancelled, /stopped/));
    waits.push(performance.now() - from);
    assert.ok(Math.max(...waits) < 500, `it took ${waits.map(Math.round).join(", ")} ms to answer`);
  });

  it("takes no notice of what is no message", async (t) => {
    const child = forked(t);
    const { connection } = openChannel(child, (line) => assert.fail(line));
    connection.listen();
    for (const message of ["text", 7, [], {}, { jsonrpc: "2.0", method: "$/cancelRequest" }]) child.send(message);
    child.send({ jsonrpc: "2.0", id: null, method: METHOD.handshake });
    handshakeSchema.parse(await connection.sendRequest(METHOD.handshake, {}));
  });

  it("explains mistakes, and is not brought down by them", async (t) => {
    const connection = server(t);
    const profile = (changes: Partial<ProfileParams>): Promise<unknown> =>
      connection.sendRequest(METHOD.profile, params(changes));
    await assert.rejects(profile({ engine: "cpu", gpu: "0" }), (error) => {
      assert.ok(error instanceof ResponseError);
      const { words } = error.data as { readonly words?: readonly unknown[] };
      assert.deepEqual(words?.slice(0, 2), ["", { setting: "gpu", value: "0" }]);
      return true;
    });
    await assert.rejects(profile({ engine: "abacus" }), code(ERROR_CODE.user, /unknown engine "abacus"/));
    await assert.rejects(profile({ model: "gpt" }), code(ERROR_CODE.user, /Unknown model "gpt"/));
    const folder = packageFile("media");
    await assert.rejects(profile({ model: "samples", folder }), code(ERROR_CODE.user, /media\/samples holds no/));
  });

  it("profiles, one document at a time, stops when asked, and keeps what it loaded", async (t) => {
    const connection = server(t);
    const said: unknown[] = [];
    connection.onNotification(METHOD.progress, (progress: unknown) => void said.push(progress));
    const first = connection.sendRequest(METHOD.profile, params());
    await assert.rejects(connection.sendRequest(METHOD.profile, params()), code(ERROR_CODE.busy, /another document/));
    const { report, selection } = profileResultSchema.parse(await first);
    assert.equal(report.document.tokens, 128);
    assert.equal(report.settings.model, "embedded");
    assert.ok(report.variants.hysparse!.totals.peakBytes! > 2 ** 26);
    assert.equal(selection?.tokens, 128);
    assert.ok(selection.tokenStarts instanceof Uint32Array);
    const phases = (): string[] => said.map((progress) => (progress as { text?: string }).text ?? "");
    assert.deepEqual(
      phases().filter((text) => text !== ""),
      ["starting the engine", "loading the model embedded", "measuring this machine"],
    );

    said.length = 0;
    const stop = new CancellationTokenSource();
    const second = connection.sendRequest(METHOD.profile, params(), stop.token);
    while (said.length < 3) await pause(20);
    assert.equal(phases()[0], "measuring this machine", "nothing has to be loaded again");
    stop.cancel();
    await assert.rejects(second, code(ERROR_CODE.cancelled, /stopped/));
  });

  it("without an owner it says that it is not for hands, and ends", async () => {
    await assert.rejects(promisify(execFile)(process.execPath, [...process.execArgv, SERVER]), {
      code: 2,
      stderr: /npm run profile/,
    });
  });
});
