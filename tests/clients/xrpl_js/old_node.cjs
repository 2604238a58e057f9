// Today's xrpl.js against a server that only knows API version 1. Writes what it made of the responses, as JSON.
const { Client } = require('xrpl')

const [url, account] = process.argv.slice(3)

async function main() {
  const client = new Client(url)
  await client.connect()
  const balance = await client.getXrpBalance(account)
  const history = await client.request({ command: 'account_tx', account, limit: 60 })
  const ledger = await client.request({ command: 'ledger', ledger_index: 57, transactions: true, expand: true })
  const pushed = new Promise((resolve) => client.once('transaction', resolve))
  await client.request({ command: 'subscribe', streams: ['ledger', 'transactions'] })
  const transaction = await pushed
  await client.disconnect()
  const entry = ledger.result.ledger.transactions[0]
  console.log(JSON.stringify({
    balance: String(balance),
    hashes: history.result.transactions.map(({ hash }) => hash),
    types: history.result.transactions.map(({ tx_json }) => tx_json.TransactionType),
    payment: [entry.hash, entry.tx_json.DeliverMax, entry.close_time_iso],
    pushed: Object.keys(transaction).sort(),
  }))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
