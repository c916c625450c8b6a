import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHmac } from "node:crypto";
import { envoyInput } from "../../src/abi/opa/input/envoy-input.ts";
import { sampleRequest } from "../support/neutral-events.ts";
import { buildDocumented, DOCUMENTED_POLICIES, evaluateByOpa } from "./documented-policies.ts";
import { openPolicy } from "./open-policy.ts";
import { findOpa } from "./opa-tool.ts";

setDefaultTimeout(900_000);

/** As the primer's policy wants it: signed with `secret`, not before 2018 and until 2035. */
function token(role: string, secret = "secret"): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const sub = Buffer.from("alice").toString("base64");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ role, sub, nbf: 1514851139, exp: 2062840464 })}`;
  return `Bearer ${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function envoy(method: string, uri: string, headers: Record<string, string[]> = {}, body?: string): string {
  const event = sampleRequest({ method, uri, headers: { host: ["shop.example"], ...headers } });
  return envoyInput(
    event,
    body === undefined ? null : { bytes: Buffer.from(body), isTruncated: false },
    null,
  );
}

const JSON_TYPE = { "content-type": ["application/json"] };

const INPUTS: Readonly<Record<string, readonly string[]>> = {
  "envoy-public": [
    envoy("GET", "/"),
    envoy("POST", "/"),
    envoy("GET", "/other", { authorization: ["Basic charlie"] }),
    envoy("GET", "/other", { authorization: ["Basic bob"] }),
  ],
  "app-authz": [
    JSON.stringify({
      role: "staff",
      owner: "bob@example.com",
      path: ["pets", "pet113-987"],
      user: "alice@example.com",
    }),
    JSON.stringify({ method: "PUT", owner: "bob", path: ["pets", "p"], user: "bob" }),
    "{}",
  ],
  "envoy-primer-allow": [
    envoy("GET", "/people/", { authorization: [token("guest")] }),
    envoy("GET", "/people/7", { authorization: [token("guest")] }),
    envoy("GET", "/people/7/8", { authorization: [token("admin")] }),
    envoy("POST", "/people", { authorization: [token("admin")], ...JSON_TYPE }, '{"firstname":"bob"}'),
    envoy("POST", "/people", { authorization: [token("admin")], ...JSON_TYPE }, '{"firstname":"Alice"}'),
    envoy("POST", "/people", { authorization: [token("guest")], ...JSON_TYPE }, '{"firstname":"bob"}'),
    envoy("GET", "/people/", { authorization: [token("guest", "other")] }),
    envoy("GET", "/people/", { authorization: ["Bearer x.y.z"] }),
    envoy("GET", "/people/"),
  ],
  "envoy-header-manipulation": [
    envoy("GET", "/", { "x-username": ["alice"], "x-password": ["secret123"] }),
    envoy("GET", "/", { "x-username": ["älice"], "x-password": ["☃"] }),
    envoy("GET", "/", { "x-username": [""], "x-password": ["p"] }),
    envoy("GET", "/"),
  ],
  "httpapi-authz": [
    JSON.stringify({ method: "GET", path: ["finance", "salary", "alice"], user: "alice" }),
    JSON.stringify({ method: "GET", path: ["finance", "salary", "alice"], user: "bob" }),
    JSON.stringify({ method: "GET", path: ["finance", "salary", "alice"], user: "charlie" }),
    "{}",
  ],
};

const opa = await findOpa();

describe.skipIf(typeof opa === "string")(
  typeof opa === "string" ? `policies of OPA's documentation (${opa})` : "policies of OPA's documentation",
  () => {
    test.each([...DOCUMENTED_POLICIES])("$name decides as OPA itself does", async (policy) => {
      if (typeof opa === "string") return;
      const { source, bundle } = await buildDocumented(opa, policy);
      const { instance, entrypoints } = await openPolicy(await Bun.file(bundle).bytes());
      for (const entrypoint of policy.entrypoints) {
        for (const input of INPUTS[policy.name]!) {
          const expected = await evaluateByOpa(opa, source, entrypoint, input);
          const actual: unknown = JSON.parse(
            instance.evaluate(entrypoints.get(entrypoint)!, input, { timeoutMs: 1000 }),
          );
          expect(actual, `${entrypoint} for ${input}`).toEqual(expected);
        }
      }
    });
  },
);
