import { POWER_DEFAULTS, type PowerSettings } from '../ipmi/power-settings.ts';
import type { Located } from './located.ts';
import type { ProblemList } from './problem-list.ts';
import type { RawPower } from './raw-power.ts';

/** Builds the settings of the `power` section; they may be used only when no error was reported. */
export function parsePower(power: Located<RawPower> | undefined, problems: ProblemList): PowerSettings {
  if (power === undefined) return POWER_DEFAULTS;
  const { value } = power;
  const { retries, bootWatch } = POWER_DEFAULTS;
  const watch = value['boot-watch']?.value;
  const pollSeconds = value['poll-interval']?.value ?? 0;
  const settings: PowerSettings = {
    pollIntervalMs: pollSeconds === 0 ? undefined : pollSeconds * 1000,
    retries: {
      attempts: value.attempts?.value ?? retries.attempts,
      firstTimeoutMs: Math.round((value['answer-timeout']?.value ?? retries.firstTimeoutMs / 1000) * 1000),
    },
    bootWatch: {
      firstRequestMs: (watch?.['first-request']?.value ?? bootWatch.firstRequestMs / 1000) * 1000,
      bootMs: (watch?.['boot-time']?.value ?? bootWatch.bootMs / 1000) * 1000,
      attempts: watch?.attempts?.value ?? bootWatch.attempts,
    },
  };
  if (watch !== undefined && settings.bootWatch.bootMs < settings.bootWatch.firstRequestMs) {
    const place = (watch['boot-time'] ?? watch['first-request'] ?? power).keyPlace;
    problems.error(place, "'boot-time' counts from power-on and cannot be shorter than 'first-request'");
  }
  return settings;
}
