import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../../../src/model/errors.ts";
import { Cancelled, RuntimeFault } from "../../../src/runtime/runtime.ts";
import { childOf, fakeClient, isRunning, start, until } from "./fakes.ts";

function fault(message: RegExp, printed = /(?:)/): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RuntimeFault, String(error));
    assert.match(error.message, message);
    assert.match(error.printed, printed);
    return true;
  };
}

function mistake(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof UserError && message.test(error.message);
}

describe("a runtime that does what it should", { concurrency: 2 }, () => {
  it("is started on first use, tells its state, and serves again", async (t) => {
    const { client, states, lines } = fakeClient(t);
    assert.equal(client.state, "stopped");
    assert.equal(client.pid, undefined);
    assert.deepEqual(await client.devices(), { engines: [], devices: [], models: [] });
    const { pid } = client;
    const { result, said } = start(client, "progress");
    await result;
    await start(client, "report").result;
    assert.equal(client.pid, pid);
    assert.deepEqual(states, ["starting", "ready", "busy", "ready", "busy", "ready"]);
    assert.deepEqual(said, [
      { kind: "phase", text: "pretending" },
      { kind: "progress", phase: "prefill", variant: "full", done: 1, total: 2 },
    ]);
    assert.match(lines[0]!, /^runtime 0\.0\.0, pid \d+, Node\.js v/);
  });

  it("answers with typed arrays", async (t) => {
    const { client } = fakeClient(t);
    const { selection } = (await start(client, "table").result) as { selection: { oracles: { blocks: unknown }[] } };
    assert.deepEqual(selection.oracles[0]!.blocks, Uint16Array.of(0, 0xffff));
  });

  it("is one process for calls that come together", async (t) => {
    const { client, states } = fakeClient(t, "slow");
    await Promise.all([client.devices(), client.devices(), start(client, "report").result]);
    assert.equal(states.filter((state) => state === "starting").length, 1);
  });

  it("has its errors told apart", async (t) => {
    const { client } = fakeClient(t);
    await assert.rejects(start(client, "user's mistake").result, mistake(/^mend this$/));
    await assert.rejects(start(client, "user's setting").result, (error) => {
      assert.ok(error instanceof UserError);
      assert.deepEqual(error.words, ["less ", { setting: "gpu" }]);
      return error.message === "less --gpu";
    });
    await assert.rejects(start(client, "no words").result, mistake(/^mend that$/));
    await assert.rejects(start(client, "busy").result, mistake(/^another one$/));
    await assert.rejects(start(client, "fault").result, (error) => {
      assert.ok(fault(/^a bug$/)(error));
      return (error as Error).stack === "where it was";
    });
    await assert.rejects(start(client, "nonsense").result, fault(/invalid answer/));
    await start(client, "report").result;
  });

  it("has what it prints logged line by line", async (t) => {
    const { client, lines } = fakeClient(t);
    await start(client, "noise").result;
    client.dispose();
    await until(() => lines.includes("three"), "the unfinished line is logged at the end");
    assert.ok(lines.includes("one") && lines.includes("two"));
  });

  it("may say what no one understands", async (t) => {
    const { client, lines } = fakeClient(t);
    await start(client, "garbage").result;
    await start(client, "report").result;
    assert.ok(lines.some((line) => line.includes("not JSON-RPC")));
    assert.ok(lines.some((line) => line.includes("dropped invalid progress")));
  });

  it("ends after an idle time, and not before", async (t) => {
    const { client, states } = fakeClient(t, "good", { idleMs: 150 });
    await client.devices();
    const pid = client.pid!;
    await pause(80);
    await client.devices();
    await pause(80);
    assert.equal(client.pid, pid, "a call starts the time anew");
    await until(() => client.state === "stopped", "it stops");
    await until(() => !isRunning(pid), "it ends");
    await client.devices();
    assert.deepEqual(states, ["starting", "ready", "stopped", "starting", "ready"]);
  });

  it("is never idle while it works", async (t) => {
    const { client } = fakeClient(t, "good", { idleMs: 50 });
    const running = start(client, "obedient");
    await until(() => running.said.length > 0, "it works");
    await pause(200);
    assert.equal(client.state, "busy");
    running.stop.abort();
    await assert.rejects(running.result, Cancelled);
  });
});

