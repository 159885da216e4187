import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs a tool to its end, with words added to the environment; rejects with what it printed when it fails. */
export async function execute(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  try {
    // Tools that speak other languages, or count days elsewhere, make other packages.
    const same = { LC_ALL: 'C.UTF-8', TZ: 'UTC' };
    await promisify(execFile)(command, [...args], {
      env: { ...process.env, ...same, ...environment },
      maxBuffer: 64 * 1024 * 1024,
      timeout: 300_000,
    });
  } catch (error) {
    const {
      code,
      stdout = '',
      stderr = '',
    } = error as NodeJS.ErrnoException & {
      stdout?: string;
      stderr?: string;
    };
    if (code === 'ENOENT') throw new Error(`${command} is not installed`, { cause: error });
    throw new Error(`${command} failed\n${stdout}${stderr}`.trim(), { cause: error });
  }
}
