import type { RehearsalReport } from '../rehearsal/report.ts';

/** What a rehearsal has found so far. */
export interface ObservationQueries {
  report(): RehearsalReport;
}