describe("a runtime that dies", { concurrency: 2 }, () => {
  const deaths: readonly (readonly [string, RegExp, RegExp?])[] = [
    ["killed", /was killed; the machine may have run out of memory$/],
    ["segfault", /crashed in native code \(SIGSEGV\), for example in a GPU driver$/],
    ["terminated", /was ended from outside \(SIGTERM\)$/],
    ["exit", /ended unexpectedly \(exit code 3\)$/, /^last words$/],
    ["out of memory", /ran out of memory$/, /heap out of memory/],
  ];
  for (const [behaviour, message, printed] of deaths) {
    it(`tells the story: ${behaviour}`, async (t) => {
      const { client, states } = fakeClient(t);
      await assert.rejects(start(client, behaviour).result, fault(message, printed));
      assert.deepEqual(states, ["starting", "ready", "busy", "failed"]);
      await start(client, "report").result;
      assert.equal(client.state, "ready", "the next use starts it anew");
    });
  }

  it("fails all that wait for it", async (t) => {
    const { client } = fakeClient(t);
    await client.devices();
    const waiting = start(client, "blocked");
    await until(() => waiting.said.length > 0, "it works");
    const devices = client.devices();
    process.kill(client.pid!, "SIGKILL");
    await assert.rejects(waiting.result, fault(/was killed/));
    await assert.rejects(devices, fault(/was killed/));
  });

  it("takes its children along", async (t) => {
    const { client } = fakeClient(t);
    const running = start(client, "leaves a child");
    const child = await childOf(running);
    await assert.rejects(running.result, fault(/was killed/));
    await until(() => !isRunning(child), "the child ends", 2000);
  });

  it("has answered when it answered, even if it died right after", async (t) => {
    const { client } = fakeClient(t);
    for (let i = 0; i < 5; i++) {
      await start(client, "answers and dies").result;
      await until(() => client.pid === undefined, "its death is noticed");
    }
  });

  it("just before a use costs that use nothing", async (t) => {
    const { client } = fakeClient(t);
    await client.devices();
    for (let round = 0; round < 5; round++) {
      const { pid } = client;
      assert.ok(pid !== undefined);
      process.kill(pid, "SIGKILL");
      // Dead at once, known to be dead some event-loop turns later: the calls meet every state in between.
      for (let turn = 0; turn < round; turn++) await new Promise((next) => setImmediate(next));
      await start(client, "report").result;
      assert.notEqual(client.pid, pid);
    }
  });

  it("is noticed between two uses", async (t) => {
    const { client, states } = fakeClient(t);
    await client.devices();
    process.kill(client.pid!, "SIGKILL");
    await until(() => client.state === "failed", "its death is noticed");
    await client.devices();
    assert.deepEqual(states, ["starting", "ready", "failed", "starting", "ready"]);
  });
});

