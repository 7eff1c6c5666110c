/** HTTP status of each error of chat, for back ends that ask for status codes. */
import { chatErrors, type ChatErrorName } from './chat-error.ts';

const statuses: Readonly<Record<ChatErrorName, number>> = {
  roomNotFound: 404,
  messageNotFound: 404,
  userNotFound: 404,
  notMember: 403,
  forbidden: 403,
  invalid: 400,
  tooLarge: 413,
  tooMany: 409,
  slowMode: 429,
  frozen: 403,
  banned: 403,
  muted: 403,
  blocked: 403,
  rejected: 422,
  deleted: 410,
  closed: 409,
  attachmentNotFound: 404,
  contentTypeNotAllowed: 415,
  unavailable: 503,
  full: 507,
  alreadyExists: 409,
  conflict: 409,
  reportNotFound: 404,
  scheduledNotFound: 404,
  notChecked: 503,
};

const byCode: ReadonlyMap<number, number> = new Map(
  Object.entries(statuses).map(([name, status]) => [chatErrors[name as ChatErrorName].code, status]),
);

/** @returns undefined for a code that is not of chat. */
export function chatHttpStatus(code: number): number | undefined {
  return byCode.get(code);
}
