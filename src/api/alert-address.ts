import { isIP } from "node:net";
import type { TargetKind } from "../domain/alerting/events.ts";
import type { MailAddress, TargetAddress } from "../domain/alerting/notifier.ts";
import { InvalidInput } from "../domain/shared/errors.ts";
import { withoutAbsent } from "../domain/shared/without-absent.ts";
import { isPrivate } from "../infra/alerting/address-guard.ts";
import { newWebhookSecret, webhookKey } from "../infra/alerting/standard-webhook.ts";

/** The members of a request that say how a target is reached. */
export interface Reached {
  readonly url: string;
  readonly secret?: string;
  readonly authorization?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly username?: string;
  readonly password?: string;
}

const MEMBERS: { readonly [kind in TargetKind]: readonly (keyof Reached)[] } = {
  webhook: ["url", "secret"],
  slack: ["url"],
  alertmanager: ["url", "authorization"],
  mail: ["url", "from", "to", "username", "password"],
};

/** `name@host`, or with a name for people before it; no line breaks. */
const MAIL = /^(?:[^\r\n<>]*<)?[^\s@<>,;]+@[^\s@<>,;]+>?$/;
const HEADER = /^[\x21-\x7e][\x20-\x7e]*$/;

/** The address in a request, checked. Error: InvalidInput alert-target-invalid. */
export function addressOf(
  kind: TargetKind,
  reached: Reached,
  mayBePrivate: boolean,
): TargetAddress {
  const other = Object.entries(reached).find(
    ([member, value]) => value !== undefined && !MEMBERS[kind].includes(member as keyof Reached),
  );
  if (other !== undefined)
    throw invalid(`${other[0]} does not go with a target of kind ${kind}`, "Leave it out");
  const url = checkedUrl(kind, reached.url, mayBePrivate);
  switch (kind) {
    case "webhook":
      return { kind, url, secrets: [secretOf(reached.secret)] };
    case "slack":
      return { kind, url };
    case "alertmanager": {
      const { authorization } = reached;
      if (authorization !== undefined && !HEADER.test(authorization))
        throw invalid("authorization cannot be sent as a header", "Use printable ASCII");
      return { kind, url, ...withoutAbsent({ authorization }) };
    }
    case "mail":
      return mailOf(url, reached);
  }
}

/** What may be shown of an address: where it is, not what else its URL says. */
export function placeOf({ url }: TargetAddress): string {
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname.length > 1 || search !== "" ? "/…" : ""}`;
}

/** The members of a request that gave this address. */
export function reachedOf(address: TargetAddress): Reached {
  switch (address.kind) {
    case "webhook":
      return { url: address.url, secret: address.secrets[0]! };
    case "slack":
    case "alertmanager":
    case "mail": {
      const { kind: _kind, privateAddresses: _private, ...reached } = address;
      return reached;
    }
  }
}

function checkedUrl(kind: TargetKind, text: string, mayBePrivate: boolean): string {
  const url = URL.parse(text);
  const [safe, plain] = kind === "mail" ? ["smtps:", "smtp:"] : ["https:", "http:"];
  if (url === null || (url.protocol !== safe && url.protocol !== plain) || url.hostname === "")
    throw invalid("The url cannot be meant", `Give one that begins with ${safe}//`);
  if (url.username !== "" || url.password !== "")
    throw invalid("The url has a user name or password", "Give them in members of their own");
  // STARTTLS is demanded with smtp: where the address is public.
  if (kind !== "mail" && url.protocol === plain && !mayBePrivate)
    throw invalid(
      "The url is without TLS",
      "Use https, or privateAddresses (--private-addresses) within your network",
    );
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const family = isIP(host) as 0 | 4 | 6;
  if (!mayBePrivate && family !== 0 && isPrivate({ address: host, family }))
    throw invalid("The url leads to a private address", "Set privateAddresses if that is meant");
  url.hash = "";
  return url.href;
}

function secretOf(secret: string | undefined): string {
  if (secret === undefined) return newWebhookSecret();
  if (webhookKey(secret) !== undefined) return secret;
  throw invalid(
    "The secret is none of Standard Webhooks",
    "Give whsec_ and 24 to 64 bytes in base64",
  );
}

function mailOf(url: string, { from, to, username, password }: Reached): MailAddress {
  if (from === undefined || to === undefined)
    throw invalid("A mail needs from and to", "Give the sender and a list of recipients");
  const wrong = [from, ...to].find((one) => !MAIL.test(one));
  if (wrong !== undefined)
    throw invalid("A mail address cannot be meant", "Give name@host, one address an entry");
  if ((username === undefined) !== (password === undefined))
    throw invalid("username and password belong together", "Give both, or none");
  return { kind: "mail", url, from, to, ...withoutAbsent({ username, password }) };
}

const invalid = (why: string, hint: string): InvalidInput =>
  new InvalidInput("alert-target-invalid", why, { hint });
