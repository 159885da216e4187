import type { FuzzTarget } from './fuzz-target.ts';
import { CONFIGURATION_TARGETS } from './targets/configuration.ts';
import { CONTROL_API_TARGETS } from './targets/control-api.ts';
import { DHCP_SERVER_TARGETS } from './targets/dhcp-server.ts';
import { DHCP_WIRE_TARGETS } from './targets/dhcp-wire.ts';
import { FRAME_TARGETS } from './targets/frames.ts';
import { HTTP_BOOT_TARGETS } from './targets/http-boot.ts';
import { IPMI_TARGETS } from './targets/ipmi.ts';
import { MAP_FILE_TARGETS } from './targets/map-file.ts';
import { OTHER_PROGRAMS_TARGETS } from './targets/other-programs.ts';
import { STORE_TARGETS } from './targets/store.ts';
import { TEMPLATE_TARGETS } from './targets/templates.ts';
import { TFTP_TARGETS } from './targets/tftp.ts';

/** Every parser that reads what comes from the wire or from a disk. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...DHCP_WIRE_TARGETS,
  ...DHCP_SERVER_TARGETS,
  ...FRAME_TARGETS,
  ...TFTP_TARGETS,
  ...MAP_FILE_TARGETS,
  ...HTTP_BOOT_TARGETS,
  ...IPMI_TARGETS,
  ...CONFIGURATION_TARGETS,
  ...OTHER_PROGRAMS_TARGETS,
  ...STORE_TARGETS,
  ...CONTROL_API_TARGETS,
  ...TEMPLATE_TARGETS,
];
