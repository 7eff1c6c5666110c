/** What is wrong with a request, in words for whoever sent it: where, what was found, what would be valid. */
import type { z } from 'zod';

/** Beyond so many the rest is counted. */
const maxIssues = 5;
const maxPartLength = 64;
const maxLength = 500;

/**
 * @param issues of one value.
 * @param fields that its outermost object may have.
 * @returns at most about 500 characters, whatever the sender made up.
 */
export function describeIssues(issues: readonly z.core.$ZodIssue[], fields: readonly string[]): string {
  const told = issues.slice(0, maxIssues).map((issue) => describeIssue(issue, fields));
  if (issues.length > maxIssues) told.push(`and ${issues.length - maxIssues} more`);
  return told.join('; ').slice(0, maxLength).toWellFormed();
}

function describeIssue(issue: z.core.$ZodIssue, fields: readonly string[]): string {
  const path = issue.path.map((part) => String(part).slice(0, maxPartLength)).join('.');
  const prefix = path ? `${path}: ` : '';
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.slice(0, maxIssues).map((key) => key.slice(0, maxPartLength));
    if (issue.keys.length > maxIssues) keys.push(`and ${issue.keys.length - maxIssues} more`);
    const unknown = `unknown field ${keys.join(', ')}`;
    return path ? `${prefix}${unknown}` : `${unknown}; valid: ${fields.join(', ') || 'none'}`;
  }
  const message = issue.message
    .replace('Invalid input: ', '')
    .replace('expected nonoptional, received undefined', 'is missing')
    .replace('received undefined', 'which is missing');
  return prefix + message;
}

/** Names of the fields of an object schema, which may have a transform behind it. */
export function fieldNames(schema: z.ZodType): string[] {
  const { def } = schema as unknown as { def: { in?: z.ZodType; shape?: Record<string, unknown> } };
  return def.in ? fieldNames(def.in) : Object.keys(def.shape ?? {});
}
