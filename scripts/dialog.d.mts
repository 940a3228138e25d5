export function dialogOf(node: string, isConfig: boolean, source: string): string;
