// Addresses that clients seem to come from, where 127.0.0.1 is a trusted proxy.

let addresses = 0;

/** The header of an address that nothing else of this suite uses. */
export function newAddressHeader() {
  addresses += 1;
  return { 'X-Forwarded-For': `203.0.${addresses >> 8}.${addresses & 255}` };
}
