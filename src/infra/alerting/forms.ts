import type { AlertMessage } from "../../domain/alerting/notifier.ts";

/** Without an end Alertmanager takes an alert for over after five minutes. */
const FIRING_MS = 24 * 3_600_000;

/** The whole message for programs: the payload of Standard Webhooks. */
export function webhookBody(sent: AlertMessage): string {
  const { id, time, index, origin, database, alert, over } = sent;
  const { alertId, code, severity, message, hint } = alert;
  return JSON.stringify({
    type: `alert.${severity === "info" ? "test" : over === undefined ? "raised" : "resolved"}`,
    timestamp: time,
    data: {
      id,
      alertId,
      code,
      severity,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...("about" in alert ? { about: alert.about } : {}),
      database,
      origin,
      eventIndex: index,
      ...(over === undefined ? {} : { raisedAt: over.since }),
    },
  });
}

const MARKS = {
  critical: ":rotating_light:",
  warning: ":warning:",
  info: ":information_source:",
  resolved: ":white_check_mark:",
};

/** For Slack, and whatever takes its incoming webhooks. */
export function slackBody({ origin, index, time, alert, over }: AlertMessage): string {
  const { code, message, hint } = alert;
  const severity = over === undefined ? alert.severity : "resolved";
  const title = `${MARKS[severity]} *${severity}: ${code}*`;
  const lines = [`${title}\n${escaped(message)}`, ...(hint === undefined ? [] : [escaped(hint)])];
  const foot = `${escaped(origin)} · ${time}${index === null ? "" : ` · event ${index}`}`;
  return JSON.stringify({
    // Shown in notifications, and by what does not know blocks.
    text: `${severity}: ${escaped(message)}`,
    blocks: [
      ...lines.map((text) => ({ type: "section", text: { type: "mrkdwn", text: cut(text) } })),
      { type: "context", elements: [{ type: "mrkdwn", text: foot }] },
    ],
  });
}

/** The three characters that would be markup, links to people included. */
const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Slack refuses longer sections. */
const cut = (text: string): string => (text.length > 2900 ? `${text.slice(0, 2900)}…` : text);

/** For the API v2 of Alertmanager. The same trouble has the same labels: it is one alert there. */
export function alertmanagerBody(message: AlertMessage, now: number): string {
  const { id, time, index, origin, database, alert, over } = message;
  const { alertId, code, severity, hint } = alert;
  return JSON.stringify([
    {
      labels: {
        alertname: `Schemaledger${camel(code)}`,
        severity,
        code,
        alert_id: alertId,
        ledger: origin,
        ...(database === null ? {} : { database }),
      },
      annotations: {
        summary: alert.message,
        ...(hint === undefined ? {} : { action: hint }),
        message_id: id,
        ...(index === null ? {} : { event_index: String(index) }),
      },
      startsAt: over?.since ?? time,
      endsAt: over === undefined ? new Date(now + FIRING_MS).toISOString() : time,
    },
  ]);
}

const camel = (code: string): string =>
  code.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Subject and text of a mail. */
export function mailOf({ time, index, origin, database, alert, over }: AlertMessage): {
  readonly subject: string;
  readonly text: string;
} {
  const { code, message, hint, alertId } = alert;
  const severity = over === undefined ? alert.severity : "resolved";
  const about = database === null ? "" : ` ${database}:`;
  const facts = [
    ["severity", severity],
    ["code", code],
    ["alert", alertId],
    ["database", database],
    ["raised", over?.since ?? null],
    ["time", time],
    ["ledger", origin],
    ["event", index === null ? null : String(index)],
  ] as const;
  const lines = facts.flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  const said = [message, ...(hint === undefined ? [] : [hint]), lines.join("\n")];
  return {
    // One line, whatever a name or a message brings along.
    subject: oneLine(`[schemaledger] ${severity}:${about} ${code}`),
    text: `${said.join("\n\n")}\n`,
  };
}

const oneLine = (text: string): string => text.replaceAll(/[\r\n\t\0]+/g, " ");
