// The official clients of the Model Context Protocol against `moonvec mcp`: both generations, several at once, beside a
// process that writes. `./run mcp` installs the clients beside a copy of this file and runs it:
//   node mcp_client.mjs INTERPRETER PROGRAM WRITER FOLDER

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Client as OldestClient } from "oldest/client/index.js";
import { StdioClientTransport as OldestTransport } from "oldest/client/stdio.js";
import { Client as FirstClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as FirstTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Client as SecondClient } from "@modelcontextprotocol/client";
import { StdioClientTransport as SecondTransport } from "@modelcontextprotocol/client/stdio";

const [interpreter, program, writer, folder] = process.argv.slice(2);
const directory = `${folder}/planets`;
const info = { name: "spec", version: "1" };

// How each generation connects. `auto` asks the server which versions it speaks, `legacy` begins with a handshake.
const generations = {
  oldest: { make: () => new OldestClient(info, { capabilities: {} }), Transport: OldestTransport, version: "2024-11-05" },
  first: { make: () => new FirstClient(info), Transport: FirstTransport, version: "2025-11-25" },
  legacy: {
    make: () => new SecondClient(info, { versionNegotiation: { mode: "legacy" } }), Transport: SecondTransport,
    version: "2025-11-25",
  },
  auto: {
    make: () => new SecondClient(info, { versionNegotiation: { mode: "auto" } }), Transport: SecondTransport,
    version: "2026-07-28",
  },
  pinned: {
    make: () => new SecondClient(info, { versionNegotiation: { mode: { pin: "2026-07-28" } } }),
    Transport: SecondTransport, version: "2026-07-28",
  },
};

let passed = 0;
let failed = 0;

async function check(title, work) {
  try {
    await work();
    passed += 1;
  } catch (failure) {
    failed += 1;
    console.error(`failed: ${title}\n${failure.stack}`);
  }
}

async function connect(generation, ...options) {
  const { make, Transport } = generations[generation];
  const client = make();
  const transport = new Transport({
    command: interpreter, args: [program, "mcp", directory, ...options], env: process.env, stderr: "pipe",
  });
  const errors = [];
  client.onerror = (error) => errors.push(error);
  await client.connect(transport);
  return { client, errors };
}

async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  assert.ok(!result.isError, JSON.stringify(result.content));
  const value = JSON.parse(result.content[0].text);
  assert.deepEqual(result.structuredContent ?? value, value);
  return value;
}

async function refusal(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  assert.ok(result.isError);
  return result.content[0].text;
}

async function use(generation) {
  const { client, errors } = await connect(generation);
  if (client.getNegotiatedProtocolVersion) {
    assert.equal(client.getNegotiatedProtocolVersion(), generations[generation].version);
  }
  assert.equal(client.getServerVersion().name, "moonvec");
  if (client.getInstructions) {
    assert.match(client.getInstructions(), /body: string, full-text index/);
  }

  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name), ["search", "get", "stats"]);
  assert.deepEqual(tools[0].inputSchema.properties.field.enum, ["v", "body"]);

  const found = await call(client, "search", { text: "desert planet" });
  assert.equal(found.hits[0].id, "arrakis");
  const near = await call(client, "search", { vector: [0, 0.9], topk: 1 });
  assert.equal(near.hits[0].id, "caladan");
  const both = await call(client, "search", { text: "desert", vector: [0, 1], filter: "n IS NULL" });
  assert.deepEqual(both.hits.map((hit) => hit.id).sort(), ["arrakis", "caladan"]);
  const listed = await call(client, "search", { filter: "n <= 2", order_by: "n DESC", output_fields: ["n"] });
  assert.ok(listed.hits.every((hit) => hit.n <= 2 && hit.body === undefined));
  const got = await call(client, "get", { ids: ["caladan", "none"], output_fields: ["v"] });
  assert.deepEqual(got, { documents: [{ id: "caladan", v: [0, 1] }], missing: ["none"] });
  assert.ok((await call(client, "stats", {})).documents >= 2);

  assert.match(await refusal(client, "search", { limit: 3 }), /did you mean 'topk'/);
  assert.match(await refusal(client, "search", { filter: "m > 1" }), /'m'/);
  await assert.rejects(client.callTool({ name: "insert", arguments: { documents: [] } }), /no tool 'insert'/);

  const { resources } = await client.listResources();
  assert.equal(resources.length, 2);
  for (const { uri } of resources) {
    const { contents } = await client.readResource({ uri });
    assert.equal(typeof JSON.parse(contents[0].text), "object");
  }
  const { resourceTemplates } = await client.listResourceTemplates();
  const uri = resourceTemplates[0].uriTemplate.replace("{id}", "arrakis");
  const { contents } = await client.readResource({ uri });
  assert.equal(JSON.parse(contents[0].text).id, "arrakis");
  await assert.rejects(client.readResource({ uri: "moonvec://document/none" }), /no document/);
  if (generations[generation].version < "2026") {
    await client.ping();
  }
  await client.close();
  assert.deepEqual(errors, []);
}

// A client that reads while the other process writes sees more and more documents, each as it was written.
async function follow(generation) {
  const { client } = await connect(generation);
  let last = 0;
  for (let i = 0; i < 50; i += 1) {
    const { documents } = await call(client, "stats", {});
    assert.ok(documents >= last);
    last = documents;
    const { hits } = await call(client, "search", { text: "moon", topk: 20, output_fields: ["n", "body"] });
    for (const hit of hits) {
      assert.equal(hit.body, `moon number ${hit.n}`);
    }
  }
  const first = last;
  while (last === first) {
    last = (await call(client, "stats", {})).documents;
  }
  await client.close();
}

async function write(generation) {
  const { client } = await connect(generation, "--write");
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name), ["search", "get", "stats", "insert"]);
  const id = `written by ${generation}`;
  const place = -100 * Object.keys(generations).indexOf(generation) - 100; // the other process writes none below 0
  const document = { id, body: "a written planet", v: [place, 0] };
  assert.deepEqual(await call(client, "insert", { documents: [document] }), { written: 1 });
  assert.match(await refusal(client, "insert", { documents: [document] }), /written by/);
  assert.deepEqual(await call(client, "insert", { documents: [document], mode: "upsert" }), { written: 1 });
  assert.match(await refusal(client, "insert", { documents: [{ id: "x", body: 7, v: [1, 1] }] }), /body/);
  assert.equal((await call(client, "search", { vector: [place + 1, 0], topk: 1 })).hits[0].id, id);
  await client.close();
}

const other = spawn(interpreter, [writer, directory], { stdio: ["ignore", "pipe", "inherit"] });
await once(other.stdout, "data");
try {
  for (const generation of Object.keys(generations)) {
    await check(`use by ${generation}`, () => use(generation));
  }
  await check("many at once, beside a writer", () =>
    Promise.all(Object.keys(generations).flatMap((generation) => [follow(generation), use(generation)])));
  await check("writing beside a writer", () => Promise.all(Object.keys(generations).map(write)));
} finally {
  other.kill("SIGKILL");
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
