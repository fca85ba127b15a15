import Mocha from "mocha";
import { tell } from "./events.ts";

/** Tells each story's fate as an event, so that whoever started VS Code can print it at once. */
export class EventReporter extends Mocha.reporters.Base {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const { constants } = Mocha.Runner;
    runner.once(constants.EVENT_RUN_BEGIN, () => tell({ event: "begin", stories: runner.total }));
    runner.on(constants.EVENT_TEST_BEGIN, (test: Mocha.Test) => tell({ event: "start", title: test.fullTitle() }));
    runner.on(constants.EVENT_TEST_PASS, (test: Mocha.Test) =>
      tell({ event: "pass", title: test.fullTitle(), milliseconds: test.duration ?? 0 }),
    );
    runner.on(constants.EVENT_TEST_PENDING, (test: Mocha.Test) => tell({ event: "skip", title: test.fullTitle() }));
    runner.on(constants.EVENT_TEST_FAIL, (test: Mocha.Test, error: Error) =>
      tell({ event: "fail", title: test.fullTitle(), message: error.stack ?? String(error) }),
    );
  }
}
