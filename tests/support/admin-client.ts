/** Asks the admin endpoint, by the runtime's own HTTP client or byte by byte. */

export type AdminPlace = { readonly unix: string } | { readonly hostname: string; readonly port: number };

export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** `path` with its query. */
export async function askAdmin(
  place: AdminPlace,
  path: string,
  options: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<AdminAnswer> {
  const isUnix = "unix" in place;
  const authority = isUnix ? "localhost" : `${place.hostname}:${place.port}`;
  const response = await fetch(`http://${authority}${path}`, {
    method: options.method ?? "GET",
    ...(options.headers === undefined ? {} : { headers: options.headers }),
    ...(isUnix ? { unix: place.unix } : {}),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Sends bytes as they are, and returns all that came until the endpoint closed the connection. */
export async function sendRaw(
  place: AdminPlace,
  ...pieces: readonly (string | Uint8Array)[]
): Promise<string> {
  const received: Buffer[] = [];
  const closed = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    ...place,
    socket: {
      data: (_socket, chunk) => {
        received.push(Buffer.from(chunk));
      },
      close: () => closed.resolve(),
      end: (peer) => {
        peer.end();
      },
      error: () => closed.resolve(),
    },
  } as Bun.UnixSocketOptions<undefined>);
  for (const piece of pieces) {
    socket.write(piece);
    socket.flush();
    await Bun.sleep(2);
  }
  await closed.promise;
  return Buffer.concat(received).toString("latin1");
}
