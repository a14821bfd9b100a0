/** Called by an engine at each of its named points; returns, or the process does not. */
export type FaultHook = (point: string) => void;

/** Carries `FaultPlan` into a child. Never taken over from the service's own environment. */
export const FAULT_VARIABLE = "SCHEMALEDGER_FAULT";

interface FaultPlan {
  readonly point: string;
  readonly action: "kill" | "stop" | "exit";
  readonly nth: number;
}

/**
 * For crash tests: the hook that `<point>:<kill|stop|exit>[:<nth>]` asks for. With no text the
 * hook does nothing. A point may carry a number (`statement:2`). Throws on a text that means nothing, so that no test passes by a misspelling.
 */
export function faultHook(text: string | undefined): FaultHook {
  if (text === undefined) {
    return () => undefined;
  }
  const plan = parse(text);
  let seen = 0;
  return (point) => {
    if (point === plan.point && ++seen === plan.nth) {
      strike(plan.action);
    }
  };
}

function parse(text: string): FaultPlan {
  const match = /^([a-z0-9][a-z0-9.-]*(?::[0-9]+)?):(kill|stop|exit)(?::([1-9][0-9]{0,8}))?$/.exec(
    text,
  );
  if (match === null) {
    throw new Error(`Not a fault plan: ${text}`);
  }
  return {
    point: match[1]!,
    action: match[2] as FaultPlan["action"],
    nth: Number(match[3] ?? 1),
  };
}

/** A signal to oneself is delivered before the call returns: no statement runs in between. */
function strike(action: FaultPlan["action"]): void {
  switch (action) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      break;
    case "stop":
      process.kill(process.pid, "SIGSTOP");
      break;
    case "exit":
      process.exit(70);
  }
}
