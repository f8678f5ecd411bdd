// Makes Token Status Lists with npm's @sd-jwt/jwt-status-list, signs them with the crypto of Node, and writes them to stdout as one
// JSON object: {"jwk": …, "lists": {"1": token, …}}. The argument is the number of statuses in each list.
//
// With the argument "read", it reads a list token from stdin, and writes its statuses as a JSON array.
import { createHeaderAndPayload, getListFromStatusListJWT, StatusList } from '@sd-jwt/jwt-status-list';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';

// The test in Go computes the same.
const statusOf = (index, bits) => (Math.imul(index, 2654435761) >>> 16) & ((1 << bits) - 1);

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function make(size) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Math.floor(Date.now() / 1000);
  const lists = {};
  for (const bits of [1, 2, 4, 8]) {
    const list = new StatusList(Array.from({ length: size }, (_, index) => statusOf(index, bits)), bits);
    const { header, payload } = createHeaderAndPayload(
      list,
      { iss: 'https://issuer.test', sub: `https://issuer.test/lists/${bits}`, iat: now, exp: now + 3600, ttl: 600 },
      { alg: 'ES256', typ: 'statuslist+jwt', kid: 'node' },
    );
    const input = `${base64url(header)}.${base64url(payload)}`;
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    lists[bits] = `${input}.${signature.toString('base64url')}`;
  }
  return { jwk: { ...publicKey.export({ format: 'jwk' }), kid: 'node', alg: 'ES256' }, lists };
}

if (process.argv[2] === 'read') {
  process.stdout.write(JSON.stringify(getListFromStatusListJWT(readFileSync(0, 'utf8')).statusList));
} else {
  process.stdout.write(JSON.stringify(make(Number(process.argv[2]))));
}
