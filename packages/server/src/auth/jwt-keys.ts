/**
 * Which algorithms a key may verify. The answer follows from the key alone, never from the token: that is what keeps
 * `alg: none` and a public key used as HMAC secret out (RFC 8725 §3.1).
 */
import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';

export const hmacDigests: ReadonlyMap<string, string> = new Map([
  ['HS256', 'sha256'],
  ['HS384', 'sha384'],
  ['HS512', 'sha512'],
]);

const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const edAlgorithms = ['EdDSA', 'Ed25519'];
const curveAlgorithms: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
};
const minRsaBits = 2048;

/** Algorithms of RFC 7518 and RFC 8037 that this public key verifies; none if it is of no use. */
export function algorithmsOf(key: KeyObject): readonly string[] {
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case 'rsa':
      // RFC 7518 §3.3: 2048 bits or more.
      return (details?.modulusLength ?? 0) >= minRsaBits ? rsaAlgorithms : [];
    case 'ec':
      return curveAlgorithms[details?.namedCurve ?? ''] ?? [];
    case 'ed25519':
      return edAlgorithms;
    default:
      return [];
  }
}

/**
 * Reads the configured public key.
 * @param pem SubjectPublicKeyInfo, PKCS#1 or certificate.
 * @throws Error naming the remedy, if it is no key, a private one, or of a kind that is not supported.
 */
export function readPublicKey(pem: string): KeyObject {
  // Node would quietly derive the public half; a private key in this place is a leak to tell of.
  if (pem.includes('PRIVATE KEY')) throw new Error('jwt.publicKey holds a private key; put the public key there');
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new Error('jwt.publicKey is not a public key in PEM (-----BEGIN PUBLIC KEY-----)', { cause });
  }
  if (algorithmsOf(key).length === 0) {
    throw new Error(
      `jwt.publicKey is of an unsupported kind (${key.asymmetricKeyType}); use RSA of ${minRsaBits} bits or more, P-256, P-384, P-521 or Ed25519`,
    );
  }
  return key;
}
