// What the clients of this folder share: the data they send, and how they fail.
import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";

export const bucket = process.env.CLIENT_BUCKET;
export const endpoint = new URL(process.env.AWS_ENDPOINT_URL);
export const [seedBucket, seedKey] = process.env.CLIENT_SEED.split("/");
export const input = () => readFileSync(process.env.CLIENT_IN);
export const output = process.env.CLIENT_OUT;

// noise returns n bytes that are the same for the same n.
export function noise(n) {
  return createCipheriv("aes-128-ctr", Buffer.alloc(16, n), Buffer.alloc(16)).update(Buffer.alloc(n));
}

export function same(what, got, want) {
  const equal = Buffer.isBuffer(got) ? got.equals(want) : got === want;
  if (!equal) throw new Error(`${what}: got ${Buffer.isBuffer(got) ? got.length + " other bytes" : got}, want ${Buffer.isBuffer(want) ? want.length + " bytes" : want}`);
}

export async function fails(what, code, promise) {
  try {
    await promise;
  } catch (e) {
    same(what, e.code ?? e.name, code);
    return;
  }
  throw new Error(`${what}: no error, want ${code}`);
}

// run runs the steps in order and names the one that fails.
export async function run(name, steps) {
  for (const [step, f] of Object.entries(steps)) {
    try {
      await f();
    } catch (e) {
      console.error(`${name}: ${step}: ${e.stack}`);
      process.exit(1);
    }
  }
}
