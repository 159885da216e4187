const UUID = /\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/gi;
/** Six octets, or with the eight of InfiniBand's pxelinux names in front, by dashes or colons. */
const MAC = /(?<![\da-f])(?:[\da-f]{2}[-:]){5,20}[\da-f]{2}(?![\da-f])/gi;
const ADDRESS = /(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)/g;
/** pxelinux and GRUB ask for the machine's address in hex, then for ever shorter prefixes of it. */
const HEX_ADDRESS = /(?<=pxelinux\.cfg\/|grub\.cfg-)[\dA-F]{1,8}$/;

/**
 * The path with everything that names one machine replaced: `<uuid>`, `<mac>`, `<ip>`. Files that are the same to an
 * admin count as one in the metrics, and a thousand machines do not make a thousand names.
 */
export function fileFamily(path: string): string {
  return path
    .replace(UUID, '<uuid>')
    .replace(MAC, '<mac>')
    .replace(ADDRESS, '<ip>')
    .replace(HEX_ADDRESS, '<ip>');
}
