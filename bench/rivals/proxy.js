// A plain proxy of Node.js that rewrites the measured cases: `node proxy.js NODE_URL PORT`.
"use strict";
const http = require("node:http");
const node = new URL(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: 256, scheduling: "lifo" });

function transaction(tx, hash) {
  tx.hash = hash;
  if ("ledger_index" in tx) tx.inLedger = tx.ledger_index;
  if (tx.TransactionType === "Payment") tx.Amount = tx.DeliverMax;
  return tx;
}

function downgrade(result) {
  if ("signer_lists" in result) {
    result.account_data.signer_lists = result.signer_lists;
    delete result.signer_lists;
  }
  for (const entry of result.transactions ?? []) {
    entry.tx = transaction(entry.tx_json, entry.hash);
    for (const gone of ["tx_json", "hash", "close_time_iso", "ledger_hash", "ledger_index"]) delete entry[gone];
  }
  if (result.ledger) {
    result.ledger.ledger_index = String(result.ledger.ledger_index);
    result.ledger.transactions = result.ledger.transactions.map((entry) => {
      const tx = transaction(entry.tx_json, entry.hash);
      tx.metaData = entry.meta;
      return tx;
    });
  }
}

function whole(stream, done) {
  const chunks = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  stream.on("end", () => done(Buffer.concat(chunks)));
}

http.createServer((request, response) => {
  whole(request, (body) => {
    const asked = JSON.parse(body);
    const version = asked.params[0].api_version ?? 1;
    asked.params[0].api_version = 2;
    const text = Buffer.from(JSON.stringify(asked));
    const options = { agent, host: node.hostname, port: node.port, path: node.pathname, method: "POST",
      headers: { "Content-Type": "application/json", "Content-Length": text.length } };
    http.request(options, (answer) => {
      whole(answer, (reply) => {
        if (version === 1) {
          const parsed = JSON.parse(reply);
          downgrade(parsed.result);
          reply = Buffer.from(JSON.stringify(parsed));
        }
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": reply.length });
        response.end(reply);
      });
    }).end(text);
  });
}).listen(Number(process.argv[3]), "127.0.0.1");
