/** What the doctor found of one thing. */
export interface Examined {
  readonly what: string;
  readonly status: "ok" | "warning" | "error";
  readonly message: string;
  readonly hint?: string;
}

export const fine = (what: string, message: string): Examined => ({ what, status: "ok", message });

export const odd = (what: string, message: string, hint: string): Examined => ({
  what,
  status: "warning",
  message,
  hint,
});

export const wrong = (what: string, message: string, hint: string): Examined => ({
  what,
  status: "error",
  message,
  hint,
});
