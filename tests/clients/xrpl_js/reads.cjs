// Asks and subscribes with xrpl.js, and prints as JSON what the library made of it.
//
//     NODE_PATH=…/node_modules node reads.cjs API_VERSION WEBSOCKET_URL
//
// An answer that is not as this version of the library expects it ends it with a stack trace.
'use strict'
const assert = require('node:assert/strict')
const { Client, RippledError, encode, getBalanceChanges, hashes } = require('xrpl')

const ALICE = 'rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY'
const NOBODY = 'rPT1Sjq2YGrBMTttX4GZHjKu9dyfzbpAYe'
const PAYMENT = '0768C0C8BB76AC3503B14FDC2BF361E2D17304F5AE0359516D68E3A4C51BED43'
const BUSY_LEDGER = 130
const STREAMS = ['ledger', 'transactions', 'transactions_proposed', 'validations']
// What a server tells about a transaction among its own fields, which are not signed.
const REPORTED = ['hash', 'date', 'ledger_index', 'inLedger', 'ctid', 'meta', 'metaData', 'owner_funds', 'validated', 'warnings']
// The place of the transaction in version 1; null where its fields stand in the answer itself.
const V1_PLACES = { account_tx: 'tx', tx: null, ledger: null, transaction: 'transaction' }

/** The transaction in `entry`, which is of `kind` (a key of V1_PLACES), checked to be where `version` has it. */
function reported(entry, kind, version) {
  let fields, hash, meta
  if (version === 1) {
    fields = V1_PLACES[kind] === null ? entry : entry[V1_PLACES[kind]]
    hash = fields.hash
    meta = kind === 'ledger' ? entry.metaData : entry.meta
    assert(!('tx_json' in entry))
  } else {
    ;({ tx_json: fields, hash, meta } = entry)
    for (const name of ['tx', 'transaction', 'metaData']) assert(!(name in entry), name)
    for (const name of ['hash', 'inLedger']) assert(!(name in fields), name)
  }
  if (fields.TransactionType === 'Payment') {
    assert('DeliverMax' in fields)
    assert.deepEqual(fields.Amount, version === 1 ? fields.DeliverMax : undefined)
  }
  return { fields, hash, meta }
}

/** The transaction as it was signed: the library's codec knows `Amount` only. */
function signed(fields) {
  const { DeliverMax, ...transaction } = fields
  if (DeliverMax !== undefined) transaction.Amount = DeliverMax
  for (const name of REPORTED) delete transaction[name]
  return transaction
}

/** What the library makes of it: the transaction's bytes, whose hash has to be the reported one, and the balances changed. */
function summary({ fields, hash, meta }) {
  const changes = meta === undefined ? null : getBalanceChanges(meta)
  let blob
  try {
    blob = encode(signed(fields))
  } catch (problem) {
    return [String(problem), changes] // the library is older than this type
  }
  assert.equal(hashes.hashSignedTx(blob), hash)
  return [blob, changes]
}

async function accountInfo(client, version) {
  const { result } = await client.request({ command: 'account_info', account: ALICE, signer_lists: true })
  assert.equal('signer_lists' in result.account_data, version === 1)
  assert.equal('signer_lists' in result, version === 2)
  const lists = (version === 1 ? result.account_data : result).signer_lists
  assert(lists[0].SignerQuorum > 0)
  return [result, await client.getXrpBalance(ALICE), await client.getLedgerIndex()]
}

async function accountTx(client, version) {
  const request = { command: 'account_tx', account: ALICE, limit: 10 }
  const pages = [await client.request(request)]
  while (pages.at(-1).result.marker) pages.push(await client.requestNextPage(request, pages.at(-1)))
  assert.deepEqual(pages.map((page) => page.result.transactions.length), [10, 10, 10, 2])
  const entries = pages.flatMap((page) => page.result.transactions)
  // xrpl.js leaves the version out of requestAll, so that it is version 1 whatever the library's is.
  const all = await client.requestAll({ command: 'account_tx', account: ALICE })
  return [
    pages.map((page) => page.result),
    entries.map((entry) => summary(reported(entry, 'account_tx', version))),
    all.flatMap((page) => page.result.transactions).map((entry) => summary(reported(entry, 'account_tx', 1))),
  ]
}

