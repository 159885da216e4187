import { Type, type Static } from '@sinclair/typebox';
import { POWER_DEFAULTS } from '../ipmi/power-settings.ts';
import { section } from './schema-terms.ts';

const { retries, bootWatch } = POWER_DEFAULTS;

/** The `power` section: how the management controllers of nodes are spoken to. */
export const RawPowerSchema = section(
  {
    'poll-interval': Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 86_400,
        description:
          'Every how many seconds the power state of each node with a BMC is asked for; 0: only when somebody wants to know.',
        default: 0,
        examples: [30],
      }),
    ),
    'answer-timeout': Type.Optional(
      Type.Number({
        minimum: 0.1,
        maximum: 60,
        description:
          'Seconds until a BMC is asked again for the first time; each further wait is half as long again.',
        default: retries.firstTimeoutMs / 1000,
      }),
    ),
    attempts: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 20,
        description: 'How often a BMC is asked the same before it counts as silent.',
        default: retries.attempts,
      }),
    ),
    'boot-watch': Type.Optional(
      section(
        {
          'first-request': Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 86_400,
              description: 'Seconds that a machine may take from power-on to its first DHCP request.',
              default: bootWatch.firstRequestMs / 1000,
            }),
          ),
          'boot-time': Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 86_400,
              description: 'Seconds that a machine may take from power-on until its kernel is sent.',
              default: bootWatch.bootMs / 1000,
            }),
          ),
          attempts: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 20,
              description: 'How often a machine is started in all before bootd gives up.',
              default: bootWatch.attempts,
            }),
          ),
        },
        { description: 'How boots are watched that `POST /v1/nodes/{uuid}/boot` started.' },
      ),
    ),
  },
  {
    description: 'IPMI of nodes. What is written here holds for every BMC; it works without the section too.',
  },
);

export type RawPower = Static<typeof RawPowerSchema>;
