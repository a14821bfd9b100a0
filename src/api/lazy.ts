/** How each member of an object is made. */
export type Makers<T> = { readonly [K in keyof T]-?: () => T[K] };

/** An object whose members are made when they are first asked for: a command needs few of the services. */
export function lazy<T extends object>(makers: Makers<T>): T {
  const made = {};
  for (const name of Object.keys(makers) as (keyof T & string)[])
    Object.defineProperty(made, name, {
      configurable: true,
      enumerable: true,
      get: () => {
        const value = makers[name]();
        Object.defineProperty(made, name, { value, enumerable: true });
        return value;
      },
    });
  return made as T;
}

/** Which members there are; the compiler sees that none is missing. */
export type Names<T> = { readonly [K in keyof T]-?: true };

/** Members that are made together, with the first of them that is asked for. */
export function together<T extends object>(names: Names<T>, make: () => T): Makers<T> {
  let made: T | undefined;
  const makers = Object.keys(names).map((name) => [name, () => (made ??= make())[name as keyof T]]);
  return Object.fromEntries(makers) as Makers<T>;
}
