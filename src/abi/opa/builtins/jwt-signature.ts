/** Signatures of JSON Web Tokens (RFC 7518, section 3; RFC 8037). */

import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from "node:crypto";

type Family = "RS" | "PS" | "ES" | "HS" | "Ed";

/** Whether `signature` is one of `signed` under an algorithm of RFC 7518; false as well for a key of another kind. */
export function isSigned(algorithm: string, key: KeyObject, signed: Buffer, signature: Buffer): boolean {
  const family = algorithm.slice(0, 2) as Family;
  const hash = `sha${algorithm.slice(2)}`;
  try {
    switch (family) {
      case "RS":
        return key.asymmetricKeyType === "rsa" && verify(hash, signed, key, signature);
      case "PS":
        return (
          key.asymmetricKeyType === "rsa" &&
          verify(
            hash,
            signed,
            { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO },
            signature,
          )
        );
      case "ES":
        return key.asymmetricKeyType === "ec" && verify(hash, signed, key, toDer(signature));
      case "Ed":
        return key.asymmetricKeyType === "ed25519" && verify(null, signed, key, signature);
      case "HS":
        return key.type === "secret" && isAuthentic(algorithm, key.export(), signed, signature);
      default:
        return family satisfies never;
    }
  } catch {
    // What the library cannot even read, such as a point that is not on the curve, is no signature.
    return false;
  }
}

/** For the algorithms HS256, HS384 and HS512. */
export function isAuthentic(algorithm: string, secret: Buffer, signed: Buffer, signature: Buffer): boolean {
  const code = createHmac(`sha${algorithm.slice(2)}`, secret)
    .update(signed)
    .digest();
  return code.length === signature.length && timingSafeEqual(code, signature);
}

/** Both numbers, one after the other, as the sequence of integers that libraries read (RFC 3279, section 2.2.3). */
function toDer(signature: Buffer): Buffer {
  const half = signature.length >> 1;
  const numbers = Buffer.concat([
    derInteger(signature.subarray(0, half)),
    derInteger(signature.subarray(half)),
  ]);
  return Buffer.concat([Buffer.from([0x30, ...derLength(numbers.length)]), numbers]);
}

function derInteger(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.length === 0 ? Buffer.from([0]) : bytes.subarray(start);
  const value = (digits[0]! & 0x80) === 0 ? digits : Buffer.concat([Buffer.from([0]), digits]);
  return Buffer.concat([Buffer.from([0x02, ...derLength(value.length)]), value]);
}

function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
