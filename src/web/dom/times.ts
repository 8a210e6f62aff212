const clockForm = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const weekdayForm = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const dayForm = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const yearForm = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const shortForm = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const shortYearForm = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const fullForm = new Intl.DateTimeFormat(undefined, { dateStyle: 'long', timeStyle: 'short' });

/** All times are milliseconds since 1970. */
export function clock(ms: number): string {
  return clockForm.format(ms);
}

export function dateAndTime(ms: number): string {
  return fullForm.format(ms);
}

/** A number for each day, by the calendar of this place. */
export function dayOf(ms: number): number {
  const date = new Date(ms);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

/** Above the messages of a day. */
export function dayName(ms: number, nowMs: number): string {
  const days = dayOf(nowMs) - dayOf(ms);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return sameYear(ms, nowMs) ? dayForm.format(ms) : yearForm.format(ms);
}

/** In the list: the time of today, the weekday of this week, otherwise the date. */
export function listTime(ms: number, nowMs: number): string {
  const days = dayOf(nowMs) - dayOf(ms);
  if (days <= 0) return clock(ms);
  if (days === 1) return 'Yesterday';
  if (days < 7) return weekdayForm.format(ms);
  return sameYear(ms, nowMs) ? shortForm.format(ms) : shortYearForm.format(ms);
}

function sameYear(left: number, right: number): boolean {
  return new Date(left).getFullYear() === new Date(right).getFullYear();
}
