/**
 * Values with units, as people write them in configuration: `25s`, `5m`, `64KB`. A bare number is milliseconds or bytes.
 */
import { z } from 'zod';

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

/** What a duration may look like, in words. */
export const durationWords = 'a duration such as 250ms, 25s, 5m, 2h or 7d';
/** What a size may look like, in words. */
export const sizeWords = 'a size such as 512B, 64KB or 1MB';

function parse(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]+)?$/.exec(text.trim());
  if (!match) return undefined;
  const factor = match[2] === undefined ? 1 : Object.hasOwn(units, match[2]) ? units[match[2]] : undefined;
  return factor === undefined ? undefined : Math.round(Number(match[1]) * factor);
}

/** Writes a value in its largest unit that leaves a whole number. */
function format(value: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).findLast(([, factor]) => value >= factor && value % factor === 0);
  return fitting ? `${value / fitting[1]}${fitting[0]}` : `${value}${Object.keys(units)[0]}`;
}

function unit(units: Readonly<Record<string, number>>, kind: 'duration' | 'size', valid: string) {
  return z
    .union([z.number(), z.string()])
    .transform((value, context) => {
      const number = typeof value === 'number' ? value : parse(value, units);
      if (number === undefined || !Number.isFinite(number) || number < 0) {
        context.addIssue({ code: 'custom', message: `expected ${valid}` });
        return z.NEVER;
      }
      return number;
    })
    .meta({ kind });
}

/** A duration in milliseconds: `250ms`, `25s`, `5m`, `2h`, `7d`, or a number of milliseconds. */
export const duration = () => unit(durationUnits, 'duration', durationWords);

/** A size in bytes: `512B`, `64KB`, `1MB`, or a number of bytes. */
export const size = () => unit(sizeUnits, 'size', sizeWords);

/** Reads a duration; undefined if it is none. */
export const parseDurationMs = (text: string): number | undefined => parse(text, durationUnits);
/** Writes milliseconds as people do: `90000` is `90s`. */
export const formatDuration = (ms: number): string => format(ms, durationUnits);
/** Writes bytes as people do: `65536` is `64KB`. */
export const formatSize = (bytes: number): string => format(bytes, sizeUnits);
