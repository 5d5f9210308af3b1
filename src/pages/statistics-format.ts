/** The statistics page's language: its words, and how it writes times and numbers. */
import { statisticsWords } from "./statistics-words.ts";

export const flags = new URLSearchParams(location.search);
export const { language, words } = statisticsWords(flags.get("lang") ?? navigator.language);

export function hourRange(hour: number): string[] {
  return [hour, hour + 1].map(hourLabel);
}

export function hourLabel(hour: number): string {
  const date = new Date(2026, 0, 1, hour);
  return new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" }).format(date);
}

export function label(from: string, by: "hour" | "day"): string {
  const date = new Date(from);
  if (by === "hour") return hourLabel(date.getHours());
  return new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "short" }).format(date);
}

export function weekLabel(from: string): string {
  return new Intl.DateTimeFormat(language, { day: "numeric", month: "short" }).format(new Date(from));
}

export function count(value: number): string {
  return new Intl.NumberFormat(language).format(value);
}

/** @returns Hours and minutes, as in `3 hr 12 min`. */
export function time(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  const format = (value: number, unit: "hour" | "minute") =>
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(value);
  if (minutes < 60) return format(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  return hours >= 100 || minutes % 60 === 0
    ? format(hours, "hour")
    : `${format(hours, "hour")} ${format(minutes % 60, "minute")}`;
}

export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}
