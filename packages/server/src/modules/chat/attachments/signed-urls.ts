/**
 * Links to attachments that work without a token, since `<img>` sends none. A link names one attachment and when it
 * ends, and is signed with a secret that all nodes share through the database.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { newSecret } from '../../../lib/ids.ts';
import type { Store } from '../../../stores/store.ts';
import { attachmentUrl } from '../claim-attachments.ts';
import type { ChatTables } from '../tables.ts';

/** A link works at least so long. */
export const linkValidMs = 3_600_000;
/** For so long the same link is given again, so that browsers find in their cache what they have. */
const sameLinkMs = 900_000;

export interface SignedUrl {
  readonly url: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

export class UrlSigner {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  sign(id: string, nowMs: number): SignedUrl {
    const expiresAt = Math.ceil((nowMs + linkValidMs) / sameLinkMs) * sameLinkMs;
    const signature = this.#digest(id, String(expiresAt)).toString('base64url');
    return { url: `${attachmentUrl(id)}?expires=${expiresAt}&signature=${signature}`, expiresAt };
  }

  /** Whether the link was made by us for this attachment; how long it works is another question. */
  verify(id: string, expires: string, signature: string): boolean {
    const [given, wanted] = [Buffer.from(signature, 'base64url'), this.#digest(id, expires)];
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }

  #digest(id: string, expires: string): Buffer {
    return createHmac('sha256', this.#secret).update(`attachment\n${id}\n${expires}`).digest();
  }
}

/** The signer of this database: whoever comes first makes the secret. */
export async function loadSigner(store: Store): Promise<UrlSigner> {
  const name = 'attachment-links';
  const db = store.database<ChatTables>();
  await db
    .insertInto('chat_secrets')
    .values({ name, value: newSecret() })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const { value } = await db
    .selectFrom('chat_secrets')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return new UrlSigner(value);
}
