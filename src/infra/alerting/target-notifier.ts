import type {
  AlertMessage,
  Notifier,
  Reachable,
  TargetSecrets,
} from "../../domain/alerting/notifier.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { TOOL_VERSION } from "../system/version.ts";
import { alertmanagerBody, slackBody, webhookBody } from "./forms.ts";
import { post } from "./guarded-request.ts";
import { signatureHeaders } from "./standard-webhook.ts";

const JSON_TYPE = {
  "Content-Type": "application/json",
  "User-Agent": `schemaledger/${TOOL_VERSION}`,
};

/** How long a receiver has to answer, ms. */
const TIMEOUT_MS = 10_000;

/** Tells each target in its own form. */
export class TargetNotifier implements Notifier {
  readonly #secrets: Pick<TargetSecrets, "find">;
  readonly #timeoutMs: number;
  readonly #closing = new AbortController();

  constructor(secrets: Pick<TargetSecrets, "find">, timeoutMs = TIMEOUT_MS) {
    this.#secrets = secrets;
    this.#timeoutMs = timeoutMs;
  }

  async send({ settings }: Reachable, message: AlertMessage): Promise<void> {
    const address = await this.#secrets.find(settings.secretId);
    if (address === undefined)
      throw new Unavailable("alert-secret-missing", "The target's address and secret are gone", {
        hint: "PATCH /v1/alert-targets/{target} with its url gives them again",
      });
    const mayBePrivate = settings.privateAddresses === true;
    const { signal } = this.#closing;
    const timeoutMs = this.#timeoutMs;
    if (address.kind === "mail") {
      // Loaded with the first mail.
      const { sendMail } = await import("./mail-sender.ts");
      return sendMail(address, message, { mayBePrivate, signal, timeoutMs });
    }
    const url = new URL(address.url);
    const send = (body: string, headers: { readonly [name: string]: string } = {}) =>
      post({ url, body, headers: { ...JSON_TYPE, ...headers }, mayBePrivate, signal, timeoutMs });
    switch (address.kind) {
      case "webhook": {
        const body = webhookBody(message);
        const seconds = Math.floor(Date.now() / 1000);
        return send(body, signatureHeaders(address.secrets, message.id, seconds, body));
      }
      case "slack":
        return send(slackBody(message));
      case "alertmanager": {
        url.pathname = `${url.pathname.replace(/\/$/, "")}/api/v2/alerts`;
        const { authorization } = address;
        return send(
          alertmanagerBody(message, Date.now()),
          authorization === undefined ? {} : { Authorization: authorization },
        );
      }
    }
  }

  close(): void {
    this.#closing.abort();
  }
}