describe("a runtime that does not start", { concurrency: 2 }, () => {
  const starts: readonly (readonly [string, (error: unknown) => boolean])[] = [
    ["crash", fault(/ended unexpectedly \(exit code 1\)/, /^cannot start$/)],
    ["killed", fault(/was killed/)],
    ["another protocol", fault(/has another version \(protocol 99, here \d+\).*reload the window/)],
    ["no runtime", fault(/is not the profiler's runtime/)],
    ["old node", mistake(/needs Node\.js 20\.19 or newer \(this is v18\.20\.0\)/)],
  ];
  for (const [how, expected] of starts) {
    it(`is an error for all who wait: ${how}`, async (t) => {
      const { client, states } = fakeClient(t, how);
      const both = [client.devices(), start(client, "report").result];
      for (const call of both) await assert.rejects(call, expected);
      assert.deepEqual(states, ["starting", "failed"]);
      assert.equal(client.pid, undefined);
    });
  }

  it("is given up after a while", async (t) => {
    const { client, states } = fakeClient(t, "silent", { startMs: 300 });
    await assert.rejects(client.devices(), fault(/did not answer within 0\.3 s/));
    assert.deepEqual(states, ["starting", "failed"]);
  });

  it("because its executable is missing or is something else", async (t) => {
    const missing = fakeClient(t, "good", { execPath: "/no/such/node" });
    await assert.rejects(missing.client.devices(), mistake(/no Node\.js executable at \/no\/such\/node/));
    assert.equal(missing.client.state, "stopped");
    const other = fakeClient(t, "good", { execPath: "/bin/true" });
    await assert.rejects(other.client.devices(), fault(/ended unexpectedly \(exit code 0\)/));
    const refused = fakeClient(t, "good", { execPath: "/etc/passwd" });
    await assert.rejects(refused.client.devices(), fault(/cannot start .*EACCES/));
    assert.equal(refused.client.state, "failed");
  });
});

describe("stopping a profile", { concurrency: 2 }, () => {
  it("leaves a runtime that obeys alive", async (t) => {
    const { client, states } = fakeClient(t);
    const running = start(client, "obedient");
    await until(() => running.said.length > 0, "it works");
    const { pid } = client;
    running.stop.abort();
    await assert.rejects(running.result, Cancelled);
    assert.deepEqual(running.said, [{ kind: "phase", text: "working" }]);
    await start(client, "report").result;
    assert.equal(client.pid, pid);
    assert.deepEqual(states, ["starting", "ready", "busy", "ready", "busy", "ready"]);
  });

  it("does not bring a report that came all the same", async (t) => {
    const { client } = fakeClient(t);
    const running = start(client, "answers all the same");
    await until(() => running.said.length > 0, "it works");
    running.stop.abort();
    await assert.rejects(running.result, Cancelled);
  });

  for (const behaviour of ["deaf", "blocked"]) {
    it(`ends a runtime that is ${behaviour}, its children too, within half a second`, async (t) => {
      const { client, states } = fakeClient(t);
      const running = start(client, behaviour);
      const child = await childOf(running);
      const pid = client.pid!;
      const asked = performance.now();
      running.stop.abort();
      await assert.rejects(running.result, Cancelled);
      const took = performance.now() - asked;
      assert.ok(took > 400 && took < 1000, `${took} ms`);
      assert.deepEqual(states, ["starting", "ready", "busy", "stopped"]);
      await until(() => !isRunning(child) && !isRunning(pid), "both end", 2000);
      await start(client, "report").result;
    });
  }

  it("before the runtime has started is at once, and the next profile waits for no other start", async (t) => {
    const { client, states } = fakeClient(t, "slow");
    const running = start(client, "report");
    running.stop.abort();
    const asked = performance.now();
    await assert.rejects(running.result, Cancelled);
    assert.ok(performance.now() - asked < 200);
    await start(client, "report").result;
    assert.deepEqual(states, ["starting", "ready", "busy", "ready"]);
  });

  it("beforehand starts nothing", async (t) => {
    const { client, states } = fakeClient(t);
    const params = start(client, "report");
    params.stop.abort();
    await assert.rejects(params.result, Cancelled);
    const signal = AbortSignal.abort();
    await assert.rejects(
      fakeClient(t).client.profile({} as never, () => undefined, signal),
      Cancelled,
    );
    assert.equal(states[0], "starting");
  });

  it("is what a death during it counts as", async (t) => {
    const { client } = fakeClient(t);
    const running = start(client, "blocked");
    await childOf(running);
    running.stop.abort();
    process.kill(client.pid!, "SIGKILL");
    await assert.rejects(running.result, Cancelled);
  });
});

describe("two profiles at once", () => {
  it("are one too many, before and after the start", async (t) => {
    const { client } = fakeClient(t);
    const first = start(client, "obedient");
    await assert.rejects(start(client, "report").result, mistake(/already being profiled/));
    await until(() => first.said.length > 0, "it works");
    await assert.rejects(start(client, "report").result, mistake(/already being profiled/));
    first.stop.abort();
    await assert.rejects(first.result, Cancelled);
    await start(client, "report").result;
  });
});

describe("disposing", { concurrency: 2 }, () => {
  it("ends the runtime and its children at once", async (t) => {
    const { client } = fakeClient(t);
    const running = start(client, "blocked");
    const child = await childOf(running);
    const pid = client.pid!;
    client.dispose();
    assert.equal(client.state, "stopped");
    await assert.rejects(running.result, fault(/was ended/));
    await until(() => !isRunning(child) && !isRunning(pid), "both end", 1000);
    await assert.rejects(client.devices(), fault(/was shut down/));
    client.dispose();
  });

  it("while it starts leaves nothing behind", async (t) => {
    const { client } = fakeClient(t, "slow");
    const devices = client.devices();
    devices.catch(() => undefined);
    const pid = client.pid!;
    client.dispose();
    await assert.rejects(devices, fault(/was ended/));
    await until(() => !isRunning(pid), "it ends", 1000);
  });
});
