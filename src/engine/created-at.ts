/** `2025-03-26T19:45:38.204489Z`: UTC with six decimals, from microseconds since 1970. */
export function formatCreatedAt(createdUs: number): string {
  const ms = Math.floor(createdUs / 1000);
  const rest = String(createdUs - ms * 1000).padStart(3, '0');
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`;
}
