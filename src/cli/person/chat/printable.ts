/** What others write must not steer the terminal, nor turn the direction of a line. */
export function printable(text: string): string {
  return text
    .replaceAll('\n', '\n         ')
    .replaceAll(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
