// Uses an S3 server as programs on the AWS SDK for JavaScript do, with the SDK's own defaults.
import * as s3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { bucket, fails, input, noise, output, run, same, seedBucket, seedKey } from "./plan.mjs";

const client = new s3.S3Client({ forcePathStyle: true });
const Bucket = bucket;
const send = (command) => client.send(command);
const bytes = async (Key, Range) => Buffer.from(await (await send(new s3.GetObjectCommand({ Bucket, Key, Range }))).Body.transformToByteArray());

await run("aws", {
  async bucket() {
    await send(new s3.CreateBucketCommand({ Bucket }));
    await send(new s3.HeadBucketCommand({ Bucket }));
  },
  async "put and get"() {
    for (const n of [0, 1, 4096, 6 << 20]) {
      const Key = `dir/with space+plus/${n}`;
      const put = await send(new s3.PutObjectCommand({ Bucket, Key, Body: noise(n), ContentType: "x/y", Metadata: { mine: "value" } }));
      same("checksum is answered", typeof put.ChecksumCRC32, "string");
      same("data", await bytes(Key), noise(n));
      const head = await send(new s3.HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
      same("size", head.ContentLength, n);
      same("type", head.ContentType, "x/y");
      same("metadata", head.Metadata.mine, "value");
      same("checksum", head.ChecksumCRC32, put.ChecksumCRC32);
    }
    same("range", await bytes("dir/with space+plus/4096", "bytes=10-19"), noise(4096).subarray(10, 20));
  },
  async "stream of unknown length, in parts"() {
    const data = noise(17 << 20);
    await new Upload({ client, params: { Bucket, Key: "stream", Body: Readable.from([data.subarray(0, 7 << 20), data.subarray(7 << 20)]) } }).done();
    same("data", await bytes("stream"), data);
  },
  async "stream of known length"() {
    const data = noise(300000);
    await send(new s3.PutObjectCommand({ Bucket, Key: "piped", Body: Readable.from([data]), ContentLength: data.length }));
    same("data", await bytes("piped"), data);
  },
  async conditions() {
    const put = (extra) => send(new s3.PutObjectCommand({ Bucket, Key: "once", Body: "x", ...extra }));
    await put({ IfNoneMatch: "*" });
    await fails("IfNoneMatch", "PreconditionFailed", put({ IfNoneMatch: "*" }));
    await fails("IfMatch", "PreconditionFailed", put({ IfMatch: '"0123456789abcdef0123456789abcdef"' }));
  },
  async list() {
    for (let n = 0; n < 25; n++) await send(new s3.PutObjectCommand({ Bucket, Key: `list/${"ab"[n % 2]}/${n}`, Body: "x" }));
    let keys = 0;
    let pages = 0;
    for await (const page of s3.paginateListObjectsV2({ client, pageSize: 10 }, { Bucket, Prefix: "list/" })) {
      keys += page.Contents.length;
      pages++;
    }
    same("keys", keys, 25);
    same("pages", pages, 3);
    const top = await send(new s3.ListObjectsV2Command({ Bucket, Prefix: "list/", Delimiter: "/" }));
    same("prefixes", top.CommonPrefixes.length, 2);
  },
  async "copy and attributes"() {
    await send(new s3.CopyObjectCommand({ Bucket, Key: "copied", CopySource: `${Bucket}/dir/with%20space%2Bplus/4096` }));
    same("data", await bytes("copied"), noise(4096));
    const a = await send(new s3.GetObjectAttributesCommand({ Bucket, Key: "copied", ObjectAttributes: ["ObjectSize", "ETag"] }));
    same("size", a.ObjectSize, 4096);
  },
  async "the other's object"() {
    await send(new s3.PutObjectCommand({ Bucket, Key: "left", Body: input() }));
    const seed = await send(new s3.GetObjectCommand({ Bucket: seedBucket, Key: seedKey }));
    writeFileSync(output, await seed.Body.transformToByteArray());
  },
  async "delete many"() {
    const Objects = (await send(new s3.ListObjectsV2Command({ Bucket }))).Contents.filter((o) => o.Key !== "left").map(({ Key }) => ({ Key }));
    const done = await send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    same("deleted", done.Deleted.length, Objects.length);
    same("names", done.Deleted.map((d) => d.Key).sort().join(), Objects.map((o) => o.Key).sort().join());
    same("remain", (await send(new s3.ListObjectsV2Command({ Bucket }))).KeyCount, 1);
  },
});