/** A transaction read, encoded by the library, and submitted again. */
async function txAndSubmit(client, version) {
  const { result } = await client.request({ command: 'tx', transaction: PAYMENT })
  const payment = reported(result, 'tx', version)
  assert.equal(signed(payment.fields).Amount, '1234567')
  const submitted = await client.submit(encode(signed(payment.fields)))
  assert.equal(submitted.result.engine_result, 'tefPAST_SEQ')
  assert.equal(submitted.result.tx_json.hash, PAYMENT)
  return [result, summary(payment), submitted.result]
}

/** A ledger with all its transactions, from which the library computes the ledger's own hashes. */
async function ledger(client, version) {
  const request = { command: 'ledger', ledger_index: BUSY_LEDGER, transactions: true, expand: true }
  const { result } = await client.request(request)
  const header = result.ledger
  assert.equal(header.ledger_index, version === 1 ? String(BUSY_LEDGER) : BUSY_LEDGER)
  const transactions = header.transactions.map((entry) => reported(entry, 'ledger', version))
  const tree = transactions.map(({ fields, meta }) => ({ ...signed(fields), metaData: meta }))
  assert.equal(hashes.hashTxTree(tree), header.transaction_hash)
  assert.equal(hashes.hashLedger(header), header.ledger_hash)
  return [result, transactions.map(summary)]
}

async function errors(client) {
  const asked = [
    [{ command: 'account_info', account: NOBODY, signer_lists: true }, 'actNotFound'],
    [{ command: 'submit', tx_blob: 'DEADBEEF' }, 'invalidTransaction'],
    [{ command: 'ledger', ledger_index: 1130, transactions: true, expand: true }, 'lgrNotFound'],
  ]
  const seen = []
  for (const [request, error] of asked) {
    const refusal = await client.request(request).then(
      () => assert.fail(`${request.command} was not refused`),
      (problem) => problem,
    )
    assert(refusal instanceof RippledError, String(refusal))
    assert.equal(refusal.data.error, error)
    seen.push([refusal.message, refusal.data])
  }
  return seen
}

async function pushed(client, version) {
  const messages = []
  const types = {}
  for (const type of ['ledgerClosed', 'transaction', 'validationReceived'])
    client.on(type, (message) => {
      messages.push(message)
      types[type] = (types[type] ?? 0) + 1
    })
  const { result } = await client.request({ command: 'subscribe', streams: STREAMS, accounts: [ALICE] })
  // What the demo node pushes comes before its answer to this.
  await client.request({ command: 'fee' })
  assert(types.ledgerClosed > 10)
  const transactions = messages.filter((message) => message.type === 'transaction')
  assert(transactions.some((message) => message.validated))
  assert(transactions.some((message) => !message.validated))
  // xrpl.js itself marks a payment that delivered less than it said.
  assert(transactions.some((message) => message.warnings?.length))
  return [result, types, messages, transactions.map((message) => summary(reported(message, 'transaction', version)))]
}

async function main(version, url) {
  const client = new Client(url)
  client.on('error', (...problem) => assert.fail(JSON.stringify(problem)))
  await client.connect()
  assert.equal(client.buildVersion, '2.6.1') // what it asks for by itself when it connects
  const report = {
    account_info: await accountInfo(client, version),
    account_tx: await accountTx(client, version),
    'tx, submit': await txAndSubmit(client, version),
    ledger: await ledger(client, version),
    errors: await errors(client),
    subscribe: await pushed(client, version),
  }
  await client.disconnect()
  // Not left to end by itself: how the library disconnects is another test's.
  process.stdout.write(JSON.stringify(report), () => process.exit())
}

main(Number(process.argv[2]), process.argv[3]).catch((problem) => {
  console.error(problem)
  process.exit(1)
})
