/** Values and errors in words; they take any value whatever and never throw. */
export function complain(what: string): void;
export function describe(error: unknown): string;
export function show(value: unknown): string;
