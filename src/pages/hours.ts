const HOURS = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/**
 * Tell if the exhibit is open.
 *
 * @param hours Such as `09:00-18:00`, or past midnight, `20:00-02:00`. Any other text means always open.
 * @param now The present; its local time counts.
 * @returns True if the exhibit is open.
 */
export function isOpen(hours: string, now: Date): boolean {
  const match = HOURS.exec(hours);
  if (match === null) return true;
  const [fromHour, fromMinute, toHour, toMinute] = match.slice(1).map(Number) as [number, number, number, number];
  const from = fromHour * 60 + fromMinute;
  const to = toHour * 60 + toMinute;
  const minute = now.getHours() * 60 + now.getMinutes();
  if (from === to) return true;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
