import { isIP } from "node:net";
import { createTransport } from "nodemailer";
import type { AlertMessage, MailAddress } from "../../domain/alerting/notifier.ts";
import { DomainError, Unavailable } from "../../domain/shared/errors.ts";
import { checkedAddresses } from "./address-guard.ts";
import { mailOf } from "./forms.ts";
import type { Posted } from "./guarded-request.ts";
import { within } from "./within.ts";

const EXCHANGES = 3;

interface SmtpError extends Error {
  readonly code?: string;
  readonly responseCode?: number;
  readonly command?: string;
}

/**
 * Sends one mail; its Message-ID is the message's own, the same at each attempt. TLS with a
 * certificate that is right is demanded, unless the server may be at a private address and gets no password. Errors: those that `Notifier.send` names.
 */
export async function sendMail(
  { url, from, to, username, password }: MailAddress,
  message: AlertMessage,
  { mayBePrivate, signal, timeoutMs }: Pick<Posted, "mayBePrivate" | "signal" | "timeoutMs">,
): Promise<void> {
  const { hostname, port, protocol, host } = new URL(url);
  const secure = protocol === "smtps:";
  // Within a network of one's own TLS is taken as it is offered; never for a password.
  const strict = !mayBePrivate || username !== undefined;
  // A mail is some exchanges; each has the time of a request.
  const limit = AbortSignal.any([signal, AbortSignal.timeout(EXCHANGES * timeoutMs)]);
  try {
    const [address] = await within(limit, checkedAddresses(hostname, mayBePrivate));
    const servername = isIP(hostname) === 0 ? { servername: hostname } : {};
    const transport = createTransport({
      // The address that was checked; the certificate must still be the name's.
      host: address!.address,
      port: port === "" ? (secure ? 465 : 587) : Number(port),
      secure,
      requireTLS: !secure && strict,
      tls: { ...servername, rejectUnauthorized: secure || strict },
      ...(username === undefined ? {} : { auth: { user: username, pass: password ?? "" } }),
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      const sent = transport.sendMail({
        from,
        to: [...to],
        messageId: `<${message.id}@schemaledger>`,
        date: new Date(message.time),
        ...mailOf(message),
      });
      const { rejected } = await within(limit, sent);
      if (rejected.length > 0)
        throw refused(host, `${rejected.length} of ${to.length} recipients were refused`);
    } finally {
      transport.close();
    }
  } catch (error) {
    throw error instanceof DomainError ? error : problemOf(host, error as SmtpError);
  }
}

/** The server's words may name people: its number says enough. */
function problemOf(host: string, { code, responseCode, command }: SmtpError): DomainError {
  if (responseCode === undefined)
    return new Unavailable(
      "alert-target-unreachable",
      `${host} cannot be reached: ${code ?? "no connection"}`,
      { hint: "See whether the server is up and offers TLS; what waits is tried again by itself" },
    );
  if (responseCode >= 500 && command !== "AUTH" && code !== "EAUTH")
    return refused(host, `it answered ${responseCode}`);
  return new Unavailable("alert-target-failed", `${host} answered ${responseCode}`, {
    hint: "See whether user name and password are right; what waits is tried again by itself",
  });
}

const refused = (host: string, why: string): Unavailable =>
  new Unavailable("alert-target-refuses", `${host} refuses the mail: ${why}`, {
    hint: "See whether sender and recipients are right",
    details: { final: true },
  });
