const HOURS = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/**
 * @param hours `09:00-18:00`; past midnight where the end comes first, `20:00-02:00`. Empty or nonsense: always.
 * @param now Whose local time counts.
 * @returns Whether the exhibit is open.
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
