/** Guardrail checks: the text of a model's answer reaches the guest, and the proxy counts what it found. */

import { expect, test } from "bun:test";
import { describeEachProxy } from "./describe-each-proxy.ts";
import { Deployment, type DeploymentAddresses } from "./deployment.ts";
import { RawUpstream } from "./raw-http.ts";
import { scriptedGuest } from "./scripted-guest.ts";

const WAIT_STEP_MS = 50;
const WAIT_STEPS = 200;

/** docs/agent-protocol.md 15.3. */
function inferenceConfig({ listen, upstream, socketPath }: DeploymentAddresses): string {
  return `system {
    worker-threads 2
}
listeners {
    listener "http" {
        address "${listen}"
        protocol "http"
    }
}
upstreams {
    upstream "backend" {
        target "${upstream}"
    }
}
agents {
    agent "wasm" type="custom" {
        unix-socket "${socketPath}"
        events "guardrail"
        timeout-ms 1500
    }
}
routes {
    route "ai" {
        matches {
            path-prefix "/"
        }
        upstream "backend"
        service-type "inference"
        inference {
            provider "openai"
            rate-limit {
                tokens-per-minute 100000
            }
            guardrails {
                pii-detection {
                    enabled #true
                    agent "wasm"
                    action "log"
                    categories "email" "ssn"
                    timeout-ms 1000
                    failure-mode "open"
                }
            }
        }
    }
}
`;
}

/** An answer of a model, word by word. */
function eventStream(words: readonly string[]): string {
  const events = words.map(
    (content) => `data: ${JSON.stringify({ id: "1", choices: [{ delta: { content } }] })}\n\n`,
  );
  const chunks = [...events, "data: [DONE]\n\n"].map(
    (event) => `${event.length.toString(16)}\r\n${event}\r\n`,
  );
  return `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`;
}

describeEachProxy("guardrail checks", (proxy) => {
  if (!proxy.traits.honoursWholeAnswers) {
    test.skip("are not examined with this proxy", () => {});
    return;
  }

  test("show the joined text of an event stream, and the proxy reports what the guest finds in it", async () => {
    const guest = await scriptedGuest({
      rules: [
        {
          on: "guardrail",
          when: "ada@shop.example",
          answer: {
            decision: "allow",
            detections: [{ category: "email", description: "an address", severity: "high", confidence: 0.9 }],
          },
        },
      ],
    });
    using upstream = await RawUpstream.open(() => eventStream(["write to ", "ada@shop", ".example"]));
    await using deployment = await Deployment.open(proxy, {
      module: guest,
      upstream: upstream.address,
      isRecorded: true,
      configText: inferenceConfig,
    });
    const body = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "whom do I ask?" }] });
    const answer = await deployment.request("/v1/chat", {
      body,
      headers: { "Content-Type": "application/json" },
    });
    expect(answer.status).toBe(200);
    // The check comes after the client has its answer.
    for (let step = 0; step < WAIT_STEPS && (await deployment.recorded()).length === 0; step++) {
      await Bun.sleep(WAIT_STEP_MS);
    }
    const [checked] = (await deployment.recorded()).slice(-1);
    expect(checked?.event).toMatchObject({
      kind: "guardrail-inspect",
      inspectionType: "pii_detection",
      content: "write to ada@shop.example",
      categories: ["email", "ssn"],
      routeId: "ai",
    });
    expect(checked?.outcome).toMatchObject({ decision: "allow", detections: [{ category: "email" }] });
    for (let step = 0; step < WAIT_STEPS && !deployment.proxyLog().includes("PII"); step++) {
      await Bun.sleep(WAIT_STEP_MS);
    }
    expect(deployment.proxyLog()).toMatch(/WARN.*PII/);
  });
});
