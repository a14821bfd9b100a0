/** Any JSON value. Numbers must be finite; integers beyond 2^53 − 1 travel as strings. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };
