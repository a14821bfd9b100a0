import type { InjectionToken } from "tsyringe";
import type { Clock } from "../domain/shared/clock.ts";

export const CLOCK: InjectionToken<Clock> = Symbol("Clock");
