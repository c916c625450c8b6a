/**
 * Sends open file descriptors to another process, with some bytes, over a Unix stream socket: SCM_RIGHTS of unix(7).
 * The receiver gets descriptors of its own for the same open files.
 *
 * glibc and musl declare `msghdr` and `cmsghdr` with different widths, but pad them so that on 64-bit little-endian
 * machines both are the kernel's own layout, which is written here, as long as the padding is zero.
 */

import { ptr } from "bun:ffi";
import { type SystemCalls, SystemCallError } from "./system-calls.ts";

/** One message cannot carry more: musl takes 1024 bytes of control data. (The kernel's own limit is 253.) */
export const MAX_DESCRIPTORS_PER_MESSAGE = 252;

export interface ReceivedMessage {
  /** Empty when the peer has closed the connection. */
  readonly bytes: Buffer;
  /** The receiver closes them. */
  readonly descriptors: readonly number[];
}

/** `struct msghdr`: pointers, sizes and flags at these offsets, 56 bytes in all. */
const MSGHDR_BYTES = 56;
const MSG_NAME = 0;
const MSG_NAMELEN = 8;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_CONTROL = 32;
const MSG_CONTROLLEN = 40;
const MSG_FLAGS = 48;
const IOVEC_BYTES = 16;
/** `struct cmsghdr`: u64 length with this header, i32 level, i32 type; data follows, padded to 8 bytes. */
const CMSGHDR_BYTES = 16;
const CMSG_LEVEL = 8;
const CMSG_TYPE = 12;
const CMSG_ALIGNMENT = 8;
const DESCRIPTOR_BYTES = 4;

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;

/**
 * Sends all of `bytes` with the descriptors, which stay open here.
 *
 * @param address of the receiver, as the system has it, for a socket that is not connected
 * @throws SystemCallError; Error when the socket does not take everything at once, after which the stream is of no use
 */
export function sendWithDescriptors(
  calls: SystemCalls,
  socket: number,
  bytes: Uint8Array,
  descriptors: readonly number[],
  address: Uint8Array | null = null,
): void {
  const control = descriptors.length === 0 ? null : encodeRights(descriptors);
  const message = composeMessage(bytes, control, address);
  const taken = calls.sendMessage(socket, message.header, MSG_DONTWAIT | MSG_NOSIGNAL);
  message.keepAlive();
  if (taken !== bytes.length) throw new Error(`sendmsg took ${taken} of ${bytes.length} bytes`);
}

/**
 * What has arrived, up to `maxBytes`; null when nothing has.
 *
 * @throws SystemCallError, also EMFILE when this process may not open as many descriptors as were sent; those that
 *   came are closed again.
 */
export function receiveWithDescriptors(
  calls: SystemCalls,
  socket: number,
  maxBytes: number,
): ReceivedMessage | null {
  const bytes = Buffer.alloc(maxBytes);
  const control = Buffer.alloc(controlBytes(MAX_DESCRIPTORS_PER_MESSAGE));
  const message = composeMessage(bytes, control);
  let received: number;
  try {
    received = calls.receiveMessage(socket, message.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } catch (error) {
    if (error instanceof SystemCallError && error.code === "EAGAIN") return null;
    throw error;
  }
  message.keepAlive();
  const header = Buffer.from(message.header.buffer);
  const descriptors = decodeRights(control.subarray(0, header.readUInt32LE(MSG_CONTROLLEN)));
  if ((header.readInt32LE(MSG_FLAGS) & MSG_CTRUNC) !== 0) {
    for (const descriptor of descriptors) calls.close(descriptor);
    throw new Error("not all descriptors could be received: raise the limit of open files (ulimit -n)");
  }
  return { bytes: bytes.subarray(0, received), descriptors };
}

interface ComposedMessage {
  /** `struct msghdr`, which points to the other parts. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** The engine sees no use of the parts behind the pointers: call it after the system call. */
  keepAlive(): void;
}

function composeMessage(
  bytes: Uint8Array,
  control: Uint8Array | null,
  address: Uint8Array | null = null,
): ComposedMessage {
  const vector = Buffer.alloc(IOVEC_BYTES);
  vector.writeBigUInt64LE(BigInt(ptr(bytes)), 0);
  vector.writeBigUInt64LE(BigInt(bytes.length), 8);
  const header = new Uint8Array(MSGHDR_BYTES);
  const fields = Buffer.from(header.buffer);
  fields.writeBigUInt64LE(BigInt(ptr(vector)), MSG_IOV);
  fields.writeBigUInt64LE(1n, MSG_IOVLEN);
  if (control !== null) {
    fields.writeBigUInt64LE(BigInt(ptr(control)), MSG_CONTROL);
    fields.writeBigUInt64LE(BigInt(control.length), MSG_CONTROLLEN);
  }
  if (address !== null) {
    fields.writeBigUInt64LE(BigInt(ptr(address)), MSG_NAME);
    fields.writeUInt32LE(address.length, MSG_NAMELEN);
  }
  const parts = [vector, bytes, control, address];
  return { header, keepAlive: () => void parts.length };
}

function controlBytes(count: number): number {
  const data = count * DESCRIPTOR_BYTES;
  return CMSGHDR_BYTES + Math.ceil(data / CMSG_ALIGNMENT) * CMSG_ALIGNMENT;
}

function encodeRights(descriptors: readonly number[]): Buffer {
  const control = Buffer.alloc(controlBytes(descriptors.length));
  control.writeUInt32LE(CMSGHDR_BYTES + descriptors.length * DESCRIPTOR_BYTES, 0);
  control.writeInt32LE(SOL_SOCKET, CMSG_LEVEL);
  control.writeInt32LE(SCM_RIGHTS, CMSG_TYPE);
  descriptors.forEach((descriptor, i) => {
    control.writeInt32LE(descriptor, CMSGHDR_BYTES + i * DESCRIPTOR_BYTES);
  });
  return control;
}

function decodeRights(control: Buffer): readonly number[] {
  const descriptors: number[] = [];
  for (let at = 0; at + CMSGHDR_BYTES <= control.length; ) {
    const length = control.readUInt32LE(at);
    if (length < CMSGHDR_BYTES || at + length > control.length) break;
    const isRights =
      control.readInt32LE(at + CMSG_LEVEL) === SOL_SOCKET &&
      control.readInt32LE(at + CMSG_TYPE) === SCM_RIGHTS;
    for (let data = at + CMSGHDR_BYTES; isRights && data < at + length; data += DESCRIPTOR_BYTES) {
      descriptors.push(control.readInt32LE(data));
    }
    at += Math.ceil(length / CMSG_ALIGNMENT) * CMSG_ALIGNMENT;
  }
  return descriptors;
}
