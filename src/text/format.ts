/**
 * Every number a person reads, on a page or in a terminal, is formatted here: fixed locale, so that a report looks the
 * same on every machine and in every test.
 */

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** By digits after the point. Making one costs a hundred times what it costs to use it. */
const fixed = new Map<number, Intl.NumberFormat>();

function fixedBy(decimals: number): Intl.NumberFormat {
  let format = fixed.get(decimals);
  if (format === undefined) {
    format = new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    fixed.set(decimals, format);
  }
  return format;
}

/** `value` with about `digits` significant digits, never in exponent form: 0.0123, 1.23, 12.3, 123, 1,234. */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return "unknown";
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const rounded = Number(value.toPrecision(digits));
  // 9.996 rounds up to 10.0: the digits kept follow the rounded number, not the one that came in.
  const after = Math.floor(Math.log10(Math.abs(rounded)));
  const decimals = Math.min(12, Math.max(0, digits - 1 - Math.max(after, magnitude)));
  return fixedBy(decimals).format(rounded);
}

/** A whole number with thousands separators: 4,012. */
export function count(value: number): string {
  return grouped.format(value);
}

/** "1 token", "4,012 tokens". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export interface Unit {
  readonly name: string;
  readonly size: number;
}

const BYTE_UNITS: readonly Unit[] = [
  { name: "B", size: 1 },
  { name: "KiB", size: 2 ** 10 },
  { name: "MiB", size: 2 ** 20 },
  { name: "GiB", size: 2 ** 30 },
  { name: "TiB", size: 2 ** 40 },
];

/** The unit in which a set of sizes up to `largest` reads best, for an axis or a column. */
export function byteUnit(largest: number): Unit {
  return BYTE_UNITS.findLast((unit) => largest >= unit.size) ?? BYTE_UNITS[0]!;
}

/** 512 B, 64 KiB, 12.3 MiB. Exact multiples carry no decimals. */
export function bytes(value: number): string {
  const unit = byteUnit(value);
  const scaled = value / unit.size;
  return `${Number.isInteger(scaled) ? count(scaled) : significant(scaled)} ${unit.name}`;
}

/** A duration in the unit that suits it: 0.012 ms, 12.3 ms, 1.23 s, 2 min 5 s. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "unknown";
  if (ms < 999.5) return `${significant(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${significant(seconds)} s`;
  const whole = Math.round(seconds);
  return `${count(Math.floor(whole / 60))} min ${whole % 60} s`;
}

/** Time that is left, in whole seconds: nobody believes a tenth. */
export function remaining(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 60 ? `${seconds} s` : `${count(Math.floor(seconds / 60))} min ${seconds % 60} s`;
}

/** A duration for a column headed "ms". */
export function milliseconds(ms: number): string {
  if (ms >= 100) return count(ms);
  return ms >= 0.01 || ms === 0 ? ms.toFixed(ms >= 10 ? 1 : 2) : significant(ms, 1);
}

/** How many times: 1.03, 1.2, 3.4, 12. A third digit only where two would say "1.0". */
export function ratio(value: number): string {
  if (value >= 99.5) return count(value);
  const near = value < 1.1 && value > 0.9;
  return value >= 9.95 ? value.toFixed(0) : value.toFixed(near ? 2 : 1);
}

const PARTS = ["", "all", "half", "a third", "a quarter", "a fifth"] as const;

/** A share of one in words where it is near a simple fraction, else as a percentage: "a third", "38 %". */
export function part(share: number): string {
  const parts = Math.round(1 / share);
  const word = Math.abs(share * parts - 1) < 0.02 && parts > 1 ? PARTS[parts] : undefined;
  return word ?? percent(share);
}

/** "16.7 MiB", "50.6 MiB" as "16.7 vs. 50.6 MiB": a unit that both share is said once. */
export function versus(a: string, b: string): string {
  return `${withoutUnitOf(b, a)} vs. ${b}`;
}

/** "3.01 s", "3.98 s" as "3.01 - 3.98 s", and one alone where both are the same. */
export function rangeText(from: string, to: string): string {
  return from === to ? from : `${withoutUnitOf(to, from)} - ${to}`;
}

function withoutUnitOf(other: string, text: string): string {
  const [number, unit, more] = text.split(" ");
  return number !== undefined && unit !== undefined && more === undefined && other.endsWith(` ${unit}`) ? number : text;
}

/** A share of one as a percentage: 12 %, 0.4 %, < 0.1 %. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  return `${value > 0 && value < 1 ? significant(value, 1) : value.toFixed(0)} %`;
}

/** Floating-point operations per second, given GFLOP/s. */
export function matrixRate(gflops: number): string {
  return gflops >= 1000 ? `${significant(gflops / 1000)} TFLOP/s` : `${significant(gflops)} GFLOP/s`;
}

/** Bandwidth, given GB/s (powers of ten, as such rates are quoted). */
export function bandwidth(gbps: number): string {
  return `${significant(gbps)} GB/s`;
}

/** Parameters of a model: 24.6 M, 7.1 B. */
export function parameters(value: number): string {
  if (value >= 1e9) return `${significant(value / 1e9)} B`;
  if (value >= 1e6) return `${significant(value / 1e6)} M`;
  return count(value);
}

/** A block score, a probability between 0 and 1. */
export function score(value: number): string {
  return value < 1e-4 && value > 0 ? "< 0.0001" : value.toFixed(4);
}

/** "line 12" or "lines 12-15". */
export function lines(start: number, end: number): string {
  return start === end ? `line ${count(start)}` : `lines ${count(start)}-${count(end)}`;
}

/** An ISO time as a person writes it, in UTC: 2026-11-22 01:05 UTC. */
export function timestamp(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

/** A method or a reason as a sentence of its own: capital letter, full stop. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}

/** With a capital letter, to begin a sentence. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
