/** Whether pages of this origin may use the relay. @param allowed of the configuration: exact, or with `*.` for one label */
export function allowsOrigin(allowed: readonly string[] | '*', origin: string): boolean {
  if (allowed === '*') return true;
  return allowed.some((entry) => {
    const [start = '', end] = entry.split('*');
    if (end === undefined) return entry === origin;
    const label = origin.slice(start.length, -end.length);
    return LABEL.test(label) && origin === `${start}${label}${end}`;
  });
}

/** As browsers send it: lower case, IDN as A-labels. */
const LABEL = /^[a-z0-9_-]+$/;
