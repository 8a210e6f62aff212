/** The body is JSON: quotes, and what JSON escapes, count. */
function bytesOf(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}

/** Cuts a text into parts that fit into one message each, at line ends or spaces where there are some. */
export function inParts(text: string, bytesMax: number): string[] {
  const parts: string[] = [];
  let rest = text;
  while (bytesOf(rest) > bytesMax) {
    const end = cutBefore(rest, fitting(rest, bytesMax));
    parts.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return [...parts, rest].filter((part) => part !== '');
}

/** How many UTF-16 units of the text fit. */
function fitting(text: string, bytesMax: number): number {
  let fits = 1;
  let tooMany = text.length;
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >> 1;
    if (bytesOf(text.slice(0, middle)) <= bytesMax) fits = middle;
    else tooMany = middle;
  }
  return fits;
}

/** The last good place to cut in the second half of the first `end` units; never inside a character. */
function cutBefore(text: string, end: number): number {
  const head = text.slice(0, end);
  for (const sign of ['\n', ' ']) {
    const at = head.lastIndexOf(sign);
    if (at > end / 2) return at + 1;
  }
  const code = text.charCodeAt(end - 1);
  return code >= 0xd800 && code <= 0xdbff && end > 1 ? end - 1 : end;
}
