// Key pairs for signing tokens. `node keys.mjs FOLDER` writes a pair per algorithm, and one of a curve that is
// not for any of them, as PEM files.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
  'P-384': ['ec', { namedCurve: 'P-384' }],
};

/** The algorithms that the server knows. */
export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];

/** A new key pair for an algorithm: `{alg, privateKey, publicKey}`. */
export function keyPair(alg) {
  return { alg, ...generateKeyPairSync(...KINDS[alg]) };
}

/** The public key as a PEM file has it. */
export function publicPem({ publicKey }) {
  return publicKey.export({ type: 'spki', format: 'pem' });
}

/** The public key as a key set has it. */
export function publicJwk({ publicKey }, more = {}) {
  return { ...publicKey.export({ format: 'jwk' }), ...more };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder] = process.argv;
  for (const alg of Object.keys(KINDS)) {
    const pair = keyPair(alg);
    writeFileSync(path.join(folder, `${alg}.pem`), publicPem(pair));
    writeFileSync(path.join(folder, `${alg}.private.pem`), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  }
}
