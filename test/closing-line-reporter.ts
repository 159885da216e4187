import { writeFileSync } from 'node:fs';
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

/** What a run of vitest came to. */
export interface RunSummary {
  readonly passed: number;
  readonly failed: number;
  /** Tests that were skipped, with the reason that they gave. */
  readonly skipped: readonly { readonly test: string; readonly reason: string }[];
}

/** Where `SUMMARY_FILE` in the environment says, the summary is written as JSON for run-tests.ts. */
export const SUMMARY_FILE = 'BOOTD_TEST_SUMMARY';

/**
 * Counts over all projects of a run. vitest's own counts leave out what never ran: a file that does not load, the
 * tests behind a hook that failed, an error outside of any test. Here each of these is a failure.
 */
export default class ClosingLineReporter implements Reporter {
  #namePattern: RegExp | undefined;

  onInit(vitest: Vitest): void {
    this.#namePattern = vitest.config.testNamePattern;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const counts = {
      passed: 0,
      failed: unhandledErrors.length,
      skipped: [] as { test: string; reason: string }[],
    };
    for (const module of modules) {
      const broken = new Set<TestModule | TestSuite>(
        [module, ...module.children.allSuites()].filter((one) => one.errors().length > 0),
      );
      const tests = [...module.children.allTests()];
      for (const test of tests) {
        const result = test.result();
        if (result.state === 'passed') counts.passed += 1;
        else if (result.state === 'failed' || ancestors(test).some((one) => broken.has(one)))
          counts.failed += 1;
        else if (result.state === 'skipped' && (this.#namePattern?.test(test.fullName) ?? true)) {
          counts.skipped.push({
            test: `${module.relativeModuleId} > ${test.fullName}`,
            reason: result.note ?? 'no reason given',
          });
        } else if (result.state === 'pending') counts.failed += 1;
      }
      // A file without tests, because it did not load, or whose hooks failed after its tests had passed.
      const noticed = tests.some(
        (test) => test.result().state !== 'passed' && ancestors(test).some((one) => broken.has(one)),
      );
      if (broken.size > 0 && !noticed) counts.failed += 1;
    }
    const file = process.env[SUMMARY_FILE];
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts satisfies RunSummary));
  }
}

function ancestors(test: TestCase): readonly (TestModule | TestSuite)[] {
  const found: (TestModule | TestSuite)[] = [];
  for (let at: TestModule | TestSuite = test.parent; ; at = at.parent) {
    found.push(at);
    if (at.type === 'module') return found;
  }
}
