import { expect, test } from "vitest";
import { isOpen } from "../../src/pages/hours.ts";

const at = (time: string) => new Date(`2026-03-04T${time}:00`);

test.each([
  ["09:00-18:00", "08:59", false],
  ["09:00-18:00", "09:00", true],
  ["09:00-18:00", "17:59", true],
  ["09:00-18:00", "18:00", false],
  ["20:00-02:00", "23:30", true],
  ["20:00-02:00", "01:59", true],
  ["20:00-02:00", "12:00", false],
  ["08:00-08:00", "03:00", true],
  ["", "03:00", true],
  ["9-18", "03:00", true],
  ["25:00-26:00", "03:00", true],
])("hours %j at %s: open is %s", (hours, time, open) => expect(isOpen(hours, at(time))).toBe(open));
