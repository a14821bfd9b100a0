import { lookup } from "node:dns/promises";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { Refused } from "../../domain/shared/errors.ts";

/** One address that a name stands for. */
export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

type Resolve = (hostname: string) => Promise<readonly Address[]>;

/** Addresses that lead into this machine, its neighbourhood, or nowhere (RFC 6890 and the like). */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const)
  PRIVATE.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of [
  ["::", 127],
  // What they hold is an IPv4 address that something on the way would go to.
  ["::", 96],
  ["::ffff:0:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
  ["5f00::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const)
  PRIVATE.addSubnet(network, prefix, "ipv6");

/** Whether an address is not one of the public network. An IPv4 address within an IPv6 one counts. */
export const isPrivate = ({ address, family }: Address): boolean =>
  PRIVATE.check(address.split("%", 1)[0]!, family === 4 ? "ipv4" : "ipv6");

/**
 * The addresses of a host, each of them checked: connect to these and to nothing that is looked up
 * later, or another answer of the name server gets past the check. Error: Refused
 * alert-address-refused.
 */
export async function checkedAddresses(
  hostname: string,
  mayBePrivate: boolean,
  resolve: Resolve = resolveAll,
): Promise<readonly Address[]> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const family = isIP(host);
  const found =
    family === 0 ? await resolve(host) : [{ address: host, family: family as Address["family"] }];
  const wrong = mayBePrivate ? undefined : found.find(isPrivate);
  if (wrong === undefined) return found;
  throw new Refused(
    "alert-address-refused",
    `${hostname} is at the private address ${wrong.address}`,
    { hint: "Give the target privateAddresses if that is meant" },
  );
}

const resolveAll: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })) as readonly Address[];

/** For sockets: gives these addresses, whatever a name server would say by now. */
export const lookupOf =
  (addresses: readonly Address[]): LookupFunction =>
  (_hostname, options, callback) => {
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, addresses[0]!.address, addresses[0]!.family);
  };
