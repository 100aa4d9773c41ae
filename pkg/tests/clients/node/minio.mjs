// Uses an S3 server as programs on the npm package "minio" do, with its own defaults.
import * as minio from "minio";
import { writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { bucket, endpoint, input, noise, output, run, same, seedBucket, seedKey } from "./plan.mjs";

const client = new minio.Client({
  endPoint: endpoint.hostname,
  port: Number(endpoint.port),
  useSSL: endpoint.protocol === "https:",
  accessKey: process.env.AWS_ACCESS_KEY_ID,
  secretKey: process.env.AWS_SECRET_ACCESS_KEY,
});

const all = async (stream) => Buffer.concat(await stream.toArray());
const bytes = async (key) => all(await client.getObject(bucket, key));
const keys = (prefix, recursive) => client.listObjectsV2(bucket, prefix, recursive).toArray();

await run("minio", {
  async bucket() {
    await client.makeBucket(bucket);
    same("exists", await client.bucketExists(bucket), true);
  },
  async "put and get"() {
    for (const n of [0, 1, 4096, 6 << 20]) {
      const key = `dir/with space+plus/${n}`;
      await client.putObject(bucket, key, noise(n), n, { "Content-Type": "x/y", "X-Amz-Meta-Mine": "value" });
      same("data", await bytes(key), noise(n));
      const stat = await client.statObject(bucket, key);
      same("size", stat.size, n);
      same("type", stat.metaData["content-type"], "x/y");
      same("metadata", stat.metaData.mine, "value");
    }
    same("range", await all(await client.getPartialObject(bucket, "dir/with space+plus/4096", 10, 10)), noise(4096).subarray(10, 20));
  },
  async "stream of unknown length, in parts"() {
    const data = noise(70 << 20);
    await client.putObject(bucket, "stream", Readable.from([data.subarray(0, 7 << 20), data.subarray(7 << 20)]));
    same("data", await bytes("stream"), data);
  },
  async list() {
    for (let n = 0; n < 25; n++) await client.putObject(bucket, `list/${"ab"[n % 2]}/${n}`, "x");
    same("keys", (await keys("list/", true)).length, 25);
    same("prefixes", (await keys("list/", false)).length, 2);
  },
  async copy() {
    await client.copyObject(bucket, "copied", `/${bucket}/dir/with space+plus/4096`);
    same("data", await bytes("copied"), noise(4096));
  },
  async presigned() {
    const put = await fetch(await client.presignedPutObject(bucket, "presigned", 60), { method: "PUT", body: "by URL" });
    same("status", put.status, 200);
    const get = await fetch(await client.presignedGetObject(bucket, "presigned", 60));
    same("data", await get.text(), "by URL");
  },
  async "the other's object"() {
    await client.putObject(bucket, "left", input());
    writeFileSync(output, await all(await client.getObject(seedBucket, seedKey)));
  },
  async "delete many"() {
    const names = (await keys("", true)).map((o) => o.name).filter((name) => name !== "left");
    await client.removeObjects(bucket, names);
    same("remain", (await keys("", true)).length, 1);
  },
});
