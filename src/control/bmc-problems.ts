import { IpmiError } from '../ipmi/ipmi-error.ts';
import { ProblemError } from './problem.ts';

/** Passes on what a BMC answered; each kind of failure becomes a problem with a code of its own. */
export async function asked<Result>(question: Promise<Result>): Promise<Result> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof IpmiError) throw new ProblemError(`bmc-${error.code}`, error.message);
    throw error;
  }
}
